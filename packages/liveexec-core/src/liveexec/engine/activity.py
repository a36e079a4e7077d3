"""How busy strategies are: bounded sliding windows over orders, messages and executions. Time is handed in."""

from collections import OrderedDict, deque
from typing import Final

from attrs import define, field

from liveexec.domain.fill import Fill
from liveexec.domain.ids import StrategyId
from liveexec.domain.money import value_key
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.engine.risk_config import RiskConfig

__all__ = ["Activity", "Fingerprint", "Recent"]

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS

#: What makes two orders equal for the duplicate rule: strategy, instrument key, side, and the keys of quantity and
#: price (:func:`~liveexec.domain.money.value_key`).
Fingerprint = tuple[StrategyId, str | None, Side | None, str, str | None]

#: Above this many strategies or fingerprints, what is idle is dropped; fingerprints in their order of arrival.
_MOST_STRATEGIES: Final = 4_096
_MOST_FINGERPRINTS: Final = 65_536


@define(eq=False)
class Recent:
    """The times of the last ``most`` occurrences: enough to say whether a limit of at most ``most`` is reached."""

    most: int
    times: deque[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.times = deque(maxlen=self.most)

    def note(self, at_ns: int) -> None:
        """Something occurred."""
        self.times.append(at_ns)

    def reaches(self, limit: int, window_ns: int, now_ns: int) -> bool:
        """Whether ``limit`` occurrences lie within the window that ends now; one a whole window ago is out of it."""
        times = self.times
        return len(times) >= limit and now_ns - times[-limit] < window_ns

    def resized(self, most: int) -> "Recent":
        """The same occurrences, of which as many are kept from now on."""
        other = Recent(most)
        other.times.extend(self.times)
        return other


@define(eq=False)
class Activity:
    """What happened lately, as far as the configured limits need it: what no limit asks for is not kept."""

    config: RiskConfig | None = None
    #: All callers' orders; ``None`` while nothing limits them.
    orders: Recent | None = None
    _orders_by_strategy: dict[StrategyId, Recent] = field(factory=dict)
    #: Requests to venues; ``None`` while nothing limits them.
    messages: Recent | None = None
    #: Oldest first. A plain dictionary walks over all that was deleted at its front when it is asked for the first one.
    _fingerprints: OrderedDict[Fingerprint, int] = field(factory=OrderedDict)
    #: The fingerprint that was asked for last: an order is compared with others, and then noted.
    _asked: tuple[Order, Fingerprint] | None = None
    _executions: dict[tuple[StrategyId, str | None, Side | None], Recent] = field(factory=dict)
    _per_strategy: int = 0

    def configure(self, config: RiskConfig) -> None:
        """Keep from now on what these limits need; what is known already stays."""
        self.config = config
        self.orders = _sized(self.orders, config.max_orders_per_second, config.max_orders_per_minute)
        self.messages = _sized(self.messages, config.max_messages_per_second)
        self._per_strategy = max(
            config.max_orders_per_second_per_strategy or 0, config.max_orders_per_minute_per_strategy or 0
        )
        self._orders_by_strategy = {
            strategy_id: recent.resized(self._per_strategy)
            for strategy_id, recent in self._orders_by_strategy.items()
            if self._per_strategy
        }
        if config.duplicate_window_ns is None:
            self._fingerprints.clear()
        count = config.repeated_execution_count
        self._executions = {key: recent.resized(count) for key, recent in self._executions.items() if count is not None}

    def note_order(self, order: Order, at_ns: int, *, refused: bool = False) -> None:
        """A caller's order was checked. One that was refused counts as activity, but nothing can repeat it."""
        if self.orders is not None:
            self.orders.note(at_ns)
        if self._per_strategy:
            recent = self._orders_by_strategy.get(order.strategy_id)
            if recent is None:
                self._drop_idle(at_ns)
                recent = self._orders_by_strategy[order.strategy_id] = Recent(self._per_strategy)
            recent.note(at_ns)
        if not refused and self.config is not None and self.config.duplicate_window_ns is not None:
            self._note_fingerprint(self._fingerprint(order), at_ns, self.config.duplicate_window_ns)

    def note_message(self, at_ns: int) -> None:
        """A request went out to a venue."""
        if self.messages is not None:
            self.messages.note(at_ns)

    def note_execution(self, order: Order, fill: Fill, at_ns: int) -> bool:
        """A fill of an order that a caller asked for, after it was folded; for a child's fill, its parent is handed in.

        An order counts once, with its first fill. True when the configured number of orders of one strategy,
        instrument and side was executed within the window: the strategy is to be latched. Counting then begins anew,
        so that it can trade again once the latch is cleared.
        """
        config = self.config
        if config is None or config.repeated_execution_count is None or config.repeated_execution_window_ns is None:
            return False
        if order.filled_quantity != fill.quantity:
            return False
        key = (order.strategy_id, order.intent.instrument_key, order.intent.side)
        recent = self._executions.get(key)
        if recent is None:
            self._drop_idle_executions(at_ns, config.repeated_execution_window_ns)
            recent = self._executions[key] = Recent(config.repeated_execution_count)
        recent.note(at_ns)
        if not recent.reaches(config.repeated_execution_count, config.repeated_execution_window_ns, at_ns):
            return False
        del self._executions[key]
        return True

    def orders_of(self, strategy_id: StrategyId) -> Recent | None:
        """A strategy's orders; ``None`` when it gave none lately, or nothing limits them."""
        return self._orders_by_strategy.get(strategy_id)

    def last_equal(self, order: Order) -> int | None:
        """When an order equal to this one was last let through, if that is still remembered."""
        mark = fingerprint(order)
        self._asked = (order, mark)
        return self._fingerprints.get(mark)

    def _fingerprint(self, order: Order) -> Fingerprint:
        asked, self._asked = self._asked, None
        return asked[1] if asked is not None and asked[0] is order else fingerprint(order)

    def _note_fingerprint(self, mark: Fingerprint, at_ns: int, window_ns: int) -> None:
        known = self._fingerprints
        # A mark that comes again moves to the end, so the first one is always the oldest.
        known.pop(mark, None)
        known[mark] = at_ns
        while known:
            oldest = next(iter(known))
            if at_ns - known[oldest] < window_ns and len(known) <= _MOST_FINGERPRINTS:
                break
            del known[oldest]

    def _drop_idle(self, now_ns: int) -> None:
        if len(self._orders_by_strategy) >= _MOST_STRATEGIES:
            self._orders_by_strategy = {
                strategy_id: recent
                for strategy_id, recent in self._orders_by_strategy.items()
                if now_ns - recent.times[-1] < MINUTE_NS
            }

    def _drop_idle_executions(self, now_ns: int, window_ns: int) -> None:
        if len(self._executions) >= _MOST_STRATEGIES:
            self._executions = {
                key: recent for key, recent in self._executions.items() if now_ns - recent.times[-1] < window_ns
            }


def fingerprint(order: Order) -> Fingerprint:
    """What an order has in common with its duplicates."""
    intent = order.intent
    price = order.price
    return (
        order.strategy_id,
        intent.instrument_key,
        intent.side,
        value_key(order.quantity),
        value_key(price) if price is not None else None,
    )


def _sized(recent: Recent | None, *limits: int | None) -> Recent | None:
    most = max((limit for limit in limits if limit is not None), default=0)
    if not most:
        return None
    return recent.resized(most) if recent is not None else Recent(most)
