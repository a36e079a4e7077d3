"""Where tick files lie: ``raw_tick_data/by_date/day-YYYY-MM-DD/<kind>/<CANONICAL_ID>.parquet``, a file a UTC day."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from attrs import frozen

from liveexec.domain.ids import InstrumentId, is_instrument_id
from liveexec.domain.object_store import ObjectStore
from liveexec.domain.recorded import TickKind

__all__ = ["DAY_NS", "TickFile", "day_start_ns", "days_between", "tick_files"]

DAY_NS: Final = 86_400 * 1_000_000_000
_ROOT: Final = "raw_tick_data/by_date"
_PATH: Final = re.compile(rf"{_ROOT}/day-(\d{{4}}-\d\d-\d\d)/({'|'.join(TickKind)})/(.+)\.parquet")
_EPOCH: Final = date(1970, 1, 1)


@frozen
class TickFile:
    """The file of an instrument's trades or books of a UTC day."""

    day: date
    kind: TickKind
    instrument_id: InstrumentId

    @property
    def path(self) -> str:
        return f"{_ROOT}/day-{self.day:%Y-%m-%d}/{self.kind}/{self.instrument_id}.parquet"

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"day-{self.day:%Y-%m-%d}/{self.kind}/{self.instrument_id}.parquet"


def tick_files(store: ObjectStore, day: date | None = None) -> Iterator[tuple[TickFile, int]]:
    """The tick files of a store, or of one day in it, with their sizes in bytes; what is none is passed over."""
    folder = f"{_ROOT}/day-{day:%Y-%m-%d}" if day is not None else _ROOT
    for info in store.list(folder):
        found = _PATH.fullmatch(info.path)
        if found is not None and is_instrument_id(found[3]):
            yield TickFile(date.fromisoformat(found[1]), TickKind(found[2]), InstrumentId(found[3])), info.size


def day_start_ns(day: date) -> int:
    """Midnight UTC of a day, in nanoseconds."""
    return (day - _EPOCH).days * DAY_NS


def days_between(start_ns: int, end_ns: int) -> Iterator[date]:
    """The UTC days that ``[start_ns, end_ns)`` touches, in order."""
    day = datetime.fromtimestamp(start_ns // 1_000_000_000, UTC).date()
    while day_start_ns(day) < end_ns:
        yield day
        day += timedelta(days=1)
