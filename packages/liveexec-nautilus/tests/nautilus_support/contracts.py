"""Contracts of every venue, and what the node would tell of them."""

from datetime import UTC, date, datetime
from typing import Final

from hypothesis import strategies as st

from liveexec_nautilus.instruments import Contract, ContractType, InstrumentFacts, NodeVenue

__all__ = ["DATES", "contracts", "facts_of_contract"]

DATES: Final = st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(lambda day: f"{day:%Y%m%d}")
_STRIKES: Final = st.one_of(
    st.integers(1, 10**9).map(str), st.from_regex(r"[1-9][0-9]{0,3}\.[0-9]{0,3}[1-9]", fullmatch=True)
)
_BASES: Final = st.sampled_from(["BTC", "ETH", "1000PEPE", "SOL", "1INCH"])
_QUOTES: Final = {
    ContractType.SPOT: ("USDT", "USDC", "BTC", "EUR"),
    ContractType.PERPETUAL: ("USDT", "USDC", "USD"),
    ContractType.FUTURE: ("USDT", "USDC", "USD"),
    ContractType.OPTION: ("USDT", "USDC"),
}
_KINDS: Final = {
    NodeVenue.BINANCE_SPOT: (ContractType.SPOT,),
    NodeVenue.BINANCE_FUTURES: (ContractType.PERPETUAL, ContractType.FUTURE),
    NodeVenue.BYBIT: tuple(ContractType),
    NodeVenue.OKX: tuple(ContractType),
}
_CLASSES: Final = {
    ContractType.SPOT: "CurrencyPair",
    ContractType.PERPETUAL: "CryptoPerpetual",
    ContractType.FUTURE: "CryptoFuture",
    ContractType.OPTION: "CryptoOption",
}


@st.composite
def contracts(draw: st.DrawFn, venue: NodeVenue) -> Contract:
    """A contract that the venue could list: what is quoted in USD is inverse."""
    kind = draw(st.sampled_from(_KINDS[venue]))
    quote = draw(st.sampled_from(_QUOTES[kind]))
    has_expiry = kind in (ContractType.FUTURE, ContractType.OPTION)
    is_option = kind is ContractType.OPTION
    return Contract(
        kind,
        draw(_BASES),
        quote,
        quote == "USD",
        draw(DATES) if has_expiry else None,
        draw(_STRIKES) if is_option else None,
        draw(st.sampled_from("CP")) if is_option else None,
    )


def facts_of_contract(contract: Contract, venue: NodeVenue) -> InstrumentFacts:
    """What the node would tell of it."""
    expires_at_ns = None
    if contract.date is not None:
        day = datetime.strptime(contract.date, "%Y%m%d").replace(hour=8, tzinfo=UTC)
        expires_at_ns = int(day.timestamp()) * 1_000_000_000
    return InstrumentFacts(
        id=contract.nautilus_id(venue),
        raw_symbol="RAW",
        type=_CLASSES[contract.type],
        base=contract.base,
        quote=contract.quote,
        settlement=contract.base if contract.is_inverse else contract.quote,
        is_inverse=contract.is_inverse,
        tick="0.1",
        lot="0.001",
        expires_at_ns=expires_at_ns,
        strike=contract.strike,
        right=contract.right,
    )
