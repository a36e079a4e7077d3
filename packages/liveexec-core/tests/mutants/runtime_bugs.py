"""Bugs between a decision and its durability: journal, projector, durable view, recovery, look-ups, queues, timers."""

from typing import Final

from mutants.mutant import Mutant

__all__ = ["RUNTIME_BUGS"]

_JOURNAL: Final = ("unit/runtime/test_runtime_journal.py",)
_LOOP: Final = ("unit/runtime/test_runtime_engine_loop.py",)
_PROJECTOR: Final = ("unit/runtime/test_runtime_projector.py",)
_VIEW: Final = ("unit/runtime/test_runtime_durable_view.py",)
_RECOVERY: Final = ("unit/runtime/test_runtime_recovery.py",)
_HYDRATOR: Final = ("unit/runtime/test_runtime_hydrator.py",)

RUNTIME_BUGS: Final = (
    Mutant(
        "everybody is told, and effects go out, before the commit",
        "runtime/journal.py",
        """            if not durable:
                await self._write(batch)
""",
        """            if not durable:
                self._tell(len(batch), self._position + 1 + sum(len(item.encoded) for item in batch))
                await self._write(batch)
                batch = []
""",
        _JOURNAL,
    ),
    Mutant(
        "a commit of unknown outcome is taken for done",
        "runtime/journal.py",
        "written = backoff is not None and await self._store.settle(batch)",
        "written = backoff is not None",
        _JOURNAL,
    ),
    Mutant(
        "a commit of unknown outcome is not asked about before it is repeated",
        "runtime/journal.py",
        "written = backoff is not None and await self._store.settle(batch)",
        "written = False",
        _JOURNAL,
        unseen="a second guard: a store knows a batch that is repeated",
    ),
    Mutant(
        "a batch that fails for a moment is left out",
        "runtime/journal.py",
        "                await asyncio.sleep(backoff.next_s())\n        self._since_s = None",
        "                return\n        self._since_s = None",
        _JOURNAL,
    ),
    Mutant(
        "a decision without records overtakes those that are being written",
        "runtime/journal.py",
        "if not decision.records and not self._waiting and not self._taken:",
        "if not decision.records:",
        _JOURNAL,
    ),
    Mutant(
        "positions that are told count decisions and not records",
        "runtime/journal.py",
        "            position += len(item.encoded)",
        "            position += 1",
        _JOURNAL,
    ),
    Mutant(
        "the next batch begins one position too early",
        "runtime/journal.py",
        "self._batch, self._position = batch.batch, batch.last_position",
        "self._batch, self._position = batch.batch, batch.last_position - 1",
        _JOURNAL,
    ),
    Mutant(
        "who waits is told nothing when the journal stops",
        "runtime/journal.py",
        "            item.failed(error)",
        "            pass",
        _JOURNAL,
    ),
    Mutant(
        "a store that says nothing does not stall the journal",
        "runtime/journal.py",
        "(took_s := time.monotonic() - self._since_s) >= self._stall_after_s",
        "(took_s := time.monotonic() - self._since_s) < 0",
        _JOURNAL,
    ),
    Mutant(
        "callers hear of a decision before it is durable",
        "runtime/engine_loop.py",
        """        if not decision.records and not decision.effects and pending is None:
            return
""",
        """        if pending is not None and pending.done is not None:
            pending.done(decision)
            pending = None
""",
        _LOOP,
    ),
    Mutant(
        "nobody hears that what had to follow from a decision failed",
        "runtime/engine_loop.py",
        """            self._on_durable(position, decision)
        except Exception as error:""",
        """            self._on_durable(position, decision)
        except ZeroDivisionError as error:""",
        _LOOP,
    ),
    Mutant(
        "a defect of the engine is passed over",
        "runtime/engine_loop.py",
        """                self._on_defect(defect)
                return""",
        """                return""",
        _LOOP,
    ),
    Mutant(
        "a report of an order that left memory is not looked up",
        "runtime/engine_loop.py",
        "            return not given.looked_up and self._report_has_to_wait(given)",
        "            return False",
        _LOOP,
    ),
    Mutant(
        "a report overtakes one of the same order that waits for its look-up",
        "runtime/engine_loop.py",
        "if self._engine.knows(ref) and not self._hydrator.is_held(ref):",
        "if self._engine.knows(ref):",
        _LOOP,
    ),
    Mutant(
        "the wait for a projection is dropped",
        "runtime/projector.py",
        "        await self._write(batch)",
        "        self._kept = asyncio.ensure_future(self._write(batch))",
        _PROJECTOR,
    ),
    Mutant(
        "readers are let in one position too early",
        "runtime/projector.py",
        "            if position > self._view.projected:",
        "            if position > self._view.projected + 1:",
        _PROJECTOR,
    ),
    Mutant(
        "a projection that contradicts the tables is tried for ever",
        "runtime/projector.py",
        """            except (Fenced, JournalConflict, InvariantViolation):
                raise
            except StorageError as error:""",
        """            except (JournalConflict, InvariantViolation, StorageError) as error:""",
        _PROJECTOR,
        unseen="takes another bug that makes a projection contradict the tables",
    ),
    Mutant(
        "a projection skips what a correction took back",
        "runtime/durable_view.py",
        "rows = [(event.original, True), (event.fill, False)]",
        "rows = [(event.fill, False)]",
        _VIEW,
    ),
    Mutant(
        "a projection skips the last record",
        "runtime/durable_view.py",
        "            through=self.position,",
        "            through=self.position - 1,",
        _VIEW,
    ),
    Mutant(
        "a latch is not kept in the tables",
        "runtime/durable_view.py",
        "                changes.latches[event.scope, event.code] = event\n",
        "",
        _VIEW,
    ),
    Mutant(
        "a latch that was cleared comes back from the tables",
        "runtime/durable_view.py",
        "                changes.cleared[event.scope, event.code] = None\n",
        "",
        _VIEW,
    ),
    Mutant(
        "the parent of a child that filled is not projected",
        "runtime/durable_view.py",
        "            self._changes.orders[parent.order_id] = parent",
        "            pass",
        _VIEW,
    ),
    Mutant(
        "an operation id is not kept in the tables",
        "runtime/durable_view.py",
        "        self._changes.operations.append(row)",
        "",
        _VIEW,
    ),
    Mutant(
        "recovery does not tell the engine of the journal's tail",
        "runtime/recovery.py",
        "        engine_ledger.apply(stored.record)\n",
        "",
        _RECOVERY,
    ),
    Mutant(
        "recovery forgets the last projected record",
        "runtime/recovery.py",
        "stored.position <= saved.projected_through",
        "stored.position < saved.projected_through",
        _RECOVERY,
    ),
    Mutant(
        "recovery trusts tables that contradict the journal",
        "runtime/recovery.py",
        "    await _compare_rows(store, shard, before)\n",
        "",
        _RECOVERY,
    ),
    Mutant(
        "a latch does not survive a restart",
        "runtime/recovery.py",
        "latches={(event.scope, event.code): event for event in saved.latches},",
        "latches={},",
        _RECOVERY,
    ),
    Mutant(
        "a trading state does not survive a restart",
        "runtime/recovery.py",
        "states={event.scope: event for event in saved.states},",
        "states={},",
        _RECOVERY,
    ),
    Mutant(
        "recovery reads one page of the tail",
        "runtime/recovery.py",
        "        if len(page) < _PAGE:\n            return tail",
        "        return tail",
        _RECOVERY,
    ),
    Mutant(
        "operation ids that left memory are taken for new",
        "runtime/hydrator.py",
        "                    future.set_result(found.get(key))",
        "                    future.set_result(None)",
        _HYDRATOR,
    ),
    Mutant(
        "movements that are recorded are taken for new",
        "runtime/hydrator.py",
        "                resume(key in known)",
        "                resume(False)",
        _HYDRATOR,
    ),
    Mutant(
        "one order more than may wait is taken",
        "runtime/inbox.py",
        "if priority is Priority.INTENT and len(queue) >= self.max_intents:",
        "if priority is Priority.INTENT and len(queue) > self.max_intents:",
        ("unit/runtime/test_runtime_inbox.py",),
        unseen="takes ten thousand waiting orders",
    ),
    Mutant(
        "a timer that was moved rings at its old time",
        "runtime/timers.py",
        "            if self._due.get(key) == at_ns:",
        "            if key in self._due:",
        ("unit/runtime/test_runtime_timers.py",),
        unseen="who is rung too early looks, and has itself rung again",
    ),
)
