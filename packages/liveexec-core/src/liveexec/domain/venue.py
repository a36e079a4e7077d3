"""What a venue can do and how it behaves: the manifest that an adapter declares and the engine decides by."""

from enum import StrEnum

from attrs import field, frozen

from liveexec.domain.ids import ClientOrderId, OrderId, VenueName
from liveexec.domain.operation import Operation, OrderType, TimeInForce, VenueClass
from liveexec.errors import ConfigurationError, Fault

__all__ = [
    "AdapterManifest",
    "ClientIdRule",
    "DedupeScope",
    "Ordering",
    "RateLimit",
    "ReplaceMode",
]


class ReplaceMode(StrEnum):
    """What a venue's change request means: the new total, the new remaining quantity, or it has none."""

    ATOMIC_TOTAL = "atomic_total"
    ATOMIC_LEAVES = "atomic_leaves"
    NONE = "none"


class Ordering(StrEnum):
    """Between which requests the venue needs their order kept."""

    PER_ORDER = "per_order"
    PER_ACCOUNT = "per_account"


class DedupeScope(StrEnum):
    """For how long the venue refuses a client id that it has seen."""

    FOREVER = "forever"
    WHILE_OPEN = "while_open"
    WINDOW = "window"
    NONE = "none"


@frozen
class ClientIdRule:
    """How a client id is made from an order id when it is a pure function of it.

    The prefix, then the order id's 26 characters, then ``-n`` for the n-th attempt after the first, in lower case
    where the venue's alphabet asks for it.
    """

    prefix: str = "lx"
    max_length: int = 36
    separator: str = "-"
    lower_case: bool = False

    def client_order_id(self, order_id: OrderId, attempt: int) -> ClientOrderId:
        """The client id of an attempt."""
        digits = order_id[4:].lower() if self.lower_case else order_id[4:]
        tail = "" if attempt == 1 else f"{self.separator}{attempt}"
        return ClientOrderId(f"{self.prefix}{digits}{tail}")


@frozen
class RateLimit:
    """Requests that the venue takes: ``burst`` at once, ``per_second`` on average; the last ``cancel_lane`` of the
    burst are kept for cancels.

    Raises:
        ConfigurationError: no request, or none but cancels, would ever leave.
    """

    per_second: float
    burst: int
    cancel_lane: int = 0

    def __attrs_post_init__(self) -> None:
        faults = []
        if not 0 < self.per_second < float("inf"):
            faults.append(Fault("per_second", f"must be more than 0, not {self.per_second}"))
        if self.burst < 1:
            faults.append(Fault("burst", f"must be at least 1, not {self.burst}"))
        if not 0 <= self.cancel_lane < max(self.burst, 1):
            faults.append(Fault("cancel_lane", f"must be less than the burst ({self.burst}), not {self.cancel_lane}"))
        if faults:
            raise ConfigurationError("rate limit", faults)


@frozen
class AdapterManifest:
    """What a venue can do and how it behaves. Times are nanoseconds.

    ``client_id`` is the rule by which ids are derived; ``None`` when ``prepare`` has to be asked.
    ``visibility_lag_ns`` is how long an order may stay invisible to queries after it was taken. ``time_resolution_ns``
    is what the venue's times of fills and orders are cut to (1,000,000 where it tells milliseconds).
    ``details`` names the fields beside the usual ones that an order may have here (``OrderIntent.details``).
    ``spot_positions`` is false where what is held of spot pairs is told as balances alone: that ``positions()`` names
    no pair says nothing then.
    """

    venue: VenueName
    venue_class: VenueClass
    api_version: tuple[int, int]
    operations: frozenset[Operation]
    order_types: frozenset[OrderType]
    time_in_force: frozenset[TimeInForce]
    post_only: bool = False
    reduce_only: bool = False
    details: frozenset[str] = frozenset()
    replace: ReplaceMode = ReplaceMode.NONE
    request_expiry: bool = False
    visibility_lag_ns: int = 0
    time_resolution_ns: int = 1
    ordering: Ordering = Ordering.PER_ORDER
    client_id: ClientIdRule | None = field(factory=ClientIdRule)
    dedupe_scope: DedupeScope = DedupeScope.NONE
    query_by_client_id: bool = False
    fills_history_ns: int | None = None
    spot_positions: bool = True
    rate_limit: RateLimit | None = None
    sandbox: bool = True
