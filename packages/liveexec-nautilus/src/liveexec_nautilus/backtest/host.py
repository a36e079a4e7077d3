"""The host of replays on NautilusTrader's backtest engine, registered under the name ``nautilus``.

The backtest engine holds the market's clock. It takes the market chunk by chunk and works the orders; the driver, with
the engine that trades live, sits in a strategy inside it and is woken when something of its own is due, or when an
order of its own changed. Memory holds one chunk at a time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from liveexec.errors import Fault, InvariantViolation
from liveexec.replay.agenda import NEVER
from liveexec.replay.ports import HostRun, ReplayTruth, truth_of
from liveexec_nautilus import vendor_backtest as nautilus
from liveexec_nautilus.backtest.feed import Feeds
from liveexec_nautilus.backtest.layout import lay_out
from liveexec_nautilus.backtest.options import NautilusOptions, option_faults
from liveexec_nautilus.backtest.strategy import ReplayStrategy
from liveexec_nautilus.backtest.venues import NautilusVenues

__all__ = ["NautilusHost"]

#: The library's own limit of orders per second is for live venues; ours is a risk rule of the engine's.
_NO_LIMIT: Final = "1000000000/00:00:01"


class NautilusHost:
    """Replays on NautilusTrader's backtest engine; see :class:`liveexec.replay.ports.ReplayHost`."""

    def option_faults(self, options: Mapping[str, Any]) -> Sequence[Fault]:
        """What is wrong with ``host_options``; see :class:`~liveexec_nautilus.backtest.options.NautilusOptions`."""
        return option_faults(options)

    def run(self, run: HostRun) -> ReplayTruth:
        """Replay the whole market.

        Raises:
            ConfigurationError: a venue or an option can't be simulated.
            LiveExecError: the market can't be read, or an invariant is broken.
        """
        replay = _NautilusReplay(run)
        try:
            return replay.run()
        finally:
            replay.close()


class _NautilusReplay:
    """One replay."""

    def __init__(self, run: HostRun) -> None:
        options = NautilusOptions.read(run.options)
        layout = lay_out(run.venues)
        self._run, self._driver = run, run.driver
        self._engine = nautilus.BacktestEngine(_engine_config())
        for venue in layout:
            venue.add_to(self._engine, options)
        self._feeds = Feeds(layout)
        self._strategy = ReplayStrategy()
        self._strategy.attach(self)
        self._engine.add_strategy(self._strategy)
        self._venues = NautilusVenues(run.venues, layout, self._driver, self._feeds, self._strategy, self._engine.cache)
        self._start_ns = self._now_ns = 0
        self._failure: BaseException | None = None

    def run(self) -> ReplayTruth:
        engine, driver = self._engine, self._driver
        first_signal_ns = driver.first_signal_ns
        self._start_ns = self._now_ns = first_signal_ns if first_signal_ns != NEVER else 0
        has_started = False
        for chunk in self._run.market.chunks():
            for batch in self._feeds.batches(chunk):
                if not has_started:
                    self._start_ns = self._now_ns = min(self._start_ns or batch.start_ns, batch.start_ns)
                    self._load(self._feeds.beginning(self._start_ns))
                else:
                    self._guarded(self._arm)
                self._load(batch.data)
                engine.run(start=None if has_started else self._start_ns, streaming=True)
                has_started = True
                self._raise()
                engine.clear_data()
                self._now_ns = batch.end_ns
                self._run.progress(self._now_ns, self._feeds.events)
        # What is due after the last market event happens still, as long as signals are to come, or what was sent is
        # on its way. Without data the library moves time in one last run alone, whose end it is told beforehand.
        self._now_ns = max(self._now_ns, driver.last_signal_ns) + driver.round_trip_ns
        engine.run(start=None if has_started else self._start_ns, end=self._now_ns)
        self._raise()
        if driver.next_due_ns <= self._now_ns:
            # It logs what it can't deliver, and goes on.
            raise InvariantViolation("the backtest engine ended without ringing for everything that was due")
        driver.finish(self._now_ns)
        self._venues.verify()
        return truth_of(self._venues, self._now_ns, self._feeds.events)

    def close(self) -> None:
        """Give back what the backtest engine holds. It holds the strategy where no garbage collector looks, so that
        the circle has to be broken here: an engine that stays keeps one of the library's few logging guards."""
        self._engine.dispose()
        self._strategy.detach()
        del self._engine

    # -- what the strategy calls --------------------------------------------------------------------------------------

    def started(self) -> None:
        self._guarded(lambda: self._driver.start(self._venues, self._start_ns))

    def rang(self, now_ns: int) -> None:
        self._guarded(lambda: self._advance(now_ns))

    def told(self, event: Any) -> None:
        self._guarded(lambda: self._tell(event))

    def _tell(self, event: Any) -> None:
        self._now_ns = self._strategy.now_ns
        self._venues.told(event, self._now_ns)

    def _advance(self, now_ns: int) -> None:
        self._now_ns = now_ns
        self._venues.expire(now_ns)
        if self._driver.watched:
            self._driver.observe(now_ns)
        self._driver.advance(now_ns)

    def _load(self, streams: Iterable[Sequence[Any]]) -> None:
        for data in streams:
            if data:
                self._engine.add_data(data, sort=False)
        self._engine.sort_data()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do something inside a callback. The library swallows what callbacks raise, so it is kept until it returns;
        the driver is told nothing more then."""
        if self._failure is not None:
            return
        try:
            work()
            self._arm()
        except BaseException as failure:  # noqa: BLE001 -- raised again as soon as the library returns
            self._failure = failure

    def _arm(self) -> None:
        driver = self._driver
        due_ns = min(driver.next_due_ns, self._venues.next_expiry_ns)
        if watched := driver.watched:
            due_ns = min(due_ns, self._feeds.next_change_ns(watched, self._now_ns))
        if due_ns < NEVER:
            self._strategy.wake_at(max(due_ns, self._now_ns))

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure


def _engine_config() -> nautilus.BacktestEngineConfig:
    return nautilus.BacktestEngineConfig(
        run_analysis=False,
        logging=nautilus.LoggerConfig(stdout_level=nautilus.LogLevel.OFF, print_config=False),
        risk_engine=nautilus.RiskEngineConfig(max_order_submit_rate=_NO_LIMIT, max_order_modify_rate=_NO_LIMIT),
        # Its checks price a market order by the latest quote.
        data_engine=nautilus.DataEngineConfig(emit_quotes_from_book_depths=True),
    )
