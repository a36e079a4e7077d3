"""What is traded: contracts and their units, and a default listing with one of every kind."""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

import attrs

Kind = Literal["future", "option", "spot"]

#: The venue's expiration of what never expires: 3000-01-01.
NEVER_MS: Final = 32_503_708_800_000
_CREATED_MS: Final = 1_534_167_754_000


@attrs.frozen(kw_only=True)
class Instrument:
    """A contract, as ``public/get_instruments`` lists it.

    ``amount`` is US dollars for inverse futures and the base currency for everything else; contracts are
    ``amount / contract_size``. ``tick_steps`` are pairs of a price and the tick from it on, rising.
    """

    name: str
    kind: Kind
    base: str
    quote: str
    counter: str
    settlement: str
    inverse: bool
    index_name: str
    tick_size: Decimal
    contract_size: Decimal
    min_amount: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    instrument_id: int
    settlement_period: str = "perpetual"
    expiration_ms: int = NEVER_MS
    creation_ms: int = _CREATED_MS
    max_leverage: int = 50
    tick_steps: tuple[tuple[Decimal, Decimal], ...] = ()
    strike: Decimal | None = None
    option_type: Literal["call", "put"] | None = None

    @property
    def currency(self) -> str:
        """The currency it is listed and queued under: the coin of an inverse contract, else what it settles in."""
        return self.base if self.inverse else self.settlement

    @property
    def amount_in_dollars(self) -> bool:
        """Whether an amount counts dollars (inverse futures) rather than coins."""
        return self.inverse and self.kind == "future"

    def tick_at(self, price: Decimal) -> Decimal:
        """The tick that prices around this one are multiples of."""
        tick = self.tick_size
        for above, step in self.tick_steps:
            if price >= above:
                tick = step
        return tick

    def is_on_tick(self, price: Decimal) -> bool:
        """Whether the venue takes this price."""
        return price % self.tick_at(price) == 0

    def contracts(self, amount: Decimal) -> Decimal:
        """An amount in contracts."""
        return amount / self.contract_size

    def wire(self, *, is_active: bool) -> dict[str, object]:
        """As ``public/get_instrument`` answers it."""
        listed: dict[str, object] = {
            "price_index": self.index_name,
            "kind": self.kind,
            "instrument_name": self.name,
            "instrument_id": self.instrument_id,
            "maker_commission": self.maker_fee,
            "taker_commission": self.taker_fee,
            "instrument_type": "reversed" if self.inverse else "linear",
            "expiration_timestamp": self.expiration_ms,
            "creation_timestamp": self.creation_ms,
            "is_active": is_active,
            "state": "open" if is_active else "closed",
            "tick_size": self.tick_size,
            "tick_size_steps": [{"above_price": above, "tick_size": step} for above, step in self.tick_steps],
            "contract_size": self.contract_size,
            "min_trade_amount": self.min_amount,
            "settlement_currency": self.settlement,
            "settlement_period": self.settlement_period,
            "base_currency": self.base,
            "counter_currency": self.counter,
            "quote_currency": self.quote,
        }
        if self.kind != "spot":
            listed |= {
                "max_leverage": self.max_leverage,
                "max_liquidation_commission": Decimal("0.0075"),
                "block_trade_commission": Decimal("0.00025"),
                "block_trade_min_trade_amount": 200_000 if self.amount_in_dollars else 25,
                "block_trade_tick_size": Decimal("0.0001") if self.kind == "option" else Decimal("0.01"),
            }
        if self.kind == "future":
            listed["future_type"] = "reversed" if self.inverse else "linear"
        if self.kind == "option":
            listed |= {"strike": self.strike, "option_type": self.option_type}
        return listed


def last_friday_of_quarter(after: datetime) -> datetime:
    """The venue's quarterly expiration: 08:00 UTC on the quarter's last Friday, at least two weeks from ``after``."""
    year, month = after.year, (after.month + 2) // 3 * 3
    while True:
        day = max(week[calendar.FRIDAY] for week in calendar.monthcalendar(year, month))
        expiration = datetime(year, month, day, 8, tzinfo=UTC)
        if expiration - after >= timedelta(days=14):
            return expiration
        year, month = (year + 1, 3) if month == 12 else (year, month + 3)


def date_code(expiration: datetime) -> str:
    """A date as instrument names have it: ``25DEC26``."""
    return f"{expiration.day}{expiration.strftime('%b').upper()}{expiration.strftime('%y')}"


def date_code_of_ms(expiration_ms: int) -> str:
    """The same of a time in milliseconds."""
    return date_code(datetime.fromtimestamp(expiration_ms / 1_000, UTC))


