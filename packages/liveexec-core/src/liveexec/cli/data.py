"""``liveexec data``: recorded ticks, laid out for reading in windows, and what a set of signals would read of them."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from liveexec.cli.options import OutputFormat, OutputOption
from liveexec.cli.output import write_once
from liveexec.cli.stores import ConfigOption, StoreArgument, object_named, store_named
from liveexec.domain.ids import InstrumentId, is_instrument_id
from liveexec.domain.recorded import DEPTH
from liveexec.errors import Fault, InvalidInput, NotFound
from liveexec.presentation.views.tick_data import PlannedRead, RewrittenFile, layout_view, reading_view
from liveexec.storage.ticks.footers import FooterCache
from liveexec.storage.ticks.inspection import planned_files, windows_for
from liveexec.storage.ticks.layout import tick_files
from liveexec.storage.ticks.reader import WindowedMarket
from liveexec.storage.ticks.relayout import lay_out
from liveexec.storage.ticks.signal_files import read_signals
from liveexec.storage.ticks.windows import WindowSpan

__all__ = ["app"]

app: Final = App(name="data", help="Lay out recorded ticks, and say what signals would read of them.")

_SECOND_NS: Final = 1_000_000_000
_LONGEST_S: Final = 86_400.0
DEFAULT_LEAD_S: Final = 60.0
DEFAULT_TAIL_S: Final = 240.0


def _check_seconds(_: Any, value: Any) -> None:
    if not 0 <= value <= _LONGEST_S:
        raise ValueError(f"Must be between 0 and {_LONGEST_S:g} seconds.")


def _check_depth(_: Any, value: Any) -> None:
    if not 1 <= value <= DEPTH:
        raise ValueError(f"Must be between 1 and {DEPTH}.")


LeadOption = Annotated[
    float, Parameter(name="--lead", metavar="SECS", validator=_check_seconds, help="Read from so long before a signal.")
]
TailOption = Annotated[
    float,
    Parameter(
        name="--tail",
        metavar="SECS",
        validator=_check_seconds,
        help="Read until so long after a signal, or its algorithm's horizon_secs if that is longer.",
    ),
]
DepthOption = Annotated[
    int, Parameter(name="--depth", validator=_check_depth, help="Read so many levels of each side of the books.")
]


@app.command
def layout(
    store: StoreArgument,
    /,
    *,
    day: Annotated[dt.date, Parameter(name="--day", metavar="YYYY-MM-DD", help="Which UTC day.")],
    to: Annotated[
        str | None,
        Parameter(name="--to", metavar="STORE", help="Write into this store and leave the files as they are."),
    ] = None,
    in_place: Annotated[
        bool,
        Parameter(name="--in-place", negative=(), show_default=False, help="Replace each file once it was verified."),
    ] = False,
    instrument: Annotated[
        tuple[str, ...] | None,
        Parameter(name="--instrument", metavar="ID", negative=(), help="Only this one; may be repeated."),
    ] = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Rewrite a day's tick files: rows sorted by time, in row groups cut on the minute.

    Each file that is written is compared with the one that was read before it is put anywhere. Files that are laid out
    already are left alone, so that the command may be repeated.
    """
    if (to is None) is not in_place:
        raise InvalidInput("data layout", [Fault("", "needs --to STORE or --in-place, and not both")])
    source = store_named(store, config)
    target = store_named(to, config) if to is not None else source
    if to is not None and target.url == source.url:
        raise InvalidInput("data layout", [Fault("--to", "is the store itself; say --in-place")])
    wanted = _instruments(instrument)
    files = sorted(
        (file for file, _ in tick_files(source, day) if wanted is None or file.instrument_id in wanted),
        key=lambda file: (file.instrument_id, file.kind),
    )
    if not files:
        raise NotFound(f"there are no such tick files of {day:%Y-%m-%d} in {source.url}")
    done = [lay_out(source, file, target) for file in files]
    write_once(
        layout_view(
            RewrittenFile(
                each.file.instrument_id,
                each.file.kind,
                each.rows,
                each.groups_before,
                each.groups,
                each.bytes_before,
                each.bytes,
                each.is_new,
            )
            for each in done
        ),
        output,
    )


@app.command
def inspect(
    store: StoreArgument,
    /,
    *,
    signals: Annotated[
        str, Parameter(name="--signals", metavar="FILE", help="A parquet or JSON file of signals: a URL or a path.")
    ],
    lead: LeadOption = DEFAULT_LEAD_S,
    tail: TailOption = DEFAULT_TAIL_S,
    depth: DepthOption = DEPTH,
    cache: Annotated[
        Path | None, Parameter(name="--cache", metavar="FOLDER", help="Keep the files' footers here for the next time.")
    ] = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Show what a set of signals would read: windows, row groups and bytes of each file, against reading it whole."""
    market_store = store_named(store, config)
    found = read_signals(*object_named(signals, config))
    span = WindowSpan(round(lead * _SECOND_NS), max(1, round(tail * _SECOND_NS)))
    windows = windows_for(market_store, found.signals, span)
    market = WindowedMarket(market_store, windows, depth=depth, footers=FooterCache(cache))
    rows = [
        PlannedRead(
            f"{each.file.day:%Y-%m-%d}",
            each.file.instrument_id,
            each.file.kind,
            each.windows,
            each.groups,
            each.footer_bytes,
            each.bytes,
            each.size,
            each.is_laid_out,
        )
        for each in planned_files(market)
    ]
    write_once(reading_view(rows, len(found.signals), found.unchanged), output)


def _instruments(names: tuple[str, ...] | None) -> set[InstrumentId] | None:
    if names is None:
        return None
    faults = [
        Fault("--instrument", f"{name[:80]!r} is no instrument id") for name in names if not is_instrument_id(name)
    ]
    if faults:
        raise InvalidInput("data layout", faults)
    return {InstrumentId(name) for name in names}
