"""NautilusTrader's clients of one venue, made from its plan. In the child only."""

from typing import Any, Final

from liveexec_nautilus import vendor
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.protocol import ClientPlan

__all__ = ["bybit_products", "data_client", "exec_client", "nautilus_account", "okx_types"]

_MARGIN_MODES: Final = {"cross": vendor.OKXMarginMode.CROSS, "isolated": vendor.OKXMarginMode.ISOLATED}


def data_client(plan: ClientPlan) -> tuple[Any, Any]:
    """The factory and the configuration of its market data.

    Raises:
        ValueError: this package knows no such client.
    """
    keys: dict[str, Any] = {"api_key": plan.api_key, "api_secret": plan.api_secret}
    match plan.client:
        case NodeVenue.BINANCE_SPOT | NodeVenue.BINANCE_FUTURES:
            return vendor.BinanceDataClientFactory(), vendor.BinanceDataClientConfig(
                product_type=_binance_product(plan),
                environment=_binance_environment(plan),
                instrument_provider=vendor.BinanceInstrumentProviderConfig(load_all=True),
                # Spot's streams in SBE need a key of their own kind; in JSON they need none.
                spot_market_data_mode=vendor.BinanceSpotMarketDataMode.Json,
                **keys,
                **_urls(plan, "base_url_http", "base_url_ws"),
            )
        case NodeVenue.BYBIT:
            return vendor.BybitDataClientFactory(), vendor.BybitDataClientConfig(
                product_types=bybit_products(plan),
                environment=_bybit_environment(plan),
                **keys,
                **_urls(plan, "base_url_http", "base_url_ws_public", "base_url_ws_private"),
            )
        case NodeVenue.OKX:
            return vendor.OKXDataClientFactory(), vendor.OKXDataClientConfig(
                instrument_types=okx_types(plan),
                environment=_okx_environment(plan),
                api_passphrase=plan.passphrase,
                **keys,
                **_urls(plan, "base_url_http", "base_url_ws_public", "base_url_ws_business"),
            )
    raise ValueError(f"{plan.client} is no client of this package")


def exec_client(plan: ClientPlan) -> tuple[Any, Any]:
    """The factory and the configuration of its orders. Nothing is sent again by itself: what is sent again after an
    error may be placed twice.

    Raises:
        ValueError: this package knows no such client.
    """
    keys: dict[str, Any] = {"api_key": plan.api_key, "api_secret": plan.api_secret}
    account_id = vendor.AccountId(nautilus_account(plan))
    match plan.client:
        case NodeVenue.BINANCE_SPOT | NodeVenue.BINANCE_FUTURES:
            return vendor.BinanceExecutionClientFactory(), vendor.BinanceExecutionClientConfig(
                account_id=account_id,
                product_type=_binance_product(plan),
                environment=_binance_environment(plan),
                instrument_provider=vendor.BinanceInstrumentProviderConfig(load_all=True),
                max_retries=0,
                **keys,
                **_urls(plan, "base_url_http", "base_url_ws", "base_url_ws_trading"),
            )
        case NodeVenue.BYBIT:
            return vendor.BybitExecutionClientFactory(), vendor.BybitExecutionClientConfig(
                product_types=bybit_products(plan),
                environment=_bybit_environment(plan),
                account_id=account_id,
                max_retries=0,
                **keys,
                **_urls(plan, "base_url_http", "base_url_ws_private", "base_url_ws_trade"),
            )
        case NodeVenue.OKX:
            return vendor.OKXExecutionClientFactory(), vendor.OKXExecutionClientConfig(
                account_id=account_id,
                instrument_types=okx_types(plan),
                environment=_okx_environment(plan),
                api_passphrase=plan.passphrase,
                margin_mode=_MARGIN_MODES[plan.margin_mode],
                max_retries=0,
                **keys,
                **_urls(plan, "base_url_http", "base_url_ws_private", "base_url_ws_business"),
            )
    raise ValueError(f"{plan.client} is no client of this package")


def nautilus_account(plan: ClientPlan) -> str:
    """NautilusTrader's account id begins with its venue; spot and futures of Binance differ by what follows."""
    venue = NodeVenue(plan.client)
    return f"{venue.nautilus}-{plan.client.replace('_', '-')}"


def _urls(plan: ClientPlan, *names: str) -> dict[str, Any]:
    return {name: plan.urls[name] for name in names if name in plan.urls}


def _binance_product(plan: ClientPlan) -> vendor.BinanceProductType:
    if plan.client == NodeVenue.BINANCE_SPOT:
        return vendor.BinanceProductType.SPOT
    return {"COIN_M": vendor.BinanceProductType.COIN_M}.get(
        plan.products[0] if plan.products else "", vendor.BinanceProductType.USD_M
    )


def _binance_environment(plan: ClientPlan) -> vendor.BinanceEnvironment:
    return vendor.BinanceEnvironment.TESTNET if plan.testnet else vendor.BinanceEnvironment.LIVE


def bybit_products(plan: ClientPlan) -> list[vendor.BybitProductType]:
    """The product types of a plan."""
    return [getattr(vendor.BybitProductType, name) for name in plan.products or ("LINEAR",)]


def _bybit_environment(plan: ClientPlan) -> vendor.BybitEnvironment:
    return vendor.BybitEnvironment.TESTNET if plan.testnet else vendor.BybitEnvironment.MAINNET


def okx_types(plan: ClientPlan) -> list[vendor.OKXInstrumentType]:
    """The instrument types of a plan."""
    return [getattr(vendor.OKXInstrumentType, name) for name in plan.products or ("SWAP",)]


def _okx_environment(plan: ClientPlan) -> vendor.OKXEnvironment:
    return vendor.OKXEnvironment.DEMO if plan.testnet else vendor.OKXEnvironment.LIVE
