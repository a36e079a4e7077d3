"""One run: a specification in, and out what came of it. Nothing but where its results are published lies outside."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from signal import SIGINT, SIGTERM, getsignal, raise_signal
from signal import signal as set_handler
from typing import Final

from attrs import frozen

from liveexec.assembly import stores_of
from liveexec.domain.ids import InstrumentId, VenueName, is_instrument_id, product_of
from liveexec.domain.signal import Signal
from liveexec.plugins.manager import Plugins
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.market import EventMarket, ReplayMarket
from liveexec.replay.ports import HostRun, ReplayTruth
from liveexec.replay.recorded_market import RecordedTicks
from liveexec.replay.recording import ReplayRecording
from liveexec.replay.results import differences, results_of
from liveexec.replay.signals import intents_of
from liveexec.replay.spec import RecordedData, ReplaySpec, check_spec
from liveexec.storage.objects.configured import ConfiguredStores
from liveexec.storage.results.archive import RunArchive, RunResults
from liveexec.storage.results.summary import TickBytes
from liveexec.storage.ticks.reader import WindowedMarket
from liveexec.storage.ticks.signal_files import read_signals, signals_of_rows
from liveexec.storage.ticks.windows import plan_windows
from liveexec.venues.paper.config import Latency, PaperVenueConfig
from liveexec.venues.paper.synthetic import SyntheticMarket

__all__ = ["ReplayOutcome", "ReplayProgress", "run_replay", "signals_of", "uninterrupted"]

_NS: Final = 1_000_000_000


@frozen
class ReplayProgress:
    """How far a replay is: the market time, books and trades so far, and the share of signals that were sent."""

    at_ns: int
    market_events: int
    fraction: float


@frozen(eq=False)
class ReplayOutcome:
    """What came of a run. ``differences`` are between what the venues hold and what was recorded: there must be none.

    ``results`` are what its files say; ``url`` is the root that they were published under, ``None`` for nowhere.
    """

    spec: ReplaySpec
    results: RunResults
    recording: ReplayRecording
    truth: ReplayTruth
    differences: tuple[str, ...]
    url: str | None
    took_s: float

    @property
    def run_id(self) -> str:
        return self.results.summary.run_id


def run_replay(
    spec: ReplaySpec,
    *,
    plugins: Plugins | None = None,
    progress: Callable[[ReplayProgress], None] | None = None,
) -> ReplayOutcome:
    """Run a replay and publish its results, if it says where: all of them at the end, so that a run that is stopped
    leaves nothing.

    Raises:
        ConfigurationError: with every fault of the specification; nothing was read.
        InvalidInput: signals or ticks can't be used; every fault is named.
        ObjectStoreError: a store can't be used.
        PluginError: an installed plugin can't be used.
        InvariantViolation: the engine found that something does not hold that must.
    """
    checked = check_spec(spec, plugins)
    started_ns = time.time_ns()
    stores = stores_of(spec.objects, checked.plugins)
    signals = signals_of(spec, stores)
    market, windowed = _market(spec, signals, stores)
    recording = ReplayRecording()
    driver = ReplayDriver(
        checked.parts,
        intents_of(signals),
        recording,
        latency=_latency(spec.venues),
        seed=spec.seed,
        reconcile_every_ns=checked.reconcile_every_ns,
        mark_every_ns=spec.mark_every_s * _NS,
    )

    def told(at_ns: int, events: int) -> None:
        if progress is not None:
            progress(ReplayProgress(at_ns, events, driver.sent / len(signals) if signals else 1.0))

    truth = checked.host.run(HostRun(spec.venues, market, driver, spec.host_options, told))
    found = differences(recording, truth)
    results = results_of(
        spec,
        recording,
        truth,
        currency=checked.reporting_asset,
        ticks=_ticks(windowed, len(signals), truth.market_events),
        started_ns=started_ns,
        ended_ns=time.time_ns(),
        notes=found,
    )
    if spec.results is not None:
        archive = RunArchive(stores.open(spec.results))
        with uninterrupted():
            archive.publish(results)
    took_s = (time.time_ns() - started_ns) / _NS
    return ReplayOutcome(spec, results, recording, truth, tuple(found), spec.results, took_s)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the end of the block, so that it is done whole or not at all. Signals come to
    the main thread; in another one there is nothing to hold back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    held = [number for number in (SIGINT, SIGTERM) if getsignal(number) is not None]
    before = {number: set_handler(number, lambda told, _: came.append(told)) for number in held}
    try:
        yield
    finally:
        for number, handler in before.items():
            set_handler(number, handler)
        if came:
            raise_signal(came[0])


def signals_of(spec: ReplaySpec, stores: ConfiguredStores) -> tuple[Signal, ...]:
    """The signals that a specification names or lists, in the order of their times; ``stores`` opens what they are in.

    Raises:
        ObjectStoreError: the file can't be read.
        InvalidInput: with every fault of every row.
    """
    if isinstance(spec.signals, str):
        root, _, name = spec.signals.rpartition("/")
        return read_signals(stores.open(root), name).signals
    return signals_of_rows(iter(spec.signals)).signals


def _market(
    spec: ReplaySpec, signals: Sequence[Signal], stores: ConfiguredStores
) -> tuple[ReplayMarket, WindowedMarket | None]:
    data = spec.data
    if isinstance(data, RecordedData):
        store = stores.open(data.url)
        windows = plan_windows(signals, _sources(spec.venues, signals), data.span)
        windowed = WindowedMarket(store, windows)
        return RecordedTicks(windowed), windowed
    source = SyntheticMarket(data.instruments, seed=data.seed, start_ns=data.start_ns, step_ns=data.step_ns)
    return EventMarket(source, until_ns=data.start_ns + data.seconds * _NS, books_first=True), None


def _sources(venues: Sequence[PaperVenueConfig], signals: Sequence[Signal]) -> Mapping[str, tuple[InstrumentId, ...]]:
    """The recorded instruments that each signal's key needs: those that feed the listings that it may be traded at."""
    listed = [item for venue in venues for item in venue.instruments if item.source is not None]
    found: dict[str, tuple[InstrumentId, ...]] = {}
    for key in dict.fromkeys(signal.instrument_key for signal in signals):
        wanted = [
            item.source
            for item in listed
            if (item.instrument_id if is_instrument_id(key) else product_of(item.instrument_id)) == key
        ]
        found[key] = tuple(dict.fromkeys(source for source in wanted if source is not None))
    return found


def _latency(venues: Sequence[PaperVenueConfig]) -> dict[VenueName, Latency]:
    return {venue.venue: venue.latency for venue in venues if not venue.latency.is_zero}


def _ticks(windowed: WindowedMarket | None, signals: int, rows: int) -> TickBytes:
    if windowed is None:
        return TickBytes(rows=rows, signals=signals)
    count = windowed.count
    return TickBytes(
        bytes_read=count.bytes_read,
        bytes_of_full_read=count.bytes_of_full_read,
        rows=count.rows,
        signals=signals,
        windows=sum(len(each) for each in windowed.windows.values()),
        is_exact=count.is_exact,
    )
