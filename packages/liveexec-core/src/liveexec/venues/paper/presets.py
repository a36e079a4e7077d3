"""Ready-made paper worlds: two venues that list the same three products at different fees, on one market.

The recorded market is Binance's: a spot pair, a USDT-margined and a coin-margined perpetual, with the ticks, lots and
contract size that Binance lists (100 USD a contract for the coin-margined one).
"""

from decimal import Decimal
from pathlib import Path
from typing import Final

from attrs import evolve

from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.venues.paper.config import PaperAccount, PaperInstrument, PaperVenueConfig
from liveexec.venues.paper.synthetic import SyntheticInstrument
from liveexec.venues.paper.world_config import PaperWorldConfig, RecordedMarketConfig, SyntheticMarketConfig

__all__ = ["btc_venue", "btc_world"]

SPOT: Final = "SPOT_PAIR:BTC-USDT"
LINEAR: Final = "PERPETUAL:BTC-USDT@LIN"
INVERSE: Final = "PERPETUAL:BTC-USD@INV"

_RECORDED: Final = {SPOT: "BINANCE-SPOT", LINEAR: "BINANCE-FUTURES", INVERSE: "BINANCE-FUTURES"}
_STARTING: Final = {"BTC": Decimal(100), "USDT": Decimal(10_000_000)}


def btc_venue(
    name: str,
    *,
    maker_fee: Decimal,
    taker_fee: Decimal,
    offset_ticks: int = 0,
    depth_factor: Decimal = Decimal(1),
    account_id: str | None = None,
    is_fed: bool = True,
) -> PaperVenueConfig:
    """A venue that lists all three products; its account is named like the venue unless told otherwise.

    With ``is_fed`` its books are those of the recorded instruments, moved and scaled as told.
    """
    common = PaperInstrument(
        instrument_id=InstrumentId(f"{name}:{SPOT}"),
        kind=ContractKind.SPOT,
        base_asset="BTC",
        quote_asset="USDT",
        settlement_asset="USDT",
        tick=Decimal("0.01"),
        lot=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        min_notional=Decimal(5),
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        offset_ticks=offset_ticks,
        depth_factor=depth_factor,
    )
    linear = evolve(
        common,
        instrument_id=InstrumentId(f"{name}:{LINEAR}"),
        kind=ContractKind.LINEAR,
        tick=Decimal("0.1"),
        lot=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
    )
    inverse = evolve(
        common,
        instrument_id=InstrumentId(f"{name}:{INVERSE}"),
        kind=ContractKind.INVERSE,
        quote_asset="USD",
        settlement_asset="BTC",
        tick=Decimal("0.1"),
        lot=Decimal(1),
        min_quantity=Decimal(1),
        min_notional=None,
        multiplier=Decimal(100),
    )
    instruments = tuple(
        evolve(item, source=InstrumentId(f"{_RECORDED[product]}:{product}")) if is_fed else item
        for product, item in ((SPOT, common), (LINEAR, linear), (INVERSE, inverse))
    )
    return PaperVenueConfig(
        venue=VenueName(name),
        accounts=(PaperAccount(AccountId(account_id or name), _STARTING),),
        instruments=instruments,
    )


def btc_world(
    *, market: Path | None, start_ns: int, speed: Decimal = Decimal(1), seed: int = 0, id_prefix: str = ""
) -> PaperWorldConfig:
    """Two venues, PAPER-A (cheap, its books a little higher and thinner) and PAPER-B (dear, the books as they are).

    ``market`` is the folder of the recorded ticks; without one a synthetic market begins at ``start_ns``.
    """
    venues = (
        btc_venue(
            "PAPER-A",
            maker_fee=Decimal("0.0001"),
            taker_fee=Decimal("0.0004"),
            offset_ticks=3,
            depth_factor=Decimal("0.6"),
        ),
        btc_venue("PAPER-B", maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0006")),
    )
    source = (
        RecordedMarketConfig(str(market.resolve()))
        if market is not None
        else SyntheticMarketConfig(_synthetic_instruments(), start_ns=start_ns, seed=seed)
    )
    return PaperWorldConfig(venues=venues, market=source, speed=speed, id_prefix=id_prefix)


def _synthetic_instruments() -> tuple[SyntheticInstrument, ...]:
    return (
        SyntheticInstrument(
            InstrumentId(f"{_RECORDED[SPOT]}:{SPOT}"),
            start_price=Decimal("61800.00"),
            tick=Decimal("0.01"),
            lot=Decimal("0.00001"),
            level_quantity=Decimal("0.8"),
            spread_ticks=20,
            move_ticks=400,
        ),
        SyntheticInstrument(
            InstrumentId(f"{_RECORDED[LINEAR]}:{LINEAR}"),
            start_price=Decimal("61780.0"),
            tick=Decimal("0.1"),
            lot=Decimal("0.001"),
            level_quantity=Decimal(2),
            move_ticks=40,
        ),
        SyntheticInstrument(
            InstrumentId(f"{_RECORDED[INVERSE]}:{INVERSE}"),
            start_price=Decimal("61785.0"),
            tick=Decimal("0.1"),
            lot=Decimal(1),
            level_quantity=Decimal(400),
            move_ticks=40,
        ),
    )