def default_listing(now: datetime) -> Sequence[Instrument]:
    """One of every kind: inverse and linear perpetuals, a dated future, inverse and linear options, and spot."""
    expiration = last_friday_of_quarter(now)
    code, expires = date_code(expiration), int(expiration.timestamp()) * 1_000
    nothing, taker, option = Decimal("0.0"), Decimal("0.0005"), Decimal("0.0003")

    def inverse_future(name: str, coin: str, tick: str, size: str, number: int, expires_ms: int) -> Instrument:
        period = "perpetual" if expires_ms == NEVER_MS else "month"
        return Instrument(
            name=name, kind="future", base=coin, quote="USD", counter="USD", settlement=coin, inverse=True,
            index_name=f"{coin.lower()}_usd", tick_size=Decimal(tick), contract_size=Decimal(size),
            min_amount=Decimal(size), instrument_id=number, settlement_period=period, expiration_ms=expires_ms,
            maker_fee=nothing, taker_fee=taker,
        )  # fmt: skip

    def linear_perpetual(coin: str, tick: str, size: str, number: int) -> Instrument:
        return Instrument(
            name=f"{coin}_USDC-PERPETUAL", kind="future", base=coin, quote="USDC", counter="USDC", settlement="USDC",
            inverse=False, index_name=f"{coin.lower()}_usdc", tick_size=Decimal(tick), contract_size=Decimal(size),
            min_amount=Decimal(size), instrument_id=number, maker_fee=nothing, taker_fee=taker,
        )  # fmt: skip

    def inverse_option(coin: str, strike: int, option_type: Literal["call", "put"], number: int) -> Instrument:
        return Instrument(
            name=f"{coin}-{code}-{strike}-{option_type[0].upper()}", kind="option", base=coin, quote=coin,
            counter="USD", settlement=coin, inverse=True, index_name=f"{coin.lower()}_usd",
            tick_size=Decimal("0.0001"), tick_steps=((Decimal("0.005"), Decimal("0.0005")),),
            contract_size=Decimal(1), min_amount=Decimal("0.1"), instrument_id=number, settlement_period="month",
            expiration_ms=expires, strike=Decimal(strike), option_type=option_type, max_leverage=1,
            maker_fee=option, taker_fee=option,
        )  # fmt: skip

    def linear_option(coin: str, strike: int, option_type: Literal["call", "put"], number: int) -> Instrument:
        return Instrument(
            name=f"{coin}_USDC-{code}-{strike}-{option_type[0].upper()}", kind="option", base=coin, quote="USDC",
            counter="USDC", settlement="USDC", inverse=False, index_name=f"{coin.lower()}_usdc",
            tick_size=Decimal("0.2"), tick_steps=((Decimal(100), Decimal(1)),), contract_size=Decimal("0.1"),
            min_amount=Decimal("0.1"), instrument_id=number, settlement_period="month", expiration_ms=expires,
            strike=Decimal(strike), option_type=option_type, max_leverage=1,
            maker_fee=option, taker_fee=option,
        )  # fmt: skip

    def spot(base: str, quote: str, tick: str, size: str, number: int) -> Instrument:
        return Instrument(
            name=f"{base}_{quote}", kind="spot", base=base, quote=quote, counter=quote, settlement=quote,
            inverse=False, index_name=f"{base}_{quote}".lower(), tick_size=Decimal(tick), contract_size=Decimal(size),
            min_amount=Decimal(size), instrument_id=number, maker_fee=Decimal(0), taker_fee=Decimal("0.0005"),
            max_leverage=1,
        )  # fmt: skip

    return (
        inverse_future("BTC-PERPETUAL", "BTC", "0.5", "10", 124_972, NEVER_MS),
        inverse_future("ETH-PERPETUAL", "ETH", "0.05", "1", 124_973, NEVER_MS),
        inverse_future(f"BTC-{code}", "BTC", "2.5", "10", 300_001, expires),
        linear_perpetual("BTC", "0.5", "0.0001", 300_010),
        linear_perpetual("ETH", "0.05", "0.001", 300_011),
        inverse_option("BTC", 100_000, "call", 300_020),
        inverse_option("BTC", 80_000, "put", 300_021),
        linear_option("ETH", 3_000, "call", 300_030),
        linear_option("BTC", 100_000, "call", 300_031),
        spot("BTC", "USDC", "1", "0.0001", 300_040),
        spot("ETH", "BTC", "0.00001", "0.001", 300_041),
    )


#: Index prices that the default listing starts with.
DEFAULT_INDEXES: Final[dict[str, Decimal]] = {
    "btc_usd": Decimal(90_000),
    "eth_usd": Decimal(3_000),
    "btc_usdc": Decimal(90_000),
    "eth_usdc": Decimal(3_000),
    "eth_btc": Decimal("0.03333"),
}
