"""Payloads that were damaged at random: nothing breaks, and nothing is dropped without a word.

``LIVEEXEC_DERIBIT_MUTATIONS=100000`` runs that many of messages that hold all that is read, and a quarter as many of
the venue's recorded ones; without it a small part of them.
"""

import contextlib
import copy
import json
import os
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deribit_support import payloads
from liveexec.domain.outcome import BalanceReport, FillReport, Gap, OrderReport, VenueReport
from liveexec_deribit import wire
from liveexec_deribit.account_log import asset_reports, read_entry
from liveexec_deribit.config import CURRENCIES
from liveexec_deribit.holdings import balance_report, position_report
from liveexec_deribit.listings import listings_of
from liveexec_deribit.market import BookKeeper, quote_book, summed_trades
from liveexec_deribit.names import DERIBIT, Combo, instrument_id_of
from liveexec_deribit.reading import AccountReader
from liveexec_deribit.rpc import MalformedMessage, decoded, read_frame
from liveexec_deribit.settlements import settlement_report

MUTATIONS = int(os.environ.get("LIVEEXEC_DERIBIT_MUTATIONS", "1600"))
CHANNEL = "user.changes.any.any.raw"
INSTRUMENT = instrument_id_of("BTC-PERPETUAL")

STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    10**30,
    -(10**15),
    1e308,
    5e-324,
    "",
    "market_price",
    "NaN",
    "-Infinity",
    "1e9999",
    "\x00\ud7ff",
    "BTC-PERPETUAL",
    "buy",
    [],
    {},
    [[]],
    {"a": {}},
)


def answer(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "result": result, "usIn": 5, "usOut": 9}).encode()


def book(kind: str, after: int | None) -> dict[str, Any]:
    return {
        "type": kind,
        "instrument_name": "BTC-PERPETUAL",
        "timestamp": payloads.NOW_MS,
        "change_id": 2,
        "prev_change_id": after,
        "bids": [["new", 100.5, 10.0]],
        "asks": [["new", 101.0, 10.0]],
    }


ORDERS = payloads.changes(
    orders=[payloads.order(), payloads.order(order_type="stop_market", price="market_price")],
    trades=[payloads.trade(), payloads.trade(trade_id="8", liquidity="M", fee=-1e-7)],
)
SUMMARIES = {"summaries": [{"currency": "BTC", "balance": 1.5, "available_funds": 1.0, "equity": 2}]}
POSITION = {"instrument_name": "BTC-PERPETUAL", "size": -50, "direction": "sell", "average_price": 62000.0}
TRADE = {
    "trade_id": "1",
    "instrument_name": "BTC-PERPETUAL",
    "timestamp": payloads.NOW_MS,
    "price": 62000.0,
    "amount": 10.0,
    "direction": "buy",
    "trade_seq": 4,
}
LOGGED = {
    "id": 1,
    "currency": "BTC",
    "timestamp": payloads.NOW_MS,
    "type": "deposit",
    "change": 0.5,
    "commission": 0,
    "interest_pl": 1e-6,
}
DELIVERED = {
    "type": "delivery",
    "timestamp": payloads.NOW_MS,
    "instrument_name": "BTC-25DEC26-100000-C",
    "index_price": 120_000.5,
}
QUOTE = {
    "instrument_name": "BTC-PERPETUAL",
    "timestamp": payloads.NOW_MS,
    "best_bid_price": 1.0,
    "best_bid_amount": 2.0,
    "best_ask_price": 3.0,
    "best_ask_amount": 4.0,
}

Reader = Callable[[bytes], None]


def read_changes(message: bytes) -> None:
    """Every order and every fill in it is a report, a gap says what was not read, and nothing is left over."""
    heard: list[VenueReport] = []
    reader = AccountReader(payloads.ACCOUNT, DERIBIT, heard.append)
    frame = read_frame(message)
    if frame.method != "subscription" or frame.params is None or frame.params.channel is None:
        raise MalformedMessage("not a notification any more")
    reader.notified(frame.params.channel, frame.params.data)
    try:
        told = decoded(wire.UserChanges, frame.params.data, "it")
    except MalformedMessage:
        assert [type(each) for each in heard] == [Gap]
        return
    if not frame.params.channel.startswith("user.changes."):
        assert [type(each) for each in heard] == [Gap]
        return
    read = [each for each in heard if isinstance(each, FillReport | OrderReport)]
    gaps = [each for each in heard if isinstance(each, Gap)]
    assert len(read) + len(gaps) + combos([*told.trades, *told.orders]) == len(told.trades) + len(told.orders)
    for each in read:
        assert (each.fill if isinstance(each, FillReport) else each).quantity > 0


