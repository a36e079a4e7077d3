"""Canonical ids and the venue's names are made of each other, and nothing else is taken for either."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import InstrumentId, VenueName, is_instrument_id
from liveexec.errors import InvalidInput
from liveexec_deribit.names import Combo, InstrumentKind, VenueInstrument, instrument_id_of, symbol_of, venue_instrument

KNOWN = {
    "BTC-PERPETUAL": "DERIBIT:PERPETUAL:BTC-USD@INV",
    "ETH_USDC-PERPETUAL": "DERIBIT:PERPETUAL:ETH-USDC@LIN",
    "BTC_USDT-PERPETUAL": "DERIBIT:PERPETUAL:BTC-USDT@LIN",
    "BTC-27DEC24": "DERIBIT:FUTURE:BTC-USD-20241227@INV",
    "BTC_USDC-5JUN26": "DERIBIT:FUTURE:BTC-USDC-20260605@LIN",
    "BTC-27DEC24-100000-C": "DERIBIT:OPTION:BTC-USD-100000-20241227-C",
    "XRP_USDC-30JUN23-0d625-P": "DERIBIT:OPTION:XRP-USDC-0.625-20230630-P",
    "BTC_USDC": "DERIBIT:SPOT_PAIR:BTC-USDC",
    "ETH_BTC": "DERIBIT:SPOT_PAIR:ETH-BTC",
}
CURRENCIES = st.sampled_from(["BTC", "ETH", "SOL", "USDC", "USDT", "EURR", "STETH", "BUIDL", "AVAX"])
DATES = st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(lambda day: f"{day:%Y%m%d}")
STRIKES = st.one_of(st.integers(1, 10**9).map(str), st.from_regex(r"[0-9]{1,4}\.[0-9]{1,4}", fullmatch=True))


@st.composite
def instruments(draw: st.DrawFn) -> VenueInstrument:
    kind = draw(st.sampled_from(list(InstrumentKind)))
    base = draw(CURRENCIES)
    quotes = (
        st.sampled_from(["USDC", "USDT", "BTC"]) if kind is InstrumentKind.SPOT else st.sampled_from(["USD", "USDC"])
    )
    has_expiry = kind in (InstrumentKind.FUTURE, InstrumentKind.OPTION)
    is_option = kind is InstrumentKind.OPTION
    return VenueInstrument(
        kind,
        base,
        draw(quotes),
        draw(DATES) if has_expiry else None,
        draw(STRIKES) if is_option else None,
        draw(st.sampled_from("CP")) if is_option else None,
    )


@pytest.mark.parametrize(("symbol", "instrument_id"), KNOWN.items())
def test_names_and_ids_of_every_kind(symbol: str, instrument_id: str) -> None:
    assert instrument_id_of(symbol) == instrument_id
    assert symbol_of(InstrumentId(instrument_id)) == symbol


@given(instruments())
def test_whatever_is_named_comes_back_as_it_was(instrument: VenueInstrument) -> None:
    venue = VenueName("DERIBIT-TEST")
    instrument_id = instrument.instrument_id(venue)
    assert is_instrument_id(instrument_id)
    assert symbol_of(instrument_id) == instrument.symbol
    assert venue_instrument(instrument.symbol) == instrument
    assert instrument_id_of(instrument.symbol, venue) == instrument_id


@given(st.text(alphabet="ABCDEFUNLPRT0123456789-_d.", max_size=24))
def test_no_text_is_taken_for_a_name_that_does_not_come_back(text: str) -> None:
    try:
        instrument_id = instrument_id_of(text)
    except InvalidInput:
        return
    assert symbol_of(instrument_id) == text


@pytest.mark.parametrize(
    "symbol", ["BTC-FS-19MAY26_PERP", "BTC-CS-19MAY26-70000_75000", "BTC-BOX-25DEC26-58000_60000", "BTC-COMBO-1"]
)
def test_combos_are_told_apart(symbol: str) -> None:
    with pytest.raises(Combo):
        instrument_id_of(symbol)


@pytest.mark.parametrize(
    "symbol", ["", "BTC", "BTC-05JUN26", "BTC-31FEB26", "BTC-5XXX26", "btc-perpetual", "BTC_USD", "BTC-PERPETUAL-1-C"]
)
def test_what_names_nothing_is_refused(symbol: str) -> None:
    with pytest.raises(InvalidInput):
        instrument_id_of(symbol)


@pytest.mark.parametrize(
    "instrument_id",
    [
        "DERIBIT:PERPETUAL:BTC-USD",
        "DERIBIT:PERPETUAL:BTC-USD@LIN",
        "DERIBIT:PERPETUAL:BTC-USDC@INV",
        "DERIBIT:SPOT_PAIR:BTC-USD",
        "DERIBIT:SPOT_PAIR:BTC-USDC-20241227",
        "DERIBIT:FUTURE:BTC-USD-20241332@INV",
        "DERIBIT:OPTION:BTC-USD-100000-C",
        "DERIBIT:OPTION:BTC-USD-100000-20241227",
        "DERIBIT:EQUITY:AAPL-USD",
        "DERIBIT:FUTURE:BTC-USD-19991227@INV",
        "CEFI:DERIBIT:PERPETUAL:BTC-USD@INV",
    ],
)
def test_ids_that_only_look_like_it_are_refused(instrument_id: str) -> None:
    with pytest.raises(InvalidInput):
        symbol_of(InstrumentId(instrument_id))
