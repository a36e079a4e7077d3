"""Checked with cancels, adoptions and drifts that become durable: that somebody wished them, or the venue shows why."""

from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from typing import Any, Final

from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, DriftSeen, ScopeKind, TradingState
from liveexec.domain.ids import EXTERNAL, AccountId, OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.record import Record
from liveexec.engine.inputs import ControlKind
from liveexec.engine.scopes import in_scope
from liveexec_testkit.simulator.greedy import GREEDY
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.kill_switch import KillNote

__all__ = ["WishChecks", "external_id"]

#: Requests that leave so close together leave at once.
_TOGETHER_NS: Final = 5_000_000
_BASE32: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@define(eq=False)
class WishChecks:
    """``kills`` are all that were ever asked for, ``asked`` the orders whose cancel a caller asked for; ``has_moved``
    says whether a position or a balance moved at its venue without anybody hearing of it."""

    violations: Violations
    ledger: Ledger
    kills: Callable[[], Sequence[KillNote]]
    asked: Callable[[], Collection[OrderId]]
    has_moved: Callable[[AccountId, str], bool]
    #: Which of our orders a venue means by a name of its own.
    ours: Callable[[AccountId, str], OrderId | None]
    #: Orders that an operator ended: they claim nothing any more.
    resolved: Collection[OrderId] = ()
    excuses: Excuses = field(factory=Excuses)
    _drifts: list[DriftSeen] = field(factory=list)
    #: When a child was held back for want of room in its family.
    _held_back: dict[OrderId, int] = field(factory=dict)

    def before(self, record: Record, order: Order | None, event: Any) -> None:
        """An event is durable, and about to be folded."""
        match event:
            case ev.CancelRequested(principal=principal):
                assert order is not None
                self._check_wish(order, principal)
            case ev.Adopted() if order is None:
                name = event.report.venue_order_id or event.report.client_order_id
                if record.stream != external_id(event.account_id, f"{name}"):
                    self.violations.add(15, f"{name} of {event.account_id} was adopted as {record.stream}")
                self._check_adoption(event, record.at_ns)
            case DriftSeen():
                self._drifts.append(event)
            case ev.NotSent(reason="children would exceed their parent"):
                assert order is not None
                self._check_excess(order, record.at_ns)
            case _:
                pass

    def after_batch(self, _: int) -> None:
        """A batch is folded: a drift is one, and its instrument takes no more risk."""
        for drift in self._drifts:
            kind, name = drift.subject.split(":", 1)
            if not self.has_moved(drift.account_id, name):
                self.violations.add(16, f"{drift.account_id}: a drift of {name} that never was")
            scope = ControlScope(ScopeKind.INSTRUMENT, name)
            if kind == "position" and self.ledger.state_of(scope) is TradingState.ACTIVE:
                self.violations.add(24, f"{name} drifts, and trading in it goes on")
        self._drifts.clear()

    def killed(self, note: KillNote) -> None:
        """A caller hears that his kill is recorded: nothing new goes out, and what is there has to go."""
        if self.ledger.state_of(note.scope) is TradingState.ACTIVE:
            self.violations.add(17, f"{note.scope} was killed, and is open")
        if note.kind is not ControlKind.CANCEL_ALL:
            return
        for order in self.ledger.orders.values():
            is_ours = order.is_open and order.strategy_id != EXTERNAL and in_scope(order, note.scope)
            if is_ours and order.cancel is PendingCancel.NONE:
                self.violations.add(17, f"{note.scope} was killed, and nobody wants {order.order_id} cancelled")

    def _check_wish(self, order: Order, principal: str) -> None:
        if principal == "operator":
            kinds = (ControlKind.CANCEL_ALL, ControlKind.FLATTEN)
            if not any(note.kind in kinds and in_scope(order, note.scope) for note in self.kills()):
                self.violations.add(17, f"{order.order_id} is cancelled by a kill that it does not lie in")
        elif principal == "engine" and order.intent.exec_algorithm != GREEDY:
            self.violations.add(11, f"the algorithm of {order.order_id} failed")
        elif principal == "local" and order.order_id not in self.asked():
            self.violations.add(17, f"{order.order_id} is cancelled, and no caller asked for it")

    def _check_adoption(self, event: ev.Adopted, at_ns: int) -> None:
        """What may be ours waits for as long as an order of ours has no name there; it waits a while, not for ever."""
        name = event.report.venue_order_id
        order_id = self.ours(event.account_id, name) if name is not None else None
        order = self.ledger.orders.get(order_id) if order_id is not None else None
        if order is None or order.plan is None:
            return
        if self.excuses.look(Excuse.RESOLVED_CLAIM, fits=order.order_id in self.resolved):
            return
        is_claimed = order.replace is not None and order.replace.atomic
        if is_claimed and order.replace is not None and at_ns < order.replace.plan.valid_until_ns:
            self.violations.add(15, f"{name} is what {order.order_id} is changed into, and was adopted")
        if order.venue_order_id is not None:
            return
        in_doubt = order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
        if in_doubt and at_ns < order.plan.valid_until_ns:
            self.violations.add(15, f"{name} is {order.order_id}, and was adopted as somebody else's")

    def _check_excess(self, order: Order, at_ns: int) -> None:
        """A child is held back for want of room. Siblings that leave in the same moment are held back together, though
        one of them would have had room without the others."""
        self._held_back[order.order_id] = at_ns
        parent = self.ledger.orders[order.parent_id] if order.parent_id is not None else None
        assert parent is not None
        children = [self.ledger.orders[child] for child in parent.children or ()]
        taken = sum((child.filled_quantity + child.leaves for child in children), ZERO)
        taken += sum((child.quantity for child in children if self._is_held_with(child, order, at_ns)), ZERO)
        if taken <= parent.quantity:
            self.violations.add(11, f"{order.order_id} was held back, with {taken} of {parent.quantity} taken")

    def _is_held_with(self, sibling: Order, order: Order, at_ns: int) -> bool:
        held_ns = self._held_back.get(sibling.order_id)
        return sibling is not order and held_ns is not None and at_ns - held_ns <= _TOGETHER_NS


def external_id(account_id: AccountId, name: str) -> OrderId:
    """The id of an order that others sent, by its definition: a UUIDv8 of account and name, in base 32."""
    octets = bytearray(sha256(f"external/{account_id}/{name}".encode()).digest()[:16])
    octets[6] = octets[6] & 0x0F | 0x80
    octets[8] = octets[8] & 0x3F | 0x80
    number = int.from_bytes(octets)
    return OrderId("ORD-" + "".join(_BASE32[number >> shift & 31] for shift in range(125, -1, -5)))
