"""What a set of signals would read, before it is read: windows, row groups and bytes, file by file."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from liveexec.domain.ids import InstrumentId
from liveexec.domain.object_store import ObjectStore
from liveexec.domain.signal import Signal
from liveexec.errors import Fault, InvalidInput
from liveexec.storage.ticks.layout import TickFile, days_between, tick_files
from liveexec.storage.ticks.reader import WindowedMarket
from liveexec.storage.ticks.relayout import is_laid_out
from liveexec.storage.ticks.windows import FIVE_MINUTES, Window, WindowSpan, plan_windows, recorded_sources

__all__ = ["PlannedFile", "planned_files", "windows_for"]


@frozen
class PlannedFile:
    """What would be read of a file. ``groups`` is ``None`` where the store cuts rows out itself, and so are the bytes:
    nobody knows them before."""

    file: TickFile
    windows: int
    groups: tuple[int, int] | None
    footer_bytes: int
    bytes: int | None
    size: int
    is_laid_out: bool | None


def windows_for(
    store: ObjectStore, signals: Iterable[Signal], span: WindowSpan = FIVE_MINUTES
) -> Mapping[InstrumentId, tuple[Window, ...]]:
    """The windows that signals need of what is recorded: a product's in every instrument of it that has a file of the
    signal's day.

    Raises:
        InvalidInput: nothing is recorded for a signal; every such key is named.
    """
    found = list(signals)
    days = {day for signal in found for day in days_between(signal.time_ns, signal.time_ns + 1)}
    recorded = sorted({file.instrument_id for day in days for file, _ in tick_files(store, day)})
    sources = recorded_sources({signal.instrument_key for signal in found}, recorded)
    missing = [
        Fault(key, "has no recording on the days of its signals") for key, each in sorted(sources.items()) if not each
    ]
    if missing:
        raise InvalidInput(f"recorded market {store.url}", missing)
    return plan_windows(found, sources, span)


def planned_files(market: WindowedMarket) -> Iterator[PlannedFile]:
    """What a market would read, in the order of its files."""
    for plan in market.plans:
        footer = plan.footer
        yield PlannedFile(
            file=plan.file,
            windows=len(plan.windows),
            groups=(len(plan.groups), footer.metadata.num_row_groups) if footer is not None else None,
            footer_bytes=footer.bytes_read if footer is not None else 0,
            bytes=sum(end - start for start, end in plan.ranges) if footer is not None else None,
            size=plan.size,
            is_laid_out=is_laid_out(footer.metadata) if footer is not None else None,
        )
