"""Runs in a store: published once, whole or listed as incomplete, and without a secret."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from attrs import evolve

from liveexec.domain.object_store import ObjectInfo, ObjectStore
from liveexec.domain.secret import Secret
from liveexec.errors import InvalidInput, NotFound, ObjectExists, ObjectNotFound, ObjectStoreError
from liveexec.storage.objects.opening import open_store
from liveexec.storage.results.archive import RunArchive, StoredRun
from liveexec.storage.results.run_ids import checked_run_id, config_hash, new_run_id
from liveexec.storage.results.summary import read_summary, summary_bytes
from liveexec.storage.results.times import iso_time, time_ns_of
from support.builders import NOW_NS
from support.results import make_run


@pytest.fixture
def store() -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}/runs")


def contents(store: ObjectStore) -> dict[str, bytes]:
    return {info.path: store.get(info.path) for info in store.list()}


def test_a_run_lies_where_it_is_looked_for_and_comes_back_whole(store: ObjectStore) -> None:
    run = make_run()
    archive = RunArchive(store)
    archive.publish(run)
    run_id = run.summary.run_id
    assert set(contents(store)) == {
        f"backtest_results/{run_id}/summary.json",
        f"backtest_results/{run_id}/orders.parquet",
        f"backtest_results/{run_id}/fills.parquet",
        f"backtest_results/{run_id}/positions.parquet",
        f"backtest_results/{run_id}/equity_curve.parquet",
        f"config/{run_id}/backtest_config.json",
        f"logs/{run_id}/execution.log",
    }
    found = archive.load(run_id)
    assert found.summary == run.summary
    for name in ("orders", "fills", "positions", "equity_curve"):
        assert list(getattr(found, name)) == list(getattr(run, name))
    assert (found.config, found.log) == (run.config, run.log)
    assert archive.runs() == [StoredRun(run_id, run.summary)]


def test_the_summary_states_the_bytes_of_tick_data(store: ObjectStore) -> None:
    run = make_run()
    RunArchive(store).publish(run)
    document = msgspec.json.decode(store.get(f"backtest_results/{run.summary.run_id}/summary.json"))
    assert document["tick_data"]["bytes_read"] == 4_000
    assert document["tick_data"]["bytes_of_full_read"] == 100_000
    assert document["orders_by_status"] == {"FILLED": 1}
    assert (document["final_value"], document["max_drawdown"]) == ("100070.5", "2.25")
    assert document["covers_from"] == iso_time(NOW_NS)


def test_a_second_run_of_one_id_fails_and_changes_nothing(store: ObjectStore) -> None:
    run = make_run()
    archive = RunArchive(store)
    archive.publish(run)
    before = contents(store)
    other = evolve(make_run(last_price="1"), summary=evolve(run.summary, final_value=Decimal(1)))
    with pytest.raises(ObjectExists, match="already; nothing of it was changed"):
        archive.publish(other)
    assert contents(store) == before


class Dying:
    """A store that takes so many objects and no more, as if the process had died."""

    def __init__(self, store: ObjectStore, puts: int) -> None:
        self._store, self._left = store, puts

    @property
    def url(self) -> str:
        return self._store.url

    def head(self, path: str) -> ObjectInfo:
        return self._store.head(path)

    def get(self, path: str) -> bytes:
        return self._store.get(path)

    def get_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        return self._store.get_ranges(path, ranges)

    def put(self, path: str, data: Any, *, replace: bool = False) -> None:
        if not self._left:
            raise ObjectStoreError("gone")
        self._left -= 1
        self._store.put(path, data, replace=replace)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(prefix)


@pytest.mark.parametrize("puts", range(7))
def test_a_run_that_ended_half_way_is_incomplete_or_not_there(store: ObjectStore, puts: int) -> None:
    run = make_run()
    with pytest.raises(ObjectStoreError):
        RunArchive(Dying(store, puts)).publish(run)
    archive = RunArchive(store)
    assert archive.runs() == ([StoredRun(run.summary.run_id, None)] if puts else [])
    with pytest.raises(ObjectNotFound, match="no finished run"):
        archive.load(run.summary.run_id)
    if puts:
        with pytest.raises(ObjectExists):
            archive.publish(run)


def test_rows_that_cannot_be_written_leave_nothing_behind(store: ObjectStore) -> None:
    run = make_run()
    bad = evolve(run, fills=[evolve(run.fills[0], price=Decimal("1E-30"))])
    with pytest.raises(InvalidInput):
        RunArchive(store).publish(bad)
    assert contents(store) == {}


def test_a_summary_of_another_configuration_is_refused(store: ObjectStore) -> None:
    with pytest.raises(InvalidInput, match="config_hash"):
        RunArchive(store).publish(evolve(make_run(), config={"other": 1}))
    assert contents(store) == {}


def test_no_secret_is_in_what_is_published(store: ObjectStore) -> None:
    canary = f"canary-{uuid4().hex}"
    Secret(canary)
    run = make_run(config={"api_secret": canary})
    run = evolve(run, log=f"connecting with {canary}\n", summary=evolve(run.summary, notes=(canary,)))
    RunArchive(store).publish(run)
    assert not [path for path, data in contents(store).items() if canary.encode() in data]


def test_ids_are_readable_unique_and_tell_the_configuration() -> None:
    one, other = (new_run_id("Momentum (BTC)", {"a": 1}, NOW_NS) for _ in range(2))
    assert one != other
    assert one.rsplit("-", 1)[0] == other.rsplit("-", 1)[0]
    assert "-momentum-btc-" in one
    assert config_hash({"a": 1})[:8] in one
    assert config_hash({"a": 1, "b": 2}) == config_hash({"b": 2, "a": 1}) != config_hash({"a": 1})
    for name in ("", "---", "x" * 200, "ümläut"):
        assert checked_run_id(new_run_id(name, {}, NOW_NS))


@pytest.mark.parametrize("run_id", ["", "..", "20250115T103000Z-a-3f9a1c2e-7k2mq/..", "x/y"])
def test_an_id_that_is_none_is_refused(store: ObjectStore, run_id: str) -> None:
    with pytest.raises(InvalidInput, match="does not read like"):
        RunArchive(store).load(run_id)


def test_a_run_that_is_not_there_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(NotFound, match="no finished run"):
        RunArchive(store).load(new_run_id("a", {}, NOW_NS))


def test_a_summary_of_a_later_version_is_read_and_a_broken_one_is_named() -> None:
    summary = make_run().summary
    document = msgspec.json.decode(summary_bytes(summary))
    document["tick_data"]["new"] = document["new"] = 1
    assert read_summary(msgspec.json.encode(document), "x") == summary
    document["orders"] = "many"
    del document["fees"]
    with pytest.raises(InvalidInput) as caught:
        read_summary(msgspec.json.encode(document), "x")
    assert {fault.path for fault in caught.value.faults} == {"orders", "fees"}
    with pytest.raises(InvalidInput, match="is not JSON"):
        read_summary(b"{", "x")


@pytest.mark.parametrize("at_ns", [0, NOW_NS, NOW_NS + 1, 2**62])
def test_times_are_exact_to_the_nanosecond(at_ns: int) -> None:
    assert time_ns_of(iso_time(at_ns)) == at_ns
    with pytest.raises(InvalidInput):
        time_ns_of("2025-01-15")
