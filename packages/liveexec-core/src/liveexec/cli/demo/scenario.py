"""What the demo trades in: the paper world, and limits under which every risk rule has something to refuse."""

from decimal import Decimal
from pathlib import Path
from typing import Final

from attrs import evolve

from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.domain.operation import VenueClass
from liveexec.engine.config import EngineConfig, Timing
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig
from liveexec.venues.paper.config import PaperAccount, PaperInstrument, PaperVenueConfig
from liveexec.venues.paper.presets import btc_world
from liveexec.venues.paper.world_config import PaperWorldConfig

__all__ = ["SHARD", "demo_config", "demo_world"]

SHARD: Final = "demo"
_S: Final = 1_000_000_000


def demo_world(*, market: Path | None, start_ns: int, speed: Decimal, seed: int, id_prefix: str) -> PaperWorldConfig:
    """Two venues with the same three products at different fees and books; and listings that only serve refusals:
    two coins without a market, a pool on a chain and a bet."""
    world = btc_world(market=market, start_ns=start_ns, speed=speed, seed=seed, id_prefix=id_prefix)
    first, *others = world.venues
    coins = tuple(_coin(first, name) for name in ("ETH", "SOL"))
    pool = _listed_only(VenueName("PAPER-DEX"), VenueClass.DEFI, "POOL:WETH-USDC-500@ETHEREUM", "WETH", "USDC")
    bets = _listed_only(VenueName("PAPER-BETS"), VenueClass.SPORTS, "EXCHANGE_ODDS:1.23456789-47972", "STAKE", "USDT")
    return evolve(world, venues=(evolve(first, instruments=(*first.instruments, *coins)), *others, pool, bets))


def demo_config(speed: Decimal) -> EngineConfig:
    """Limits for the demo. Market time runs ``speed`` times as fast as the wall, so what waits for a process or a
    socket is given that much more of it."""
    scale = max(1, int(speed))
    return EngineConfig(
        shard=SHARD,
        risk=RiskConfig(
            allowed_instruments=frozenset(
                {
                    "SPOT_PAIR:BTC-USDT",
                    "PERPETUAL:BTC-USDT@LIN",
                    "PERPETUAL:BTC-USD@INV",
                    "SPOT_PAIR:ETH-USDT",
                    "POOL:WETH-USDC-500@ETHEREUM",
                    "EXCHANGE_ODDS:1.23456789-47972",
                }
            ),
            max_order_quantity={
                "*": Decimal(50),
                "SPOT_PAIR:BTC-USDT": Decimal(400),
                "PAPER-B:SPOT_PAIR:BTC-USDT": Decimal(50),
                "PERPETUAL:BTC-USD@INV": Decimal(1_000),
                "EXCHANGE_ODDS:1.23456789-47972": Decimal(1_000),
            },
            max_order_notional={"PAPER-B:PERPETUAL:BTC-USDT@LIN": Decimal(800_000)},
            price_tolerance=Decimal("0.25"),
            max_market_age_ns=200 * _S,
            max_position_per_instrument={"PERPETUAL:BTC-USDT@LIN": Decimal(20)},
            max_notional_per_venue={"PAPER-B": Decimal(2_000_000)},
            max_orders_per_minute_per_strategy=5,
            max_open_orders_per_strategy=3,
            duplicate_window_ns=10 * _S,
            repeated_execution_count=4,
            repeated_execution_window_ns=600 * _S,
            max_loss=Decimal(60),
            check_balance=True,
            margin_rate=Decimal("0.1"),
            self_match=True,
            max_slippage=Decimal("0.01"),
            max_gas_price_gwei=Decimal(100),
            max_liability=Decimal(500),
        ),
        router=RouterConfig(policy="split"),
        timing=Timing(
            send_deadline_ns=2 * _S * scale,
            answer_ns=5 * _S * scale,
            retry_ns=1 * _S * scale,
            clock_skew_ns=_S // 10 * scale,
            adoption_ns=2 * _S * scale,
        ),
    )


def _coin(venue: PaperVenueConfig, name: str) -> PaperInstrument:
    spot = next(item for item in venue.instruments if item.kind is ContractKind.SPOT)
    return evolve(
        spot, instrument_id=InstrumentId(f"{venue.venue}:SPOT_PAIR:{name}-USDT"), base_asset=name, source=None
    )


def _listed_only(venue: VenueName, kind: VenueClass, payload: str, base: str, quote: str) -> PaperVenueConfig:
    """A venue that lists one instrument without a market: orders there are refused before they get to it."""
    instrument = PaperInstrument(
        instrument_id=InstrumentId(f"{venue}:{payload}"),
        kind=ContractKind.SPOT,
        base_asset=base,
        quote_asset=quote,
        settlement_asset=quote,
        tick=Decimal("0.01"),
        lot=Decimal("0.01"),
        min_quantity=Decimal("0.01"),
    )
    return PaperVenueConfig(
        venue=venue,
        accounts=(PaperAccount(AccountId(venue), {base: Decimal(1_000), quote: Decimal(1_000_000)}),),
        instruments=(instrument,),
        venue_class=kind,
    )
