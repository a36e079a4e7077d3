"""Ticks around signals: how many bytes of a day of 12 million quotes are read, and how long that takes.

The day is made (``benchmarks/tick_days.py``), laid out by the minute as ``liveexec data layout`` does it, and read
around 12 signals; against it stands reading every quote of the day through the same decoding.
"""

import tempfile
import time
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks.figures import Figure, Result
from benchmarks.options import Options
from benchmarks.tick_days import DAY, INSTRUMENT, QUOTES, write_day
from liveexec.domain.object_store import ObjectStore
from liveexec.domain.operation import Side
from liveexec.domain.recorded import DEPTH, TickKind
from liveexec.domain.signal import Signal
from liveexec.storage.objects.opening import open_store
from liveexec.storage.ticks.footers import FooterCache
from liveexec.storage.ticks.layout import DAY_NS, day_start_ns
from liveexec.storage.ticks.reader import TickReadCount, WindowedMarket
from liveexec.storage.ticks.relayout import lay_out
from liveexec.storage.ticks.windows import Window, plan_windows, recorded_sources

__all__ = ["run"]

SIGNALS: Final = 12
MOST: Final = 0.06
GOAL: Final = 0.03
_SECOND_NS: Final = 1_000_000_000
#: Levels that an order of the usual size reaches into.
_SHALLOW: Final = 3


@frozen
class Read:
    """What reading some windows cost."""

    count: TickReadCount
    took_s: float

    @property
    def share(self) -> float:
        return self.count.bytes_read / self.count.bytes_of_full_read


def run(options: Options) -> Result:
    """Make a day, lay it out, and read it around signals and whole."""
    quotes = 240_000 if options.quick else QUOTES
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        raw, laid = open_store((root / "raw").as_uri()), open_store((root / "laid").as_uri())
        options.say(f"a day of {quotes:,} quotes")
        began_s = time.perf_counter()
        file = write_day(root / "raw", quotes)
        made_s = time.perf_counter() - began_s
        options.say("laying it out by the minute")
        began_s = time.perf_counter()
        done = lay_out(raw, file, laid)
        laid_s = time.perf_counter() - began_s
        options.say(f"reading around {SIGNALS} signals")
        footers = FooterCache()
        windows = _around(_signals(odd_seconds=True))
        first = _read(laid, windows, footers=footers)
        again = _read(laid, windows, footers=footers)
        on_the_minute = _read(laid, _around(_signals(odd_seconds=False)))
        shallow = _read(laid, _around(_signals(odd_seconds=False)), depth=_SHALLOW, footers=footers)
        as_recorded = _read(raw, windows)
        options.say("reading the whole day")
        whole = _read(raw, [Window(day_start_ns(DAY), day_start_ns(DAY) + DAY_NS)])
        assert whole.count.rows == quotes, "not every quote was read"
    return Result(
        "Ticks around signals",
        [
            _share(f"bytes read around {SIGNALS} signals at odd seconds", first, MOST),
            _share("the same with the footer known", again, MOST),
            _share("signals on the minute", on_the_minute, MOST),
            _share(f"on the minute, {_SHALLOW} of {DEPTH} levels, footer known", shallow, GOAL),
            _share("without laying it out (as recorded)", as_recorded, None),
            Figure("reading and decoding the windows", f"{first.took_s:.2f} s of CPU, {first.count.rows:,} quotes"),
            Figure("reading and decoding the day", f"{whole.took_s:.1f} s of CPU, {whole.count.rows:,} quotes"),
            Figure("the day against the windows", f"{whole.took_s / first.took_s:.0f} times as long"),
        ],
        [
            f"the file: {done.bytes_before / 1e6:.0f} MB as recorded, made in {made_s:.0f} s",
            f"laid out: {done.bytes / 1e6:.0f} MB in {done.groups:,} row groups, verified, in {laid_s:.0f} s",
            f"shares are of the file that is read; {SIGNALS} windows of five minutes are {SIGNALS / 288:.2%} of a day",
        ],
    )


def _signals(*, odd_seconds: bool) -> list[Signal]:
    """One every two hours, at some minute of them."""
    found = []
    for number in range(SIGNALS):
        second = number * 7_200 + (number * 37 % 100 + 10) * 60 + (number * 23 % 59 + 1 if odd_seconds else 0)
        at_ns = day_start_ns(DAY) + second * _SECOND_NS
        found.append(Signal(at_ns, INSTRUMENT, Side.BUY, Decimal(1), "bench"))
    return found


def _around(signals: Sequence[Signal]) -> Sequence[Window]:
    return plan_windows(signals, recorded_sources({INSTRUMENT}, [INSTRUMENT]))[INSTRUMENT]


def _read(
    store: ObjectStore, windows: Sequence[Window], *, depth: int = DEPTH, footers: FooterCache | None = None
) -> Read:
    # Seconds of this process' own work: machines are shared, and the files are in the page cache.
    began_s = time.process_time()
    market = WindowedMarket(store, {INSTRUMENT: windows}, kinds=[TickKind.BOOKS], depth=depth, footers=footers)
    deque(market.events(), maxlen=0)
    return Read(market.count, time.process_time() - began_s)


def _share(name: str, read: Read, most: float | None) -> Figure:
    measured = f"{read.share:.2%}, {read.count.bytes_read / 1e6:.1f} MB in {read.count.requests} requests"
    if most is None:
        return Figure(name, measured)
    return Figure(name, measured, f"at most {most:.0%}", read.share <= most)
