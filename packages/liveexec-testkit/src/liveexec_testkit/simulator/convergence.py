"""After the faults: everything has to come to rest, and to the venues' truth; reconciling again changes nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import EXTERNAL, AccountId, InstrumentId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.engine.inputs import ControlKind
from liveexec.engine.scopes import in_scope
from liveexec.runtime.inbox import Priority
from liveexec.runtime.journal import JournalState
from liveexec.runtime.sessions import SessionState
from liveexec.runtime.shard import ShardRuntime
from liveexec_testkit.simulator.adapter import CREDENTIAL
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.finale import accept_drifts, check_damaged_tables, probe, trade_in_silence
from liveexec_testkit.simulator.invariants.endings import wrong_endings
from liveexec_testkit.simulator.invariants.excuses import Excuse
from liveexec_testkit.simulator.ladder import LADDER, goes_up_no_more
from liveexec_testkit.simulator.rogue import check_rogue_writers
from liveexec_testkit.simulator.venue import SimVenue
from liveexec_testkit.simulator.world import World

__all__ = ["converge"]

#: How long everything may take to come to rest: a session whose circuit is open is left alone for a minute.
_PATIENCE_S: Final = 100.0
_LOOK_S: Final = 0.25
#: Later looks are rarer: whoever is not at rest by now waits for something.
_RARE_LOOK_S: Final = 1.0
_RARE_AFTER_S: Final = 5.0
#: Amounts are kept to 18 places, so sums of some of them differ by less than this.
_CLOSE: Final = Decimal("1e-12")


async def converge(world: World) -> None:
    """Let everything come to rest; what does not, or not to the truth, is a violation."""
    while not world.is_over:  # noqa: ASYNC110  (virtual time: a look costs nothing)
        await asyncio.sleep(_LOOK_S)
    for venue in world.venues:
        venue.activity.is_quiet = True
    if not await _rests(world):
        return
    # What was missed while faults struck (a fill that was lost, and taken back) may show only now: what comes after
    # that is the second time.
    if not await _reconciled_again(world):
        return
    before = world.journal.position
    if await _reconciled_again(world) and world.journal.position != before:
        world.violations.add(20, f"reconciling again wrote {world.journal.position - before} records")
    asked = [*probe(world), *accept_drifts(world)]
    for each in asked:
        world.supervisor.process.run(each)
    if (trade_in_silence(world) or asked) and not await _rests(world):
        return
    check_damaged_tables(world)
    check_rogue_writers(world)
    for ending in wrong_endings(
        world.journal.ledger, world.at_venues.of, world.journal.resolved, world.lookout.excuses
    ):
        world.violations.add(9, ending)
    world.check(everything=True)
    for fault in _untold_secrets(world):
        world.violations.add(22, fault)


async def _reconciled_again(world: World) -> bool:
    """Have every account compared with its venue once more; whether everything came to rest again."""
    for venue in world.venues:
        venue.sessions.interrupt("asked to reconcile again")
    # The gap has to arrive before it can be recovered from.
    await asyncio.sleep(_LOOK_S)
    return await _rests(world)


async def _rests(world: World) -> bool:
    """Wait until nothing is under way and everything agrees; say what does not in the end."""
    started_s = world.seconds()
    calm = 0
    while world.violations.first is None:
        unrest = next(_unrest(world), None)
        calm = calm + 1 if unrest is None else 0
        # Twice in a row, so that what one look sets off is seen by the next.
        if calm >= 2:
            return True
        took_s = world.seconds() - started_s
        if unrest is not None and took_s > _PATIENCE_S:
            number, what = unrest
            world.violations.add(number, f"after {_PATIENCE_S:.0f} s without faults: {what}")
            break
        await asyncio.sleep(_LOOK_S if took_s < _RARE_AFTER_S or calm else _RARE_LOOK_S)
    return False


def _unrest(world: World) -> Iterator[tuple[int, str]]:
    """(invariant, what) for everything that is not at rest, or not as the venues have it."""
    process = world.supervisor.process
    shard = process.shard
    if not process.is_alive or shard is None or shard.failure.done():
        yield 14, f"process {process.number} does not run: {process.orchestrator.error}"
        return
    if process.is_asked:
        yield 19, "a caller still waits for its answer"
    for session in shard.sessions:
        if session.state is not SessionState.ACTIVE:
            yield 14, f"the session with {session.venue} is {session.state}: {session.last_error}"
    for account_id, instrument_id in shard.engine.state.unclaimed:
        yield 14, f"reports of {account_id} in {instrument_id} wait for their orders"
    if shard.hydrator.is_asked:
        yield 18, "something is looked up"
    yield from _drifts_to_be_told(world, shard.engine.state.ledger)
    orders = shard.engine.state.ledger.orders
    for order in orders.values():
        children = [orders[child] for child in order.children or () if child in orders]
        yield from _unsettled(order, children, WALL_NS + world.loop.now_ns)
    for venue in world.venues:
        if venue.travelling:
            # Nobody need wait for them: an operator may have ended their orders.
            yield 14, f"{len(venue.travelling)} requests are on their way to {venue.kind.name}"
        if venue.belated:
            yield 14, f"{venue.belated} requests are on their way to {venue.kind.name}, too late"
        if venue.sessions.reports_travelling:
            yield 14, f"{venue.sessions.reports_travelling} reports of {venue.kind.name} are on their way"
        yield from _differences(world, venue, shard)
    for note in world.workload.kill_switch.kills:
        if note.kind is ControlKind.CANCEL_ALL and note.is_durable:
            for order in world.journal.ledger.orders.values():
                # What others order there is theirs to cancel.
                if order.is_open and order.strategy_id != EXTERNAL and in_scope(order, note.scope):
                    yield 17, f"{order.order_id} is {order.status} after the kill of {note.scope}"
    # Last, since these may only be the noise of what does not come to rest.
    if shard.journal.state is not JournalState.WRITING or shard.journal.backlog or shard.view.pending:
        yield 18, f"the journal is {shard.journal.state}, {shard.view.pending} records are not projected"
    if shard.inbox.depth(Priority.REPORT) or shard.dispatcher.in_flight:
        yield 14, f"{shard.dispatcher.in_flight} requests are in flight"


def _drifts_to_be_told(world: World, ledger: Ledger) -> Iterator[tuple[int, str]]:
    """A drift that is another by now is told anew once two comparisons have shown it."""
    nets = {venue.account_id: venue.truth.nets() for venue in world.venues}
    for (account_id, subject), drift in ledger.drifts.items():
        kind, _, name = subject.partition(":")
        if kind == "balance":
            continue
        instrument_id = InstrumentId(name)
        difference = nets[account_id].get(instrument_id, ZERO) - ledger.net_quantity(account_id, instrument_id)
        if difference != drift.theirs - drift.ours:
            yield 10, f"the drift of {subject} on {account_id} is {difference} by now"


def _balance_differences(venue: SimVenue, ledger: Ledger) -> Iterator[tuple[int, str]]:
    """What an account has by the journal, with the drifts that it knows, is what the venue says. Of an asset that an
    open position settles in nobody knows how much is realised."""
    book = ledger.books.get(venue.account_id)
    if book is None:
        return
    open_in = {
        position.terms.settlement_asset
        for position in book.positions.values()
        if position.quantity and position.terms.kind is not ContractKind.SPOT
    }
    for asset, there in venue.truth.cash.told().items():
        drift = ledger.drifts.get((venue.account_id, f"balance:{asset}"))
        here = book.assets.get(asset, ZERO) + (drift.theirs - drift.ours if drift is not None else ZERO)
        if asset not in open_in and abs(here - there) > _CLOSE:
            yield 16, f"{venue.account_id} has {here} {asset} here, {there} at the venue"


def _unsettled(order: Order, children: Sequence[Order], now_ns: int) -> Iterator[tuple[int, str]]:
    if order.is_parent:
        # A schedule has an end, and whoever waits for nothing will go on; what rests at the venue may rest.
        algorithm = order.intent.exec_algorithm
        may_rest = algorithm in ("ICEBERG", "NORMAL") or (algorithm == LADDER and goes_up_no_more(order, now_ns))
        if order.is_open and not (may_rest and any(child.is_open for child in children)):
            yield 14, f"parent {order.order_id} ({order.intent.exec_algorithm}) is {order.status}"
        return
    if order.status in (OrderStatus.UNKNOWN, OrderStatus.SUBMITTED, OrderStatus.PENDING):
        yield 14, f"{order.order_id} is {order.status}"
    elif order.is_open and order.replace is not None:
        yield 14, f"{order.order_id} waits for its change"
    elif order.is_open and order.cancel.value != "NONE":
        yield 14, f"{order.order_id} waits for its cancel"


def _differences(world: World, venue: SimVenue, shard: ShardRuntime) -> Iterator[tuple[int, str]]:
    account_id = venue.account_id
    name = venue.kind.name
    ours = {
        order.venue_order_id: order
        for order in shard.engine.state.ledger.orders.values()
        if order.is_open and not order.is_parent and order.account_id == account_id
    }
    theirs = {order.venue_order_id: order for order in venue.truth.orders if order.status is VenueOrderStatus.WORKING}
    for venue_order_id in [each for each in ours if each not in theirs]:
        yield 15, f"{name} has no open {venue_order_id}, here it is {ours[venue_order_id].order_id}"
    known = {order.venue_order_id for order in world.journal.ledger.orders.values() if order.account_id == account_id}
    for venue_order_id in [each for each in theirs if each not in ours]:
        is_met = theirs[venue_order_id].order_id is None and venue_order_id in known
        if world.lookout.excuses.look(Excuse.MET_BY_A_FILL, fits=is_met):
            # Somebody else's order that was met by a fill alone counts as no larger than its fills.
            continue
        yield 15, f"{name} works {venue_order_id} ({theirs[venue_order_id].order_id or 'foreign'}), unknown here"
    taken_back = world.journal.taken_back
    for venue_order_id, order in ours.items():
        true = theirs.get(venue_order_id) if venue_order_id is not None else None
        if true is None:
            continue
        # What was taken back of an attempt that another one replaced counts as still to come: more than works there.
        is_cautious = order.attempt > 1 and true.leaves < order.leaves <= true.leaves + taken_back.get(
            order.order_id, ZERO
        )
        world.lookout.excuses.look(Excuse.CAUTIOUS, fits=is_cautious)
        if (order.leaves, order.price) == (true.leaves, true.price):
            continue
        if order.price != true.price or not is_cautious:
            yield 15, f"{order.order_id}: {order.leaves} @ {order.price} here, {true.leaves} @ {true.price} at {name}"
    yield from _fill_differences(world, venue, account_id)
    yield from _balance_differences(venue, world.journal.ledger)
    held = {key[1]: net for key, net in world.journal.nets.items() if key[0] == account_id and net}
    nets = {instrument_id: net for instrument_id, net in venue.truth.nets().items() if net}
    for instrument_id in dict.fromkeys([*held, *nets]):
        drift = world.journal.ledger.drifts.get((account_id, f"position:{instrument_id}"))
        accepted = world.journal.accepted.get((account_id, instrument_id), ZERO)
        moved = venue.truth.moved.get(instrument_id, ZERO)
        here, there = held.get(instrument_id, ZERO), nets.get(instrument_id, ZERO)
        is_excused = world.lookout.excuses.look(Excuse.NEVER_STILL_REST, fits=account_id in world.lookout.never_still)
        if here - accepted != there - moved and not is_excused:
            yield 16, f"{account_id} holds {here - accepted} of {instrument_id} here, {there - moved} at the venue"
        elif here + (drift.theirs - drift.ours if drift is not None else ZERO) != there:
            yield 16, f"{account_id}: {there - here} of {instrument_id} moved at the venue, and nobody noticed"


def _fill_differences(world: World, venue: SimVenue, account_id: AccountId) -> Iterator[tuple[int, str]]:
    # What others traded before the account began is part of its opening.
    opened_ns = world.journal.ledger.opened.get(account_id, 0)
    theirs = {
        key: fill.quantity * fill.side.sign
        for order in venue.truth.orders
        for key, fill in order.fills.items()
        if order.order_id is not None or fill.venue_time_ns >= opened_ns
    }
    ours: dict[FillKey, object] = {
        key[1]: signed for key, (_, signed) in world.journal.fills.items() if key[0] == account_id
    }
    for key in [each for each in theirs if each not in ours]:
        yield 16, f"the fill {key} is missing here"
    for key in [each for each in ours if each not in theirs]:
        yield 16, f"the fill {key} counts here, and not at the venue"
    for key, signed in ours.items():
        if key in theirs and signed != theirs[key]:
            yield 16, f"the fill {key} is {signed} here, {theirs[key]} at the venue"


def _untold_secrets(world: World) -> Iterator[str]:

    if any(CREDENTIAL in str(value) for log in world.logs for value in log.values()):
        yield "a log line holds the venue's credential"
    if any(CREDENTIAL in line for line in world.trace.lines()):
        yield "the trace holds the venue's credential"
