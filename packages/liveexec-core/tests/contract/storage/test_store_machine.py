"""The twin in memory and PostgreSQL are told the same, whatever it is, and answer the same after every step.

One machine plays two hosts that fight for shards: it appends, projects and repeats what is right, stale, early, half
or contradictory, and forgets nothing that a host once held. ``LIVEEXEC_HYPOTHESIS=explore`` lets it run for long.
"""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Final, cast

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from liveexec.domain import order_event as ev
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import OperationId
from liveexec.domain.order import Order
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch, Ownership, ProjectionBatch, RefKey
from liveexec.errors import Fenced, InvariantViolation, JournalConflict, LiveExecError, NotFound, StorageError
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.memory import MemoryStore
from support.builders import ALPHA_ACCOUNT, NOW_NS, PRINCIPAL, make_order_id, make_received, make_record
from support.journaling import ShardWriter
from support.lives import next_event
from support.postgres import TestServer
from support.store_words import (
    ACCOUNTS,
    CONTRADICTIONS,
    HAPPENINGS,
    MAIN,
    SIDE,
    STRAY,
    THIRD,
    contradiction,
    happening,
    projection_of,
    received,
)
from support.twin_stores import TwinStores, empty

ENDED_S: Final = 0.0
LONG_S: Final = 3_600.0
ONE, TWO = "one", "two"
#: A run of some seconds: every step is a handful of statements.
STEADY: Final = settings(max_examples=30, stateful_step_count=25)
EXPLORE: Final = settings(max_examples=1_000, stateful_step_count=50)
#: Which of those that there are, the newest first.
WHICH: Final = st.integers(0, 7)
SEED: Final = st.integers(0, 2**16)
LEASE_S: Final = st.sampled_from([ENDED_S, LONG_S])
#: How a store may refuse a projection.
REFUSALS: Final = (Fenced, InvariantViolation, StorageError)


