"""Windows around signals: merged, extended to an algorithm's horizon, and for the instruments that need them."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Side
from liveexec.domain.signal import Signal
from liveexec.storage.ticks.layout import DAY_NS, day_start_ns, days_between
from liveexec.storage.ticks.windows import FIVE_MINUTES, Window, WindowSpan, merged, plan_windows, recorded_sources

MINUTE_NS = 60_000_000_000
NOON_NS = 20_000 * DAY_NS + DAY_NS // 2
SPOT = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
OTHER_SPOT = InstrumentId("OKX:SPOT_PAIR:BTC-USDT")
LINEAR = InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN")


def signal(at_ns: int = NOON_NS, key: str = SPOT, **options: Any) -> Signal:
    return Signal(at_ns, key, Side.BUY, Decimal(1), "s", **options)


def test_a_window_is_five_minutes_unless_told_otherwise() -> None:
    window = FIVE_MINUTES.around(signal())
    assert (window.start_ns, window.end_ns) == (NOON_NS - MINUTE_NS, NOON_NS + 4 * MINUTE_NS)
    assert WindowSpan(1, 2).around(signal()) == Window(NOON_NS - 1, NOON_NS + 2)


def test_a_window_lasts_until_the_algorithm_is_done() -> None:
    long = signal(exec_algorithm="TWAP", params={"horizon_secs": 600})
    short = signal(exec_algorithm="TWAP", params={"horizon_secs": 60})
    assert FIVE_MINUTES.around(long).end_ns == NOON_NS + 10 * MINUTE_NS
    assert FIVE_MINUTES.around(short).end_ns == NOON_NS + 4 * MINUTE_NS


_windows = st.tuples(st.integers(0, 200), st.integers(1, 30)).map(lambda pair: Window(pair[0], pair[0] + pair[1]))


@given(st.lists(_windows, max_size=12))
def test_merged_windows_hold_the_same_times_once_and_in_order(windows: list[Window]) -> None:
    found = merged(windows)
    held = [at for window in found for at in range(window.start_ns, window.end_ns)]
    assert held == sorted({at for window in windows for at in range(window.start_ns, window.end_ns)})
    assert all(one.end_ns < other.start_ns for one, other in pairwise(found))
    assert merged(found) == found


def test_instruments_are_read_only_where_their_own_signals_are() -> None:
    signals = [signal(), signal(NOON_NS + 2 * MINUTE_NS), signal(NOON_NS + 60 * MINUTE_NS, "SPOT_PAIR:BTC-USDT")]
    recorded = [SPOT, OTHER_SPOT, LINEAR]
    sources = recorded_sources({each.instrument_key for each in signals}, recorded)
    assert sources == {SPOT: (SPOT,), "SPOT_PAIR:BTC-USDT": (SPOT, OTHER_SPOT)}
    windows = plan_windows(signals, sources)
    early = Window(NOON_NS - MINUTE_NS, NOON_NS + 6 * MINUTE_NS)
    late = Window(NOON_NS + 59 * MINUTE_NS, NOON_NS + 64 * MINUTE_NS)
    assert windows == {SPOT: (early, late), OTHER_SPOT: (late,)}


def test_days_are_those_that_a_window_touches() -> None:
    midnight_ns = 20_001 * DAY_NS
    before, after = days_between(midnight_ns - 1, midnight_ns + 1)
    assert (day_start_ns(before), day_start_ns(after)) == (midnight_ns - DAY_NS, midnight_ns)
    assert list(days_between(midnight_ns - 5, midnight_ns)) == [before]
