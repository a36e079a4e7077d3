"""The loopback venues by name."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from liveexec_nautilus.loopback.binance.futures.config import FuturesConfig
from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue
from liveexec_nautilus.loopback.binance.spot.config import STARTING, SpotConfig
from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue
from liveexec_nautilus.loopback.bybit.venue import bybit_venue
from liveexec_nautilus.loopback.okx.venue import okx_venue
from liveexec_nautilus.loopback.shared.accounts import default_accounts
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["VENUES"]


def _binance_futures(accounts: int) -> LoopbackVenue:
    return FuturesVenue(FuturesConfig(accounts=default_accounts(accounts, {"USDT": Decimal(100_000)})))


def _binance_spot(accounts: int) -> LoopbackVenue:
    return SpotVenue(SpotConfig(accounts=default_accounts(accounts, STARTING)))


def _bybit(accounts: int) -> LoopbackVenue:
    return bybit_venue(accounts=accounts)


def _okx(accounts: int) -> LoopbackVenue:
    return okx_venue(accounts=accounts)


#: What makes each venue, given how many accounts it has.
VENUES: Final[Mapping[str, Callable[[int], LoopbackVenue]]] = {
    "binance-futures": _binance_futures,
    "binance-spot": _binance_spot,
    "bybit": _bybit,
    "okx": _okx,
}
