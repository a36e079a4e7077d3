"""What kinds of simulated venues there are, and what their adapters declare."""

from typing import Final

from attrs import frozen

from liveexec.domain.ids import VenueName
from liveexec.domain.operation import Operation, OrderType, TimeInForce, VenueClass
from liveexec.domain.venue import AdapterManifest, ClientIdRule, DedupeScope, Ordering, RateLimit, ReplaceMode

__all__ = ["RATE_LIMIT", "SKEW_NS", "VISIBILITY_LAG_NS", "VenueKind", "manifest_of"]

_MS: Final = 1_000_000
#: How far a venue's clock may be off, which the engine is told.
SKEW_NS: Final = 30 * _MS
#: How long an order may stay invisible to questions, which the manifest says.
VISIBILITY_LAG_NS: Final = 60 * _MS
#: What a limited venue takes: little enough that a run gets there.
RATE_LIMIT: Final = RateLimit(per_second=40.0, burst=8, cancel_lane=3)


@frozen
class VenueKind:
    """What kind of venue it is: how it replaces, how its answers come, whether plans have to be asked for."""

    name: VenueName
    replace: ReplaceMode = ReplaceMode.ATOMIC_TOTAL
    renames: bool = False
    #: The answer to a request is only that it left; what became of it comes as a report.
    answers_by_report: bool = False
    prepares: bool = False
    per_account: bool = False
    is_limited: bool = False
    #: What fees are paid in; some venues take a token of their own.
    fee_asset: str = "USDT"
    #: Whether somebody traded in our account before we came.
    has_past: bool = False
    #: Whether it ends an order, without a word, when it refuses to change it.
    drops_refused: bool = False
    #: Whether little is traded there, so that what rests rests for long.
    is_thin: bool = False
    #: Whether what its stream says names orders by the venue's ids alone.
    is_anonymous: bool = False


def manifest_of(kind: VenueKind) -> AdapterManifest:
    """What the adapter of such a venue declares."""
    return AdapterManifest(
        venue=kind.name,
        venue_class=VenueClass.CEFI,
        api_version=(1, 0),
        operations=frozenset({Operation.TRADE}),
        order_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
        time_in_force=frozenset(TimeInForce),
        post_only=True,
        reduce_only=True,
        replace=kind.replace,
        request_expiry=True,
        visibility_lag_ns=VISIBILITY_LAG_NS,
        ordering=Ordering.PER_ACCOUNT if kind.per_account else Ordering.PER_ORDER,
        dedupe_scope=DedupeScope.FOREVER,
        query_by_client_id=True,
        rate_limit=RATE_LIMIT if kind.is_limited else None,
        client_id=None if kind.prepares else ClientIdRule(),
    )
