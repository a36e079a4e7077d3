"""Every recorded payload of the venue is read, or refused with a reason that says what it is."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deribit_support import payloads
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.errors import AdapterError, InvalidInput
from liveexec_deribit import wire
from liveexec_deribit.config import CURRENCIES
from liveexec_deribit.fills import fill_report
from liveexec_deribit.holdings import balance_report
from liveexec_deribit.listings import listing_of, listings_of
from liveexec_deribit.market import BookKeeper, quote_book, summed_trades
from liveexec_deribit.names import DERIBIT, Combo, instrument_id_of, venue_instrument
from liveexec_deribit.orders import order_report, read_order
from liveexec_deribit.reading import AccountReader
from liveexec_deribit.rpc import Frame, decoded, read_frame

#: What is never asked for or subscribed to here: read as a message, and no further.
NOT_USED = (
    "http_get_combos",
    "http_get_expirations_any",
    "http_get_expirations_btc_option",
    "http_get_tradingview_chart_data",
    "http_test",
    "ws_chart",
    "ws_ticker",
    "ws_volatility_index",
)


def frame_of(path: Path) -> Frame:
    return read_frame(path.read_bytes())


def result(name: str) -> msgspec.Raw:
    return frame_of(_path(name)).result


def data(name: str) -> msgspec.Raw:
    frame = frame_of(_path(name))
    assert frame.params is not None
    return frame.params.data


def _path(name: str) -> Path:
    payloads.recorded()
    return payloads.RECORDED / f"{name}.json"


def test_every_recorded_payload_is_a_message_and_has_a_test_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    for path in payloads.recorded():
        frame = frame_of(path)
        assert frame.id is not None or frame.method is not None or frame.result is not None
        assert f'"{path.stem}"' in source, f"{path.stem} is read by no test"


@pytest.mark.parametrize("name", NOT_USED)
def test_what_is_not_used_is_told_when_it_comes(name: str) -> None:
    frame = frame_of(_path(name))
    heard: list[VenueReport] = []
    if frame.params is not None and frame.params.channel is not None:
        AccountReader(payloads.ACCOUNT, DERIBIT, heard.append).notified(frame.params.channel, frame.params.data)
        assert all(isinstance(each, Gap) and "was not subscribed to" in each.reason for each in heard)
        assert heard
    else:
        assert frame.result is not None
        with pytest.raises(AdapterError):
            decoded(wire.OrderAnswer, frame.result, "it")


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("ws_order_buy_response", "WORKING"),
        ("ws_order_sell_response", "WORKING"),
        ("ws_order_edit_response", "WORKING"),
        ("ws_order_stop_market_response", "WORKING"),
        ("ws_order_stop_market_no_filled_amount", "WORKING"),
    ],
)
def test_answers_to_orders(name: str, state: str) -> None:
    answer = decoded(wire.OrderAnswer, result(name), "it")
    told = read_order(answer.order)
    report = order_report(told, payloads.ACCOUNT, DERIBIT)
    assert report.status == state
    assert report.client_order_id == told.label
    assert report.quantity * 1000 == told.contracts
    assert (report.price is None) == name.startswith("ws_order_stop")
    heard: list[VenueReport] = []
    AccountReader(payloads.ACCOUNT, DERIBIT, heard.append).answered_late("private/buy", frame_of(_path(name)))
    assert len(heard) == 1


def test_the_answer_to_a_cancel_holds_the_order_itself() -> None:
    report = order_report(read_order(result("ws_order_cancel_response")), payloads.ACCOUNT, DERIBIT)
    assert (report.status, report.code) == ("CANCELED", "user_request")


def test_instruments() -> None:
    kinds = ("spot", "future", "option")
    told = decoded(list[msgspec.Raw], result("http_get_instruments"), "it")
    listed = listings_of(told, DERIBIT, CURRENCIES, kinds)
    assert [each.instrument_id for each in listed.listings] == [
        "DERIBIT:PERPETUAL:BTC-USD@INV",
        "DERIBIT:FUTURE:BTC-USD-20241227@INV",
        "DERIBIT:OPTION:BTC-USD-100000-20241227-C",
    ]
    assert not listed.refused
    for name in ("http_get_instrument", "http_get_instrument_option"):
        one = decoded(wire.Instrument, result(name), "it")
        assert listing_of(one, venue_instrument(one.instrument_name), DERIBIT).venue_symbol == one.instrument_name
    for name in ("http_get_instruments_future_combo", "http_get_instruments_option_combo"):
        combos = decoded(list[wire.Instrument], result(name), "it")
        assert combos
        for each in combos:
            with pytest.raises(Combo):
                venue_instrument(each.instrument_name)


@pytest.mark.parametrize(
    "name",
    [
        "http_get_last_trades",
        "http_get_last_trades_future_combo",
        "http_get_last_trades_historical_combo",
        "http_get_last_trades_option_combo",
        "http_get_last_trades_perpetual_with_combo_tags",
    ],
)
def test_public_trades(name: str) -> None:
    page = decoded(wire.TradePage, result(name), "it")
    trades = [decoded(wire.PublicTrade, each, "it") for each in page.trades]
    assert trades
    _sums_up(trades)


@pytest.mark.parametrize("name", ["ws_trades", "ws_trades_option_combo"])
def test_notified_trades(name: str) -> None:
    _sums_up(decoded(list[wire.PublicTrade], data(name), "it"))


def _sums_up(trades: list[wire.PublicTrade]) -> None:
    symbols = {each.instrument_name for each in trades}
    for symbol in symbols:
        mine = [each for each in trades if each.instrument_name == symbol]
        try:
            bars = list(summed_trades(mine, instrument_id_of(symbol)))
        except Combo:
            continue
        assert sum(bar.quantity for bar in bars) == sum(each.amount for each in mine)
        # In the unit of orders: contracts are something else.
        assert all(each.amount > 0 for each in mine)


def test_books_and_quotes() -> None:
    instrument_id = instrument_id_of("BTC-PERPETUAL")
    keeper = BookKeeper(instrument_id, 10)
    assert keeper.apply(decoded(wire.BookChange, data("ws_book_snapshot"), "it"))
    assert keeper.apply(decoded(wire.BookChange, data("ws_book_delta"), "it"))
    assert keeper.book(0).is_sane
    grouped = decoded(wire.Book, data("ws_book_grouped_snapshot"), "it")
    assert grouped.bids[0][0] < grouped.asks[0][0]
    assert len(decoded(wire.Book, result("http_get_order_book"), "it").bids) == 20
    quote = decoded(wire.Quote, data("ws_quote"), "it")
    assert quote_book(quote, instrument_id, 0).is_sane


def test_balances() -> None:
    for name in ("http_get_account_summaries", "http_get_account_summaries_cross_margin"):
        told = decoded(wire.AccountSummaries, result(name), "it")
        reports = [balance_report(each, payloads.ACCOUNT, 5) for each in told.summaries]
        assert reports
        assert all(each.total.is_finite() for each in reports)
    portfolio = decoded(wire.Portfolio, data("ws_portfolio"), "it")
    assert balance_report(portfolio, payloads.ACCOUNT, 5).asset == "USDT"


def test_the_rest_of_the_protocol() -> None:
    error = frame_of(_path("ws_error")).error
    assert error is not None
    assert error.code == 10028
    assert decoded(int, result("http_get_time"), "it") == 1733338800000
    assert decoded(list[str], result("ws_subscribe_response"), "it")
    beat = frame_of(_path("ws_test_request"))
    assert beat.params is not None
    assert (beat.method, beat.params.type) == ("heartbeat", "test_request")


def test_new_fields_never_break() -> None:
    for path in payloads.recorded():
        grown = _grown(json.loads(path.read_text(encoding="utf-8")))
        frame = read_frame(json.dumps(grown))
        for kind in (wire.OrderAnswer, wire.Order, wire.Instrument, wire.TradePage, wire.AccountSummaries):
            before = _reads(kind, frame_of(path))
            assert _reads(kind, frame) == before


def _grown(value: Any) -> Any:
    """The same with a field more in every object."""
    if isinstance(value, dict):
        return {key: _grown(each) for key, each in value.items()} | {"brand_new": {"field": [1, "two", None]}}
    return [_grown(each) for each in value] if isinstance(value, list) else value


def _reads(kind: type[Any], frame: Frame) -> bool:
    try:
        decoded(kind, frame.result, "it")
    except AdapterError:
        return False
    return True


def test_a_user_trade_as_the_specification_shows_it() -> None:
    # None was recorded: this one has every field that the specification requires.
    told = decoded(wire.UserTrade, payloads.raw(payloads.trade()), "it")
    assert fill_report(told, payloads.ACCOUNT, DERIBIT).fill.quantity == 40
    with pytest.raises((AdapterError, InvalidInput)):
        decoded(wire.UserTrade, payloads.raw({}), "it")
