"""Canonical ids and NautilusTrader's are made of each other, and what the node tells of an instrument is a listing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import InstrumentId, is_instrument_id
from liveexec.domain.instrument import ContractKind
from liveexec.errors import InvalidInput
from liveexec_nautilus.instruments import Contract, InstrumentFacts, NodeVenue, contract_of, listing_of, parse_contract
from nautilus_support.contracts import contracts, facts_of_contract

KNOWN = {
    "BINANCE-SPOT:SPOT_PAIR:BTC-USDT": "BTCUSDT.BINANCE",
    "BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN": "BTCUSDT-PERP.BINANCE",
    "BINANCE-FUTURES:FUTURE:BTC-USDT-20261225@LIN": "BTCUSDT_261225.BINANCE",
    "BINANCE-FUTURES:PERPETUAL:BTC-USD@INV": "BTCUSD-PERP.BINANCE",
    "BYBIT:SPOT_PAIR:BTC-USDT": "BTCUSDT-SPOT.BYBIT",
    "BYBIT:PERPETUAL:BTC-USDT@LIN": "BTCUSDT-LINEAR.BYBIT",
    "BYBIT:PERPETUAL:BTC-USDC@LIN": "BTCPERP-LINEAR.BYBIT",
    "BYBIT:PERPETUAL:BTC-USD@INV": "BTCUSD-INVERSE.BYBIT",
    "BYBIT:FUTURE:BTC-USD-20261225@INV": "BTCUSDZ26-INVERSE.BYBIT",
    "BYBIT:FUTURE:BTC-USDT-20261204@LIN": "BTCUSDT-4DEC26-LINEAR.BYBIT",
    "BYBIT:OPTION:BTC-USDC-100000-20261225-C": "BTC-25DEC26-100000-C-OPTION.BYBIT",
    "OKX:SPOT_PAIR:BTC-USDT": "BTC-USDT.OKX",
    "OKX:PERPETUAL:BTC-USDT@LIN": "BTC-USDT-SWAP.OKX",
    "OKX:PERPETUAL:BTC-USD@INV": "BTC-USD-SWAP.OKX",
    "OKX:FUTURE:BTC-USD-20261225@INV": "BTC-USD-261225.OKX",
    "OKX:OPTION:BTC-USD-100000-20261225-P": "BTC-USD-261225-100000-P.OKX",
}


@st.composite
def listed(draw: st.DrawFn) -> tuple[NodeVenue, Contract]:
    venue = draw(st.sampled_from(NodeVenue))
    return venue, draw(contracts(venue))


@pytest.mark.parametrize(("instrument_id", "nautilus_id"), KNOWN.items())
def test_ids_of_every_kind(instrument_id: str, nautilus_id: str) -> None:
    venue, contract = parse_contract(InstrumentId(instrument_id))
    assert contract.nautilus_id(venue) == nautilus_id
    assert contract.instrument_id(venue) == instrument_id


@given(listed())
def test_canonical_ids_come_back_as_they_went_in(given_: tuple[NodeVenue, Contract]) -> None:
    venue, contract = given_
    instrument_id = contract.instrument_id(venue)
    assert is_instrument_id(instrument_id)
    assert parse_contract(instrument_id) == (venue, contract)


@given(listed())
def test_what_the_node_tells_leads_to_the_same_contract(given_: tuple[NodeVenue, Contract]) -> None:
    venue, contract = given_
    facts = facts_of_contract(contract, venue)
    assert contract_of(facts) == contract
    assert contract_of(facts).nautilus_id(venue) == facts.id
    listing = listing_of(facts, venue)
    assert listing.instrument_id == contract.instrument_id(venue)
    assert listing.terms.kind is (
        ContractKind.SPOT
        if contract.type == "SPOT_PAIR"
        else ContractKind.INVERSE
        if contract.is_inverse
        else ContractKind.LINEAR
    )


@given(st.text(max_size=60))
def test_what_names_nothing_is_refused(text: str) -> None:
    for head in ("OKX:PERPETUAL:", "BINANCE-FUTURES:FUTURE:", ""):
        try:
            venue, contract = parse_contract(InstrumentId(f"{head}{text}"))
        except InvalidInput:
            continue
        assert contract.instrument_id(venue) == f"{head}{text}"


@pytest.mark.parametrize(
    "instrument_id",
    [
        "DERIBIT:PERPETUAL:BTC-USD@INV",
        "CEFI:OKX:PERPETUAL:BTC-USD@INV",
        "OKX:PERPETUAL:BTC-USD",
        "OKX:FUTURE:BTC-USD-20261331@INV",
        "BINANCE-SPOT:PERPETUAL:BTC-USDT@LIN",
        "OKX:SPOT_PAIR:BTC-USDT@INV",
        "OKX:BOND:BTC-USDT",
    ],
)
def test_ids_that_no_venue_of_the_node_has(instrument_id: str) -> None:
    with pytest.raises(InvalidInput):
        parse_contract(InstrumentId(instrument_id))


def test_a_listing_has_the_units_of_the_node() -> None:
    facts = InstrumentFacts(
        id="BTC-USD-SWAP.OKX",
        raw_symbol="BTC-USD-SWAP",
        type="CryptoPerpetual",
        base="BTC",
        quote="USD",
        settlement="BTC",
        is_inverse=True,
        tick="0.1",
        lot="1",
        multiplier="100",
        min_quantity="0.5",
        max_quantity="1000.7",
        min_notional="10.00 USD",
    )
    listing = listing_of(facts, NodeVenue.OKX, Decimal("0.0002"), Decimal("0.0005"))
    assert listing.terms.kind is ContractKind.INVERSE
    assert listing.terms.settlement_asset == "BTC"
    assert listing.terms.multiplier == 100
    assert (listing.lot, listing.min_quantity, listing.max_quantity) == (1, 1, 1000)
    assert listing.min_notional == 10
    assert (listing.maker_fee, listing.taker_fee) == (Decimal("0.0002"), Decimal("0.0005"))


@pytest.mark.parametrize(
    "changes",
    [{"type": "Equity"}, {"type": "CryptoFuture"}, {"type": "CryptoOption", "expires_at_ns": 1}, {"lot": "0"}],
)
def test_what_can_not_be_traded_is_refused(changes: dict[str, object]) -> None:
    told: dict[str, object] = {
        "id": "X.OKX",
        "raw_symbol": "X",
        "type": "CurrencyPair",
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
        "is_inverse": False,
        "tick": "0.1",
        "lot": "0.1",
    }
    with pytest.raises(InvalidInput):
        listing_of(InstrumentFacts(**(told | changes)), NodeVenue.OKX)  # type: ignore[arg-type]  # values by name
