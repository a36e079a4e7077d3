"""The recorded market: real books and prints of three instruments, replayed into two venues."""

import os
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liveexec.domain import money
from liveexec.domain.ids import ClientOrderId, InstrumentId, VenueName
from liveexec.domain.operation import Side
from liveexec.domain.outcome import Accepted, SendPlan
from liveexec.errors import ConfigurationError, InvalidInput
from liveexec.venues.paper.market import SourceBook, SourceTrade
from liveexec.venues.paper.parquet import BATCH_ROWS, RecordedMarket
from liveexec.venues.paper.presets import btc_world
from liveexec.venues.paper.world import PaperWorld
from support.paper import FOREVER_NS, Floor, dec

SPOT = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
LINEAR = InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN")
INVERSE = InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USD@INV")
ALL = (SPOT, LINEAR, INVERSE)
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def recorded() -> Path:
    default = Path(__file__).parents[7] / "shared" / "data"
    folder = Path(os.environ.get("LIVEEXEC_TEST_DATA", default)) / "market"
    if not folder.is_dir():
        pytest.skip(f"no recorded market at {folder}: set LIVEEXEC_TEST_DATA to the folder with the test data")
    return folder


@pytest.fixture(scope="module")
def market(recorded: Path) -> RecordedMarket:
    return RecordedMarket(recorded, ALL)


def test_every_recorded_event_comes_once_in_the_order_of_time(recorded: Path, market: RecordedMarket) -> None:
    counts: dict[tuple[InstrumentId, bool], int] = {}
    latest_ns = 0
    for event in market.events():
        assert event.time_ns >= latest_ns
        latest_ns = event.time_ns
        key = (event.instrument_id, isinstance(event, SourceTrade))
        counts[key] = counts.get(key, 0) + 1
    rows = {
        (InstrumentId(path.stem), path.parent.name == "data_type-trades"): pq.read_metadata(path).num_rows
        for path in recorded.glob("raw_tick_data/by_date/*/*/*.parquet")
    }
    assert counts == rows
    assert market.start_ns == 1_723_161_255_342_000_000


def test_numbers_are_those_that_were_recorded(market: RecordedMarket) -> None:
    events = islice(market.events(), 500)
    book = next(event for event in events if isinstance(event, SourceBook) and event.instrument_id == SPOT)
    assert book.bids[0] == (dec("61837.63"), dec("3.78826"))
    assert book.asks[0] == (dec("61837.64"), dec("1.6052"))
    assert len(book.bids) == len(book.asks) == 5


def test_the_ready_made_listings_fit_the_recording(recorded: Path, market: RecordedMarket) -> None:
    venue = btc_world(market=recorded, start_ns=0).venues[0]
    grids = {item.source: (item.tick, item.lot) for item in venue.instruments}
    for event in market.events():
        tick, lot = grids[event.instrument_id]
        levels = (*event.bids, *event.asks) if isinstance(event, SourceBook) else ((event.price, event.quantity),)
        for price, quantity in levels:
            assert money.is_multiple(price, tick)
            assert money.is_multiple(quantity, lot)


def test_two_venues_show_the_recording_each_in_its_own_way(recorded: Path) -> None:
    world = PaperWorld(btc_world(market=recorded, start_ns=0))
    first, second = (world.desk(VenueName(name)).exchange for name in ("PAPER-A", "PAPER-B"))
    for step in range(1, 200):
        world.advance(world.start_ns + step * SECOND_NS)
        for product, tick in (("SPOT_PAIR:BTC-USDT", "0.01"), ("PERPETUAL:BTC-USDT@LIN", "0.1")):
            one = first.visible_book(InstrumentId(f"PAPER-A:{product}"), 0)
            other = second.visible_book(InstrumentId(f"PAPER-B:{product}"), 0)
            assert one.is_sane
            assert other.is_sane
            assert one.best_ask is not None
            assert other.best_ask is not None
            # Thin levels of the deeper venue are less than a lot at the other, so its best can only be further out.
            assert one.best_ask >= other.best_ask + 3 * dec(tick)
            total, whole = (sum(quantity for _, quantity in book.asks) for book in (one, other))
            assert total <= whole * Decimal("0.6")