def combos(parts: Iterable[msgspec.Raw]) -> int:
    """How many of these are about a combo, which is told in the log."""
    found = 0
    for raw in parts:
        try:
            instrument_id_of(str(msgspec.json.decode(raw).get("instrument_name")))
        except Combo:
            found += 1
        except Exception:  # noqa: BLE001  (whatever else it is, it is no combo)
            continue
    return found


def read_answer(message: bytes) -> None:
    """The order and every fill in it is a report or a gap; an error says that there are none."""
    heard: list[VenueReport] = []
    AccountReader(payloads.ACCOUNT, DERIBIT, heard.append).answered_late("private/buy", frame := read_frame(message))
    if frame.error is not None:
        assert not heard
        return
    try:
        told = decoded(wire.OrderAnswer, frame.result, "it")
    except MalformedMessage:
        assert [type(each) for each in heard] == [Gap]
        return
    assert len(heard) + combos([*told.trades, told.order]) == len(told.trades) + 1


def read_listing(message: bytes) -> None:
    told = decoded(list[msgspec.Raw], read_frame(message).result, "it")
    listed = listings_of(told, DERIBIT, CURRENCIES, ("spot", "future", "option"))
    assert len(listed.listings) + len(listed.refused) <= len(told)


def read_holdings(message: bytes) -> None:
    result = read_frame(message).result
    for each in decoded(wire.AccountSummaries, result, "it").summaries:
        assert balance_report(each, payloads.ACCOUNT, 5).total.is_finite()


def read_portfolio(message: bytes) -> None:
    """A balance, or a gap."""
    heard: list[VenueReport] = []
    frame = read_frame(message)
    if frame.method != "subscription" or frame.params is None or frame.params.channel is None:
        raise MalformedMessage("not a notification any more")
    AccountReader(payloads.ACCOUNT, DERIBIT, heard.append).notified(frame.params.channel, frame.params.data)
    assert len(heard) == 1 or not frame.params.channel.startswith("user.portfolio.")
    for each in heard:
        assert isinstance(each, Gap) or (isinstance(each, BalanceReport) and each.total.is_finite())


def read_log(message: bytes) -> None:
    """Every entry is read, or the page is refused."""
    for raw in decoded(wire.LogPage, read_frame(message).result, "it").logs:
        for each in asset_reports(read_entry(raw), payloads.ACCOUNT):
            assert each.amount.is_finite()
            assert each.amount


def read_settlements(message: bytes) -> None:
    for raw in decoded(wire.SettlementPage, read_frame(message).result, "it").settlements:
        try:
            said = settlement_report(decoded(wire.Settlement, raw, "a settlement"), payloads.ACCOUNT, DERIBIT)
        except Combo:
            continue
        assert said is None or said.price >= 0


def read_position(message: bytes) -> None:
    for each in decoded(list[wire.Position], read_frame(message).result, "it"):
        try:
            assert position_report(each, payloads.ACCOUNT, DERIBIT, 5).quantity.is_finite()
        except Combo:
            continue


def read_market(message: bytes) -> None:
    frame = read_frame(message)
    raw = frame.params.data if frame.params is not None else frame.result
    keeper = BookKeeper(INSTRUMENT, 10)
    keeper.apply(decoded(wire.BookChange, raw, "it"))
    if keeper.is_whole:
        keeper.book(0)


def read_quote(message: bytes) -> None:
    frame = read_frame(message)
    raw = frame.params.data if frame.params is not None else frame.result
    quote_book(decoded(wire.Quote, raw, "it"), INSTRUMENT, 0)


def read_trades(message: bytes) -> None:
    frame = read_frame(message)
    raw = frame.params.data if frame.params is not None else frame.result
    list(summed_trades(decoded(list[wire.PublicTrade], raw, "it"), INSTRUMENT))