class StoreMachine(RuleBasedStateMachine):
    """Both stores, empty at first; ``writers`` are all that ever owned a shard, the newest of each last."""

    def __init__(self, run: Callable[[Any], Any], postgres: PostgresStore) -> None:
        super().__init__()
        self.run = run
        run(empty(postgres))
        self.twins = TwinStores(MemoryStore(), postgres)
        self.writers: list[ShardWriter] = []
        self.batches: list[AppendBatch] = []
        self.projections: list[tuple[ShardWriter, ProjectionBatch]] = []
        self.numbers = 0
        self.at_ns = NOW_NS

    @initialize()
    def two_shards_are_taken_and_one_works(self) -> None:
        self._acquire(MAIN, ONE, LONG_S)
        self._acquire(SIDE, ONE, LONG_S)
        self.receive(0, 1, 3)
        self.live(0, 1, 12, together=True)

    # ownership

    @rule(shard=st.sampled_from([MAIN, MAIN, SIDE, THIRD]), owner=st.sampled_from([ONE, TWO]), lease_s=LEASE_S)
    def acquire(self, shard: str, owner: str, lease_s: float) -> None:
        _agreed(lambda: self._acquire(shard, owner, lease_s), Fenced)

    @rule(which=WHICH, lease_s=LEASE_S)
    def renew(self, which: int, lease_s: float) -> None:
        _agreed(lambda: self.run(self.twins.renew(_newest(self.writers, which).owned, lease_s)), Fenced)

    @rule(which=WHICH)
    def release(self, which: int) -> None:
        self.run(self.twins.release(_newest(self.writers, which).owned))

    # the journal

    @rule(which=WHICH, seed=SEED, count=st.integers(1, 3))
    def receive(self, which: int, seed: int, count: int) -> None:
        """New orders as one batch."""
        writer, random = self._owner(which), Random(seed)
        records: list[Record] = []
        for _ in range(count):
            self.numbers += 1
            records += received(writer, self.numbers, random)
        self._append(writer, records)

    @rule(which=WHICH, seed=SEED, steps=st.integers(4, 16), together=st.booleans())
    def live(self, which: int, seed: int, steps: int, together: bool) -> None:
        """Orders live on, in one batch or in one for each event."""
        writer, random = self._owner(which), Random(seed)
        orders = [order for order in writer.ledger.orders.values() if not order.is_parent]
        records = []
        for step in range(steps if orders else 0):
            order = random.choice(orders)
            event = next_event(order, writer.at_ns + step, random)
            # The events drawn know one account only, and an account belongs to one shard.
            if event is not None and (writer.owned.shard == MAIN or not isinstance(event, ev.Routed)):
                records.append(writer.record(order.order_id, event))
        for batch in [records] if together else [[record] for record in records]:
            if batch:
                self._append(writer, batch)

    @rule(which=WHICH, choice=st.integers(0, HAPPENINGS - 1), number=st.integers(1, 2), wide=st.booleans())
    def happen(self, which: int, choice: int, number: int, wide: bool) -> None:
        writer = self._owner(which)
        self._append(writer, [happening(writer, choice, number, wide=wide)])

    @precondition(lambda self: self.batches)
    @rule(which=WHICH, settled=st.booleans())
    def append_again(self, which: int, settled: bool) -> None:
        self._settle_or_append(_newest(self.batches, which), settled=settled)

    @rule(
        which=WHICH,
        by_batch=st.integers(-2, 2),
        by_position=st.integers(-2, 2),
        streams=st.sampled_from(["fresh", "taken", "fresh and taken"]),
        by_epoch=st.sampled_from([0, 0, 0, -1, 1]),
        settled=st.booleans(),
    )
    def append_what_may_not_fit(
        self, which: int, by_batch: int, by_position: int, streams: str, by_epoch: int, settled: bool
    ) -> None:
        """A batch beside the place where the next one belongs, or with a sequence that is taken."""
        writer = _newest(self.writers, which)
        self.numbers += 1
        fresh = make_record(f"{STRAY}{self.numbers}", 1, make_received())
        taken = self.batches[0].records[0]
        batch = writer.batch_of(
            [fresh] * ("fresh" in streams) + [taken] * ("taken" in streams),
            batch=writer.batch + 1 + by_batch,
            first_position=max(writer.position + 1 + by_position, 1),
            epoch=writer.owned.epoch + by_epoch,
        )
        if self._settle_or_append(batch, settled=settled):
            writer.batch, writer.position = batch.batch, batch.last_position
            self._resume(writer)

    # the tables

    @rule(which=WHICH)
    def project(self, which: int) -> None:
        writer = self._owner(which)
        self._project(writer, projection_of(writer))

    @precondition(lambda self: self.projections)
    @rule(which=WHICH)
    def project_again(self, which: int) -> None:
        """A batch that was projected or refused before: what was folded since must not get into it."""
        self._project(*_newest(self.projections, which))

    @rule(which=WHICH, by=st.integers(1, 4), seed=SEED)
    def project_too_early(self, which: int, by: int, seed: int) -> None:
        """What is not durable yet; the identical batch comes again when more is."""
        writer = self._owner(which)
        assert not self._project(writer, projection_of(writer, through=writer.position + by))
        self.live(which, seed, 2 * by, together=False)
        self.project_again(0)

    @rule(which=WHICH, after=st.integers(-2, 2), through=st.integers(-2, 0), by_epoch=st.sampled_from([0, -1]))
    def project_what_may_not_follow(self, which: int, after: int, through: int, by_epoch: int) -> None:
        writer = _newest(self.writers, which)
        batch = projection_of(
            writer,
            after=max(writer.projected_through + after, 0),
            through=max(writer.position + through, 0),
            epoch=writer.owned.epoch + by_epoch,
        )
        self._project(writer, batch)

    @rule(which=WHICH, seed=SEED, choice=st.integers(0, CONTRADICTIONS - 1))
    def project_a_contradiction(self, which: int, seed: int, choice: int) -> None:
        writer = self._owner(which)
        self._project(writer, contradiction(writer, self._orders(), choice, Random(seed)))

    @rule(which=WHICH, stale=st.booleans())
    def rebuild(self, which: int, stale: bool) -> None:
        """Empty the tables, to be made anew from the journal."""
        writer = _newest(self.writers, which) if stale else self._owner(which)
        if _agreed(lambda: self.run(self.twins.reset_projections(writer.owned)), Fenced):
            self._resume(writer)

    @rule(which=WHICH, seed=SEED, rounds=st.integers(1, 4))
    def work(self, which: int, seed: int, rounds: int) -> None:
        """A host that does nothing wrong, for a while."""
        random = Random(seed)
        for _ in range(rounds):
            self.receive(which, random.getrandbits(16), 2)
            self.live(which, random.getrandbits(16), 10, random.random() < 0.5)
            self.happen(which, random.randrange(HAPPENINGS), random.randint(1, 2), random.random() < 0.5)
            if random.random() < 0.7:
                self.project(which)

    # what both tell

    @invariant()
    def both_tell_the_same(self) -> None:
        for shard in self.run(self.twins.shards()):
            self.run(self.twins.load(shard.shard))
            self.run(self.twins.read_after(shard.shard, max(shard.position - 3, 0), 5))

    @rule(seed=SEED)
    def look_up(self, seed: int) -> None:
        """Everything that has a name, in its own shard and in others."""
        orders = self._orders()
        order_ids = [make_order_id(), *Random(seed).sample([order.order_id for order in orders], min(len(orders), 12))]
        operations = [(PRINCIPAL, OperationId(f"OP-{number}")) for number in range(self.numbers + 2)]
        for shard in (MAIN, SIDE, "nobody's"):
            self.run(self.twins.order_rows(shard, order_ids))
            self.run(self.twins.read_streams(shard, [*order_ids, *ACCOUNTS.values(), f"control:{shard}"]))
            self.run(self.twins.find_children(shard, order_ids))
            self.run(self.twins.find_refs(shard, _refs(orders)))
            self.run(self.twins.find_operations(shard, operations))
        moves = [(account, f"move-{at_ns}") for account in ACCOUNTS.values() for at_ns in (NOW_NS, self.at_ns)]
        self.run(self.twins.find_asset_moves([*moves, *moves, (ALPHA_ACCOUNT, "twice")]))
        fills = [key for order in orders for key in (*(order.fills or ()), *order.undone_fills)]
        for account in ACCOUNTS.values():
            self.run(self.twins.find_fills(account, [*fills, *fills, FillKey("nobody's")]))

    def teardown(self) -> None:
        if self.writers:
            self.look_up(0)
            self._tell_nobody_and_nothing()
        self.run(self.twins.agree_on_tables())

    # helpers

    def _owner(self, which: int) -> ShardWriter:
        """Who took a shard last: its owner, as far as it knows."""
        last = {writer.owned.shard: writer for writer in self.writers}
        return last[SIDE if which % 4 == 3 else MAIN]

    def _orders(self) -> list[Order]:
        """The orders of every shard, each as whoever looked last knows it."""
        orders = {order_id: order for writer in self.writers for order_id, order in writer.ledger.orders.items()}
        return [orders[order_id] for order_id in sorted(orders)]

    def _acquire(self, shard: str, owner: str, lease_s: float) -> None:
        self._resume(ShardWriter(self.twins, self.run(self.twins.acquire(shard, owner, lease_s))))

    def _resume(self, writer: ShardWriter) -> None:
        """A writer's memory made anew from what is stored, as recovery makes it; the old one is kept as a stale one."""
        owned = attrs.evolve(writer.owned, batch=writer.batch, position=writer.position)
        resumed = ShardWriter(self.twins, owned)
        resumed.projected_through = self.run(self.twins.load(owned.shard)).projected_through
        resumed.at_ns = self.at_ns = self.at_ns + 1_000_000_000
        for stored in self.run(self.twins.read_after(owned.shard, 0, 10_000)):
            if not stored.record.stream.startswith(STRAY):
                resumed.ledger.apply(stored.record)
            if stored.position > resumed.projected_through:
                resumed.pending.append((stored.position, stored.record))
        self.writers.append(resumed)

    def _append(self, writer: ShardWriter, records: list[Record]) -> None:
        batch = writer.batch_of(records)
        self.batches.append(batch)
        if self._settle_or_append(batch, settled=False):
            writer.appended(batch)

    def _settle_or_append(self, batch: AppendBatch, *, settled: bool) -> bool:
        """Whether the batch was appended."""
        if settled:
            _agreed(lambda: self.run(self.twins.settle(batch)), Fenced, JournalConflict)
            return False
        return _agreed(lambda: self.run(self.twins.append(batch)), Fenced, JournalConflict)

    def _project(self, writer: ShardWriter, batch: ProjectionBatch) -> bool:
        """Whether the tables stand where the batch ends."""
        self.projections.append((writer, batch))
        done = _agreed(lambda: self.run(self.twins.project(batch)), *REFUSALS)
        if done:
            writer.projected_through = batch.through
            writer.pending = [entry for entry in writer.pending if entry[0] > batch.through]
        return done

    def _tell_nobody_and_nothing(self) -> None:
        """What no store may take: a shard that nobody owns, a batch without records or with half its encodings."""
        nobody = Ownership("nobody's", 1, 0, 0, 0.0)
        writer, record = self._owner(0), make_record("nothing", 1, make_received())
        self.run(self.twins.release(nobody))
        for call, refusal in (
            (self.twins.load("nobody's"), NotFound),
            (self.twins.renew(nobody, LONG_S), Fenced),
            (self.twins.reset_projections(nobody), Fenced),
            (self.twins.append(writer.batch_of([record], shard="nobody's")), Fenced),
            (self.twins.append(writer.batch_of([])), InvariantViolation),
            (self.twins.append(writer.batch_of([record], encoded=[])), InvariantViolation),
        ):
            assert not _agreed(partial(self.run, call), refusal)


def _agreed(call: Callable[[], object], *refusals: type[LiveExecError]) -> bool:
    """Whether both stores did it; both refused it otherwise, in one of these ways."""
    try:
        call()
    except refusals:
        return False
    return True


def _newest[T](values: list[T], which: int) -> T:
    return values[-1 - which % len(values)]


def _refs(orders: list[Order]) -> list[RefKey]:
    found: list[RefKey] = []
    for order in orders:
        if order.plan is not None:
            found += [(account, "client", order.plan.client_order_id) for account in ACCOUNTS.values()]
        if order.account_id is not None and order.venue_order_id is not None:
            found.append((order.account_id, "venue", order.venue_order_id))
    return found


def test_both_stores_agree_after_every_step(server: TestServer) -> None:
    dsn = server.create_migrated_database()
    with asyncio.Runner() as runner:
        postgres = PostgresStore(dsn)
        runner.run(postgres.open())
        try:
            machine = cast("type[StoreMachine]", partial(StoreMachine, runner.run, postgres))
            is_long = os.environ.get("LIVEEXEC_HYPOTHESIS") == "explore"
            run_state_machine_as_test(machine, settings=EXPLORE if is_long else STEADY)
        finally:
            runner.run(postgres.close())
    server.drop_database(dsn)