def test_a_replay_is_the_same_however_time_is_cut(recorded: Path) -> None:
    keys = []
    for step_ns in (SECOND_NS // 3, 7 * SECOND_NS):
        world = PaperWorld(btc_world(market=recorded, start_ns=0))
        desk = world.desk(VenueName("PAPER-B"))
        (account,) = desk.exchange.config.account_ids
        floor = Floor()
        for number in range(12):
            world.advance(world.start_ns + number * 21 * SECOND_NS)
            book = desk.exchange.visible_book(InstrumentId("PAPER-B:SPOT_PAIR:BTC-USDT"), 0)
            side = Side.BUY if number % 2 else Side.SELL
            order = floor.order(
                side,
                "2.5",
                book.near(side),
                account=desk.exchange.config.account_ids[0],
                instrument_id=book.instrument_id,
            )
            plan = SendPlan(ClientOrderId(f"c{number}"), FOREVER_NS)
            assert isinstance(desk.exchange.submit(order, plan, desk.exchange.now_ns), Accepted)
            for at_ns in range(0, 21 * SECOND_NS, step_ns):
                world.advance(world.start_ns + number * 21 * SECOND_NS + at_ns)
        world.advance(world.start_ns + 12 * 21 * SECOND_NS)
        fills = desk.exchange.snapshots.fills(account, 0, FOREVER_NS).items
        keys.append([(r.fill.key, r.fill.price, r.fill.quantity, r.fill.venue_time_ns) for r in fills])
        assert len(fills) > 10
    assert keys[0] == keys[1]


def test_when_the_recording_ends_the_books_stand_still(recorded: Path) -> None:
    world = PaperWorld(btc_world(market=recorded, start_ns=0))
    world.advance(world.start_ns + 3_600 * SECOND_NS)
    exchange = world.desk(VenueName("PAPER-B")).exchange
    name = InstrumentId("PAPER-B:SPOT_PAIR:BTC-USDT")
    before = exchange.visible_book(name, 0)
    world.advance(world.start_ns + 7_200 * SECOND_NS)
    assert repr(exchange.visible_book(name, 0)) == repr(before)
    assert before.bids[0] == (dec("61685.99"), dec("1.0087"))
    assert world.next_event_ns is None


def _write(folder: Path, data_type: str, rows: dict[str, list[Any]], instrument_id: str = SPOT) -> None:
    path = folder / f"raw_tick_data/by_date/day-2024-01-01/data_type-{data_type}/{instrument_id}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(rows), path)


def _books(asks: list[float | None]) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {"timestamp": list(range(1, len(asks) + 1))}
    for level in range(5):
        for side in ("bids", "asks"):
            rows[f"{side}[{level}].price"] = [None] * len(asks)
            rows[f"{side}[{level}].amount"] = [None] * len(asks)
    rows["asks[0].price"], rows["asks[0].amount"] = asks, [1.0] * len(asks)
    return rows


def _trades(prices: list[float], times: list[int] | None = None) -> dict[str, list[Any]]:
    count = len(prices)
    times = times or list(range(1, count + 1))
    return {"timestamp": times, "price": prices, "amount": [0.5] * count, "side": ["buy", "sell", "unknown"][:count]}


def test_levels_that_were_not_there_are_left_out(tmp_path: Path) -> None:
    _write(tmp_path, "trades", _trades([1.0]))
    _write(tmp_path, "book_snapshot_5", _books([2.0, None, float("nan")]))
    books = [event for event in RecordedMarket(tmp_path, [SPOT]).events() if isinstance(event, SourceBook)]
    assert [book.asks for book in books] == [((dec("2.0"), dec("1.0")),), (), ()]
    assert all(book.bids == () for book in books)


def test_sides_are_read_and_times_never_fall(tmp_path: Path) -> None:
    _write(tmp_path, "trades", _trades([1.0, 2.0, 3.0], times=[5, 3, 7]))
    _write(tmp_path, "book_snapshot_5", _books([2.0]))
    trades = [event for event in RecordedMarket(tmp_path, [SPOT]).events() if isinstance(event, SourceTrade)]
    assert [trade.aggressor for trade in trades] == [Side.BUY, Side.SELL, None]
    assert [trade.time_ns for trade in trades] == [5_000, 5_000, 7_000]


def test_trades_come_before_the_book_that_shows_what_they_left(tmp_path: Path) -> None:
    _write(tmp_path, "book_snapshot_5", _books([2.0]))
    _write(tmp_path, "trades", _trades([1.0]))
    kinds = [type(event) for event in RecordedMarket(tmp_path, [SPOT]).events()]
    assert kinds == [SourceTrade, SourceBook]


@pytest.mark.parametrize("price", [float("nan"), 0.0, -1.0, float("inf")])
def test_a_trade_that_is_none_is_named_by_file_and_row(tmp_path: Path, price: float) -> None:
    _write(tmp_path, "book_snapshot_5", _books([2.0]))
    _write(tmp_path, "trades", _trades([1.0, price]))
    market = RecordedMarket(tmp_path, [SPOT])
    with pytest.raises(InvalidInput, match=r"BTC-USDT.parquet .*row 1"):
        list(market.events())


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    _write(tmp_path, "trades", {"timestamp": [1], "price": [1.0]})
    with pytest.raises(ConfigurationError) as caught:
        RecordedMarket(tmp_path, [SPOT, LINEAR])
    found = [(fault.path.rsplit("/", 2)[1:], fault.message) for fault in caught.value.faults]
    assert found == [
        (["data_type-trades", f"{SPOT}.parquet"], "has no column amount"),
        (["data_type-trades", f"{SPOT}.parquet"], "has no column side"),
        (["data_type-book_snapshot_5", f"{SPOT}.parquet"], "is missing"),
        (["data_type-trades", f"{LINEAR}.parquet"], "is missing"),
        (["data_type-book_snapshot_5", f"{LINEAR}.parquet"], "is missing"),
    ]


def test_a_folder_without_days_or_a_day_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        RecordedMarket(tmp_path, [SPOT])
    _write(tmp_path, "trades", _trades([1.0]))
    with pytest.raises(ConfigurationError, match="no day-2024-01-02"):
        RecordedMarket(tmp_path, [SPOT], "2024-01-02")


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    _write(tmp_path, "trades", _trades([1.0]))
    _write(tmp_path, "book_snapshot_5", _books([2.0]))
    broken = next(tmp_path.glob("raw_tick_data/by_date/*/data_type-trades/*.parquet"))
    broken.write_bytes(b"not parquet at all")
    with pytest.raises(ConfigurationError, match=r"data_type-trades/.*can't be read"):
        RecordedMarket(tmp_path, [SPOT])


def test_a_long_recording_is_read_in_batches(tmp_path: Path) -> None:
    count = 4 * BATCH_ROWS + 1
    rows: dict[str, list[Any]] = {"timestamp": list(range(count))}
    rows |= {"price": [1.5] * count, "amount": [2.0] * count, "side": ["buy"] * count}
    _write(tmp_path, "trades", rows)
    _write(tmp_path, "book_snapshot_5", _books([2.0]))
    events: Iterator[Any] = RecordedMarket(tmp_path, [SPOT]).events()
    assert all(one.time_ns <= other.time_ns for one, other in pairwise(events))
    assert sum(isinstance(event, SourceTrade) for event in RecordedMarket(tmp_path, [SPOT]).events()) == count