SUBJECTS: tuple[tuple[bytes, Reader], ...] = (
    (payloads.notification(CHANNEL, ORDERS), read_changes),
    (answer({"order": payloads.order(), "trades": [payloads.trade()]}), read_answer),
    (answer([payloads.instrument(), payloads.option(), payloads.linear(), payloads.spot()]), read_listing),
    (answer(SUMMARIES), read_holdings),
    (payloads.notification("user.portfolio.any", payloads.portfolio()), read_portfolio),
    (answer([POSITION]), read_position),
    (answer({"logs": [LOGGED, LOGGED | {"id": 2, "type": "delivery", "commission": 0.1}]}), read_log),
    (answer({"settlements": [DELIVERED]}), read_settlements),
    (payloads.notification("book.BTC-PERPETUAL.100ms", book("snapshot", None)), read_market),
    (payloads.notification("quote.BTC-PERPETUAL", QUOTE), read_quote),
    (payloads.notification("trades.BTC-PERPETUAL.100ms", [TRADE]), read_trades),
)


def read_trade_page(message: bytes) -> None:
    page = decoded(wire.TradePage, read_frame(message).result, "it")
    list(summed_trades([decoded(wire.PublicTrade, each, "it") for each in page.trades], INSTRUMENT))


#: What reads a recorded payload: the first glob that fits its name. What the adapter has no use for is told of as a
#: notification that nobody asked for, or as no message of its own.
RECORDED: tuple[tuple[str, Reader], ...] = (
    ("http_get_account_summaries*", read_holdings),
    ("http_get_instruments*", read_listing),
    ("http_get_last_trades*", read_trade_page),
    ("ws_book_[ds]*", read_market),
    ("ws_order_*", read_answer),
    ("ws_portfolio", read_portfolio),
    ("ws_quote", read_quote),
    ("ws_trades*", read_trades),
    ("*", read_changes),
)


def mutated(message: bytes, random: Random) -> bytes:
    """The message with something in it changed: a value, a field, or bytes."""
    if random.random() < 0.25:
        data = bytearray(message)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(data))
            match random.randrange(3):
                case 0:
                    data[at] = random.randrange(256)
                case 1:
                    del data[at : at + random.randint(1, 40)]
                case _:
                    data[at:at] = bytes(random.choices(b'{}[]",:0919e-+.\\u\xff\x00', k=random.randint(1, 6)))
            if not data:
                return b"{"
        return bytes(data)
    document = json.loads(message)
    for _ in range(random.randint(1, 3)):
        _change_one(document, random)
    return json.dumps(document).encode()


def _strange(random: Random) -> Any:
    """A value that nobody expects; made anew, since it may be changed in its turn."""
    return copy.deepcopy(random.choice(STRANGE))


def _change_one(document: Any, random: Random) -> None:
    places: list[tuple[Any, Any]] = []
    _places(document, places)
    if not places:
        return
    holder, key = random.choice(places)
    match random.randrange(4):
        case 0:
            del holder[key]
        case 1:
            holder[key] = _strange(random)
        case 2:
            holder[key] = [holder[key]]
        case _ if isinstance(holder, dict):
            holder[f"x{random.randrange(9)}"] = _strange(random)
        case _:
            holder.append(_strange(random))


def _places(value: Any, found: list[tuple[Any, Any]]) -> None:
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            found.append((value, key))
            _places(value[key], found)


@pytest.mark.parametrize("number", range(len(SUBJECTS)))
@settings(max_examples=-(-MUTATIONS // len(SUBJECTS)))
@given(random=st.randoms(use_true_random=False))
def test_damaged_payloads_are_read_or_told_of(number: int, random: Random) -> None:
    message, read = SUBJECTS[number]
    with contextlib.suppress(MalformedMessage):
        read(mutated(message, random))


@pytest.mark.parametrize("number", range(len(SUBJECTS)))
def test_damage_is_noticed_and_what_is_whole_is_not_called_damaged(number: int) -> None:
    message, read = SUBJECTS[number]
    read(message)
    with pytest.raises(MalformedMessage):
        read(message[:-20])


def test_damaged_recordings_are_read_or_told_of() -> None:
    paths = payloads.recorded()

    @settings(max_examples=-(-MUTATIONS // 4), deadline=None)
    @given(path=st.sampled_from(paths), random=st.randoms(use_true_random=False))
    def damage(path: Path, random: Random) -> None:
        read = next(reader for glob, reader in RECORDED if fnmatchcase(path.stem, glob))
        with contextlib.suppress(MalformedMessage):
            read(mutated(path.read_bytes(), random))

    damage()
