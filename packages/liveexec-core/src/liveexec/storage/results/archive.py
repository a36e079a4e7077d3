"""Runs in an object store: published once, file by file, and whole only with their summary.

Below the store's root lie ``config/{run_id}/backtest_config.json``, ``logs/{run_id}/execution.log`` and
``backtest_results/{run_id}/`` with the tables and ``summary.json``. The configuration is written first and claims the
id: whoever comes second is told, and changes nothing. The summary is written last: without it a run is incomplete, as
one is whose process died half-way, and is listed so.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from attrs import field, frozen

from liveexec.domain.object_store import ObjectStore
from liveexec.domain.secret import masked
from liveexec.errors import Fault, InvalidInput, ObjectExists, ObjectNotFound
from liveexec.storage.results.rows import RESULT_TABLES, EquityPoint, ResultFill, ResultOrder, ResultPosition
from liveexec.storage.results.run_ids import checked_run_id, config_bytes, config_hash
from liveexec.storage.results.summary import RunSummary, read_summary, summary_bytes
from liveexec.storage.results.tables import read_rows, table_bytes

__all__ = ["RunArchive", "RunResults", "StoredRun"]

_RESULTS: Final = "backtest_results"
_SUMMARY: Final = "summary.json"


@frozen(kw_only=True, eq=False)
class RunResults:
    """Everything that a run leaves behind. ``config`` is what it was configured with, ``log`` its log's lines."""

    summary: RunSummary
    config: Mapping[str, Any]
    orders: Sequence[ResultOrder] = ()
    fills: Sequence[ResultFill] = ()
    positions: Sequence[ResultPosition] = ()
    equity_curve: Sequence[EquityPoint] = ()
    log: str = field(default="")


@frozen
class StoredRun:
    """A run of an archive; ``summary`` is ``None`` for one that was never finished."""

    run_id: str
    summary: RunSummary | None


class RunArchive:
    """The runs below the root of a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @property
    def url(self) -> str:
        return self._store.url

    def publish(self, results: RunResults) -> None:
        """Write a run, once and for good. No secret of this process is in what is written.

        Raises:
            ObjectExists: there is a run of this id; nothing of it was changed.
            InvalidInput: a row can't be written, or the summary is of another configuration; nothing was written.
            ObjectStoreError: the store can't be written; what was written is listed as incomplete.
        """
        run_id = checked_run_id(results.summary.run_id)
        if results.summary.config_hash != config_hash(results.config):
            raise InvalidInput(f"run {run_id}", [Fault("config_hash", "is not that of the configuration")])
        # Everything that can be wrong with the rows shows before the first byte is written.
        tables = {name: table_bytes(kind, getattr(results, name)) for name, kind in RESULT_TABLES.items()}
        try:
            self._store.put(_config_path(run_id), config_bytes(results.config))
        except ObjectExists:
            raise ObjectExists(f"there is a run {run_id} in {self.url} already; nothing of it was changed") from None
        self._store.put(_log_path(run_id), masked(results.log).encode())
        for name, data in tables.items():
            self._store.put(f"{_RESULTS}/{run_id}/{name}.parquet", data)
        self._store.put(f"{_RESULTS}/{run_id}/{_SUMMARY}", summary_bytes(results.summary))

    def runs(self) -> list[StoredRun]:
        """Every run, oldest first, those that were never finished among them."""
        claimed = {path[1] for info in self._store.list("config") if len(path := info.path.split("/")) == 3}
        whole = {
            path[1]
            for info in self._store.list(_RESULTS)
            if len(path := info.path.split("/")) == 3 and path[2] == _SUMMARY
        }
        return [StoredRun(run_id, self.summary(run_id) if run_id in whole else None) for run_id in sorted(claimed)]

    def summary(self, run_id: str) -> RunSummary:
        """The summary of a run.

        Raises:
            ObjectNotFound: there is no such run, or it was never finished.
        """
        path = f"{_RESULTS}/{checked_run_id(run_id)}/{_SUMMARY}"
        try:
            data = self._store.get(path)
        except ObjectNotFound:
            raise ObjectNotFound(f"there is no finished run {run_id} in {self.url}") from None
        return read_summary(data, f"{self.url}/{path}")

    def load(self, run_id: str) -> RunResults:
        """A run with all of its rows.

        Raises:
            ObjectNotFound: there is no such run, or it was never finished.
            InvalidInput: a file of it can't be read.
        """
        summary = self.summary(run_id)
        rows = {}
        for name, kind in RESULT_TABLES.items():
            path = f"{_RESULTS}/{run_id}/{name}.parquet"
            rows[name] = read_rows(kind, self._store.get(path), f"{self.url}/{path}")
        config = msgspec.json.decode(self._store.get(_config_path(run_id)))
        return RunResults(summary=summary, config=config, log=self._store.get(_log_path(run_id)).decode(), **rows)


def _config_path(run_id: str) -> str:
    return f"config/{run_id}/backtest_config.json"


def _log_path(run_id: str) -> str:
    return f"logs/{run_id}/execution.log"
