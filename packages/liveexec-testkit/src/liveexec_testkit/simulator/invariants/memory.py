"""Checked every few steps and at the end: the engine's memory and the tables against the journal and the venues."""

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal, localcontext
from operator import attrgetter
from typing import Any, Final

import attrs
from attrs import define, field

from liveexec.domain.codec import encode_json
from liveexec.domain.ids import OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.domain.position import AccountBook, Position
from liveexec.engine.exposure import ExposureBook, Working, price_sign, worst_price
from liveexec.runtime.rebuild import verify_tables
from liveexec.runtime.shard import ShardRuntime
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.store import at_once
from liveexec_testkit.simulator.venue_truth import TrueOrder

__all__ = ["MemoryChecks", "check_reservations", "check_tables"]


@define(eq=False)
class MemoryChecks:
    """What is durable is a prefix of what the engine decided, and what readers see is exactly what is durable.

    An order is compared again only when it changed since, unless everything is asked for.
    """

    journal: JournalChecks
    violations: Violations
    _seen: dict[tuple[int, OrderId], tuple[int, int, int]] = field(factory=dict)

    def check(self, shard: ShardRuntime, *, everything: bool) -> None:
        """Compare a shard's memory with the journal."""
        if everything:
            self._seen.clear()
        engine, durable, view = shard.engine.state.ledger, self.journal.ledger, shard.view.ledger
        is_level = shard.view.position == self.journal.position
        for order_id, known in durable.orders.items():
            decided, seen = engine.orders.get(order_id), view.orders.get(order_id)
            key = (shard.journal.epoch, order_id)
            sequences = (
                known.last_sequence,
                decided.last_sequence if decided is not None else 0,
                seen.last_sequence if seen is not None and is_level else 0,
            )
            if self._seen.get(key) != sequences:
                self._seen[key] = sequences
                self._compare(known, decided, seen if is_level else None)
        if is_level:
            _compare_ledgers(view, durable, self.violations)
        with localcontext(MONEY):
            _check_exposure(shard, self.violations)

    def _compare(self, known: Order, decided: Order | None, seen: Order | None) -> None:
        fold = _encoded(known)
        if seen is not None and _encoded(seen) != fold:
            self.violations.add(8, f"{known.order_id}: readers see it otherwise than the journal folds it")
        if decided is None:
            return
        if known.last_sequence > decided.last_sequence:
            self.violations.add(
                8, f"{known.order_id}: {known.last_sequence} is durable, the engine is at {decided.last_sequence}"
            )
        # A parent moves with its children's fills, which have no record of its own.
        elif known.last_sequence == decided.last_sequence and not known.is_parent and _encoded(decided) != fold:
            self.violations.add(8, f"{known.order_id}: the engine holds it otherwise than the journal folds it")


def check_reservations(
    shard: ShardRuntime,
    at_venues: Iterable[TrueOrder],
    violations: Violations,
    resolved: Collection[OrderId] = (),
    excuses: Excuses | None = None,
) -> None:
    """What the venues may still fill of ours is reserved, quantity and price."""
    orders = shard.engine.state.ledger.orders
    for true in at_venues:
        if true.status is not VenueOrderStatus.WORKING or true.order_id is None:
            continue
        is_excused = true.came_late or true.order_id in resolved
        if excuses is not None:
            excuses.look(Excuse.UNRESERVED, fits=is_excused)
        if is_excused:
            continue
        order = orders.get(true.order_id)
        if order is None or not order.is_open:
            violations.add(13, f"{true.venue_order_id} works with {true.leaves}, and nothing is reserved for it")
            continue
        worst = worst_price(order)
        if order.worst_leaves < true.leaves:
            violations.add(13, f"{order.order_id}: {order.worst_leaves} reserved, {true.leaves} may be filled")
        elif true.price is not None and worst is not None and price_sign(true.side) > 0 and worst < true.price:
            violations.add(13, f"{order.order_id}: reserved at {worst}, the venue works it at {true.price}")


def check_tables(store: MemoryStore, shard: str, violations: Violations) -> None:
    """The tables are the fold of the journal as far as they go."""
    for difference in at_once(verify_tables(store, shard)):
        violations.add(18, str(difference))


def _check_exposure(shard: ShardRuntime, violations: Violations) -> None:
    """What is reserved is the sum over the approved orders, each at its worst."""
    kept, anew = shard.engine.state.exposure, ExposureBook()
    for order in shard.engine.state.ledger.orders.values():
        if order.approved:
            anew.reserve(order)
    for name in ("accounts", "strategies"):
        mine, theirs = getattr(kept, name), getattr(anew, name)
        if {key: _numbers(each) for key, each in mine.items()} != {key: _numbers(each) for key, each in theirs.items()}:
            violations.add(13, f"exposure by {name} is not the sum of the open orders")
    if _numbers(kept.products) != _numbers(anew.products):
        violations.add(13, "exposure by product is not the sum of the open orders")


def _compare_ledgers(mine: Ledger, theirs: Ledger, violations: Violations) -> None:
    for name in ("states", "latches", "drifts"):
        left, right = getattr(mine, name), getattr(theirs, name)
        # By value: tables keep an amount, and not how many places it was written with.
        if {key: _values(each) for key, each in left.items()} != {key: _values(each) for key, each in right.items()}:
            violations.add(8, f"readers see other {name} than the journal folds to")
    if _facts(mine.positions) != _facts(theirs.positions):
        violations.add(12, "readers see other positions than the journal folds to")
    for account_id, book in theirs.books.items():
        seen = mine.books.get(account_id, AccountBook(account_id))
        if _facts(seen.positions) != _facts(book.positions) or _amounts(seen.assets) != _amounts(book.assets):
            violations.add(12, f"readers see another book of {account_id} than the journal folds to")


def _facts(positions: Mapping[Any, Position]) -> dict[Any, tuple[Any, ...]]:
    """What positions say; one that never moved says nothing, and when one moved last is not kept by the tables."""
    facts = {key: (each.quantity, each.cost, each.realized_pnl, _amounts(each.fees)) for key, each in positions.items()}
    return {key: fact for key, fact in facts.items() if any(fact)}


def _amounts(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {asset: amount for asset, amount in amounts.items() if amount}


def _numbers(places: Mapping[Any, Working]) -> dict[Any, tuple[Decimal | int, ...]]:
    return {
        key: (each.buys, each.sells, each.buy_cost, each.sell_cost, each.orders, each.unpriced)
        for key, each in places.items()
    }


#: Fields of an order whose order says nothing.
_SETS: Final = ("undone_fills", "earlier_fills")


_READERS: Final[dict[type[Any], Callable[[Any], tuple[Any, ...]]]] = {}


def _fields_of(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads all fields of an object, but for sets, at once."""
    reader = _READERS.get(kind)
    if reader is None:
        reader = _READERS[kind] = attrgetter(*(each.name for each in attrs.fields(kind) if each.name not in _SETS))
    return reader


def _values(value: Any) -> tuple[Any, ...]:
    return _fields_of(type(value))(value)


def _encoded(value: Any) -> bytes:
    """An object field by field, to compare two of them by what they hold."""
    fields = _fields_of(type(value))(value)
    if type(value) is Order and (value.undone_fills or value.earlier_fills):
        return encode_json((fields, sorted(value.undone_fills), sorted(value.earlier_fills)))
    return encode_json(fields)
