"""UnifiedOrderManager: every order in memory, found by any name that it ever had."""

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.ids import AccountId, ClientOrderId, OperationId, OrderId, VenueOrderId, format_order_id
from liveexec.domain.ledger import Ledger
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.outcome import OrderRef
from liveexec.errors import InvariantViolation

__all__ = [
    "NAMING_EVENTS",
    "OperationKind",
    "UnifiedOrderManager",
    "UsedOperation",
    "is_own_operation_id",
    "operation_id_of",
    "own_operation_id",
]

#: Prefix of operation ids that were made here because the caller gave none: they need no look-up.
_OWN_OPERATION: Final = "OP."

#: Events that bring names or operation ids: those that have to be noted.
NAMING_EVENTS: Final = frozenset(
    {
        ev.OrderReceived,
        ev.CancelRequested,
        ev.ReplaceRequested,
        ev.SubmitRequested,
        ev.Accepted,
        ev.Replaced,
        ev.Adopted,
    }
)

#: What an operation id was used for: submit, cancel or replace.
OperationKind = str
#: (kind, content hash, order)
UsedOperation = tuple[OperationKind, str, OrderId]
#: (kind of reference, reference)
_Name = tuple[str, str]


def is_own_operation_id(operation_id: OperationId) -> bool:
    """Whether the id looks like one that was made here; callers may not choose such a one."""
    return operation_id.startswith(_OWN_OPERATION)


def operation_id_of(order_id: OrderId) -> OperationId:
    """The operation id of a submit whose caller gave none: an order is submitted once, so its id serves."""
    return OperationId(_OWN_OPERATION + order_id[4:])


def own_operation_id(number: int) -> OperationId:
    """An operation id for a caller who gave none, from 128 bits that are used once."""
    return OperationId(_OWN_OPERATION + format_order_id(number)[4:])


_NOBODY: Final[Mapping[str | None, OrderId]] = {}


