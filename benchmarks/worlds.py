"""What the benchmarks trade on: one spot pair at paper venues that never run dry, with every risk rule configured."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, StrategyId, VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.engine.config import EngineConfig
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.venues.paper.config import PaperAccount, PaperInstrument, PaperVenueConfig
from liveexec.venues.paper.synthetic import SyntheticInstrument
from liveexec.venues.paper.world_config import PaperWorldConfig, SyntheticMarketConfig

__all__ = [
    "MID",
    "PRODUCT",
    "SHORT_WINDOWS",
    "STRATEGIES",
    "TICK",
    "accounts_of",
    "engine_config",
    "immediate_intent",
    "instrument_at",
    "new_event_loop",
    "resting_intent",
    "venue",
    "world",
]

PRODUCT: Final = ProductId("SPOT_PAIR:BTC-USDT")
#: Those with an even number buy, the others sell, each kind from an account of its own: orders of one account that
#: could trade with each other are refused.
STRATEGIES: Final = tuple(StrategyId(f"bench-{number}") for number in range(4))
MID: Final = Decimal("61800.00")
TICK: Final = Decimal("0.01")
_LOT: Final = Decimal("0.00001")
_SMALLEST: Final = Decimal("0.00100")
#: Orders differ by their quantity, so that none of them is another one's duplicate.
_QUANTITIES: Final = 50_000
_SOURCE: Final = InstrumentId(f"SOURCE:{PRODUCT}")
_ENDLESS: Final = Decimal(10) ** 12
_SECOND_NS: Final = 1_000_000_000


#: Limits whose windows are full soon, whatever the machine's speed: what they remember is in no figure of memory.
SHORT_WINDOWS: Final[Mapping[str, int | None]] = MappingProxyType(
    {
        "max_orders_per_second": 20_000,
        "max_orders_per_minute": None,
        "max_orders_per_second_per_strategy": 10_000,
        "max_orders_per_minute_per_strategy": None,
        "max_messages_per_second": 20_000,
        "repeated_execution_count": 10_000,
    }
)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The loop that a host runs on: uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415  (there is none for Windows)
    except ModuleNotFoundError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def instrument_at(name: VenueName) -> InstrumentId:
    """The product's listing at a venue."""
    return InstrumentId(f"{name}:{PRODUCT}")


def accounts_of(name: VenueName) -> tuple[AccountId, AccountId]:
    """The buyers' and the sellers' account at a venue."""
    return AccountId(f"{name}-BUYS"), AccountId(f"{name}-SELLS")


def venue(name: VenueName, *, taker_fee: Decimal = Decimal("0.0004"), history: int | None = None) -> PaperVenueConfig:
    """A paper venue without latency, with one listing and two accounts that can pay for everything."""
    listing = PaperInstrument(
        instrument_id=instrument_at(name),
        kind=ContractKind.SPOT,
        base_asset="BTC",
        quote_asset="USDT",
        settlement_asset="USDT",
        tick=TICK,
        lot=_LOT,
        min_quantity=_LOT,
        min_notional=Decimal(5),
        maker_fee=Decimal("0.0001"),
        taker_fee=taker_fee,
        source=_SOURCE,
    )
    starting = {"BTC": _ENDLESS, "USDT": _ENDLESS * 10_000}
    accounts = tuple(PaperAccount(account_id, starting) for account_id in accounts_of(name))
    return PaperVenueConfig(venue=name, accounts=accounts, instruments=(listing,), history=history)


def world(*venues: PaperVenueConfig, start_ns: int, id_prefix: str) -> PaperWorldConfig:
    """The venues on a market that stands still and shows five levels a side, far deeper than anybody trades.

    It is shown anew once a second, as a quiet market is; what was taken of it is there again then.
    """
    market = SyntheticInstrument(
        _SOURCE, start_price=MID, tick=TICK, lot=_LOT, level_quantity=Decimal(1_000_000), spread_ticks=1, move_ticks=0
    )
    return PaperWorldConfig(
        venues=venues,
        market=SyntheticMarketConfig((market,), start_ns=start_ns, step_ns=_SECOND_NS),
        warmup_s=0,
        id_prefix=id_prefix,
    )


def immediate_intent(number: int, key: str = PRODUCT) -> OrderIntent:
    """The n-th of many different orders that fill at once: buys and sells in turn, with a limit beyond the touch."""
    is_buy = number % 2 == 0
    return OrderIntent(
        operation=Operation.TRADE,
        quantity=_quantity(number),
        strategy_id=STRATEGIES[number % len(STRATEGIES)],
        instrument_key=key,
        side=Side.BUY if is_buy else Side.SELL,
        order_type=OrderType.LIMIT,
        price=MID + 10 if is_buy else MID - 10,
        time_in_force=TimeInForce.IOC,
    )


def resting_intent(number: int, key: str = PRODUCT) -> OrderIntent:
    """The n-th of many different orders that rest: post-only, on a hundred prices a side away from the touch."""
    intent = immediate_intent(number, key)
    away = 10 + TICK * (number // 2 % 100)
    price = MID - away if intent.side is Side.BUY else MID + away
    return evolve(intent, price=price, time_in_force=TimeInForce.GTC, post_only=True)


def _quantity(number: int) -> Decimal:
    # A buy and the sell after it have the same quantity, so that the venue's own book stays even.
    return _SMALLEST + _LOT * (number // 2 % _QUANTITIES)


def engine_config(*venues: VenueName, shard: str = "bench", **limits: Any) -> EngineConfig:
    """Best-price routing, and limits of every kind, all of them wide enough for a benchmark; ``limits`` change some.

    Raises:
        ValueError: a built-in rule is left out, so the figures would be those of fewer rules.
    """
    amount = _ENDLESS * 1_000
    risk = RiskConfig(
        live=True,
        allowed_instruments=frozenset({PRODUCT, *(instrument_at(name) for name in venues)}),
        max_order_quantity={"*": Decimal(1_000)},
        max_order_notional={"*": Decimal(100_000_000)},
        price_tolerance=Decimal("0.05"),
        max_market_age_ns=10 * _SECOND_NS,
        max_mark_age_ns=10 * _SECOND_NS,
        max_position_per_instrument={"*": _ENDLESS},
        max_position_per_strategy=amount,
        max_position_per_account=amount,
        max_position_global=amount,
        max_total_notional=amount,
        max_notional_per_venue={str(name): amount for name in venues},
        max_notional_per_asset={"BTC": amount},
        max_orders_per_second=50_000,
        max_orders_per_minute=1_000_000,
        max_orders_per_second_per_strategy=50_000,
        max_orders_per_minute_per_strategy=1_000_000,
        max_messages_per_second=50_000,
        max_open_orders=1_000_000,
        max_open_orders_per_strategy=1_000_000,
        max_open_orders_per_instrument=1_000_000,
        duplicate_window_ns=_SECOND_NS,
        repeated_execution_count=100_000,
        repeated_execution_window_ns=_SECOND_NS,
        max_loss=amount,
        max_loss_global=amount,
        check_balance=True,
        self_match=True,
        max_slippage=Decimal("0.1"),
        max_gas_price_gwei=Decimal(1_000),
        max_liability=amount,
    )
    risk = evolve(risk, **limits)
    absent = [name for name, make in BUILT_IN_RULES.items() if make(risk) is None]
    if absent:
        raise ValueError(f"these rules are not configured: {', '.join(absent)}")
    return EngineConfig(
        shard=shard,
        risk=risk,
        router=RouterConfig(policy="best_price"),
        accounts={
            (strategy_id, name): accounts_of(name)[number % 2]
            for number, strategy_id in enumerate(STRATEGIES)
            for name in venues
        },
    )