@define(eq=False)
class UnifiedOrderManager:
    """Indexes over the ledger's orders. The engine notes each event here after it was folded."""

    ledger: Ledger
    #: Orders by reference, for each account and kind: a pair as the key of every single one would cost as much again.
    _names: dict[tuple[AccountId, str], dict[str | None, OrderId]] = field(factory=dict)
    #: Names beside an order's current client and venue id, so that all of them can be dropped with it.
    _earlier_names: dict[OrderId, list[tuple[AccountId, _Name]]] = field(factory=dict)
    _operations: dict[tuple[str, OperationId], UsedOperation] = field(factory=dict)
    _operations_of: dict[OrderId, list[tuple[str, OperationId]]] = field(factory=dict)

    def get(self, order_id: OrderId) -> Order | None:
        """The order, if it is in memory."""
        return self.ledger.orders.get(order_id)

    def find(self, ref: OrderRef) -> Order | None:
        """The order that a venue means, by any of the names it gives, if it is in memory.

        Where one name is an adopted order's and another one's own, the adopted order is what the venue has: see
        :meth:`adopted_as`.

        Raises:
            InvariantViolation: its names belong to two orders of ours.
        """
        return self.find_named(ref.account_id, ref.client_order_id, ref.venue_order_id, ref.refs)

    def find_named(
        self,
        account_id: AccountId,
        client_order_id: ClientOrderId | None,
        venue_order_id: VenueOrderId | None,
        refs: dict[str, str] | None = None,
    ) -> Order | None:
        """The same by the names alone. See :meth:`find`."""
        names = self._names
        found = names.get((account_id, "client"), _NOBODY).get(client_order_id)
        others = [("venue", venue_order_id)] if not refs else [("venue", venue_order_id), *refs.items()]
        for kind, reference in others:
            order_id = names.get((account_id, kind), _NOBODY).get(reference)
            if order_id is None:
                continue
            if found is not None and found != order_id:
                adopted = [each for each in (found, order_id) if self.ledger.orders[each].is_adopted]
                if len(adopted) != 1:
                    raise InvariantViolation(f"{account_id}: {reference} names {order_id}, another name of it {found}")
                order_id = adopted[0]
            found = order_id
        return self.ledger.orders[found] if found is not None else None

    def operation(self, principal: str, operation_id: OperationId) -> UsedOperation | None:
        """What the operation id was used for, if that is in memory."""
        return self._operations.get((principal, operation_id))

    def open_orders(self, account_id: AccountId | None = None) -> Iterator[Order]:
        """Open orders, oldest first; of one account's leaves if an account is given."""
        for order in list(self.ledger.orders.values()):
            if order.is_open and (account_id is None or order.account_id == account_id):
                yield order

    def note(self, order: Order, event: OrderEvent) -> None:
        """Keep the indexes up with one of the naming events that was folded into the order."""
        match event:
            case ev.OrderReceived():
                if order.parent_id is None:
                    self._note_operation(order, event.principal, event.operation_id, "submit", event.content_hash)
            case ev.CancelRequested():
                self._note_operation(order, event.principal, event.operation_id, "cancel", event.content_hash)
            case ev.ReplaceRequested():
                self._note_operation(order, event.principal, event.operation_id, "replace", event.content_hash)
                self._keep_names(order)
                self.name(order, "client", event.plan.client_order_id)
                self._name_all(order, event.plan.refs)
            case ev.SubmitRequested():
                self.name(order, "client", event.plan.client_order_id)
                if event.plan.refs:
                    self._name_all(order, event.plan.refs)
            case ev.Accepted():
                if event.venue_order_id is not None:
                    self.name(order, "venue", event.venue_order_id)
                self._name_all(order, event.refs)
            case ev.Replaced():
                if event.venue_order_id is not None:
                    self.name(order, "venue", event.venue_order_id)
            case ev.Adopted():
                if order.client_order_id is not None:
                    self.name(order, "client", order.client_order_id)
                if order.venue_order_id is not None:
                    self.name(order, "venue", order.venue_order_id)
                self._name_all(order, event.report.refs)
            case _:
                pass

    def is_named(self, order: Order, kind: str, reference: str) -> bool:
        """Whether the order was called so at its venue, now or before."""
        names = self._names.get((order.account_id, kind)) if order.account_id is not None else None
        return names is not None and names.get(reference) == order.order_id

    def adopted_as(self, order: Order, venue_order_id: str) -> OrderId | None:
        """The adopted order that has this id at the venue, although it is now said to be the given order's."""
        names = self._names.get((order.account_id, "venue")) if order.account_id is not None else None
        known = names.get(venue_order_id) if names is not None else None
        if known is None or known == order.order_id:
            return None
        return known if self.ledger.orders[known].is_adopted else None

    def name(self, order: Order, kind: str, reference: str) -> None:
        """Let a name mean the order from now on.

        Raises:
            InvariantViolation: it means another order already; a client id is never used twice.
        """
        if order.account_id is None:
            raise InvariantViolation(f"{order.order_id}: named at a venue before it was routed")
        place = (order.account_id, kind)
        names = self._names.get(place)
        if names is None:
            names = self._names[place] = {}
        known = names.setdefault(reference, order.order_id)
        if known != order.order_id:
            raise InvariantViolation(f"{order.account_id}: {kind} id {reference} of {order.order_id} is {known}'s")
        if order.attempt > 1 or kind not in ("client", "venue"):
            self._earlier_names.setdefault(order.order_id, []).append((order.account_id, (kind, reference)))

    def forget(self, order: Order) -> None:
        """Drop a finished order from memory, with its names and operations. The store finds it from now on."""
        if order.account_id is not None:
            self._unname(order.account_id, "client", order.client_order_id)
            self._unname(order.account_id, "venue", order.venue_order_id)
        for account_id, (kind, reference) in self._earlier_names.pop(order.order_id, ()):
            self._unname(account_id, kind, reference)
        for key in self._operations_of.pop(order.order_id, ()):
            self._operations.pop(key, None)
        del self.ledger.orders[order.order_id]

    def _unname(self, account_id: AccountId, kind: str, reference: str | None) -> None:
        names = self._names.get((account_id, kind))
        if names is not None and reference is not None:
            names.pop(reference, None)

    def restore(self, order: Order, names: list[_Name]) -> None:
        """Know an order that came back from the store by every name that its events gave it.

        Its operation ids stay in the store, where they are looked up.
        """
        for kind, reference in names:
            self.name(order, kind, reference)
            if order.account_id is not None:
                self._earlier_names.setdefault(order.order_id, []).append((order.account_id, (kind, reference)))

    def _note_operation(self, order: Order, principal: str, operation_id: OperationId, kind: str, digest: str) -> None:
        if is_own_operation_id(operation_id):
            return
        key = (principal, operation_id)
        self._operations[key] = (kind, digest, order.order_id)
        self._operations_of.setdefault(order.order_id, []).append(key)

    def _keep_names(self, order: Order) -> None:
        """A change may give the order other names: remember those that it has, so that they go when it goes."""
        assert order.account_id is not None
        kept = self._earlier_names.setdefault(order.order_id, [])
        for kind, reference in (("client", order.client_order_id), ("venue", order.venue_order_id)):
            if reference is not None:
                kept.append((order.account_id, (kind, reference)))

    def _name_all(self, order: Order, refs: dict[str, str] | None) -> None:
        for kind, reference in (refs or {}).items():
            self.name(order, kind, reference)
