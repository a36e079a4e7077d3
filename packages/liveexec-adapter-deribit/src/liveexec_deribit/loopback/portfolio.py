"""An account's figures in one currency, as ``user.portfolio`` and the account summaries carry them."""

from decimal import Decimal

from liveexec_deribit.loopback.accounts import Account
from liveexec_deribit.loopback.exchange import Exchange
from liveexec_deribit.loopback.orders import rounded

_ZERO = Decimal(0)


def portfolio(exchange: Exchange, account: Account, currency: str) -> dict[str, object]:
    """What ``user.portfolio.CURRENCY`` carries.

    Margin is a plain part of each position's value, for positions and open orders apart; the venue's own models
    (portfolio margin, volatility, greeks) are left out, and their figures are nought.
    """
    balance = account.balances.get(currency, _ZERO)
    realized, floating = account.futures_profit(currency)
    options = [
        (position, exchange.markets[name].mark_price)
        for name, position in account.positions.items()
        if position.instrument.kind == "option" and position.instrument.settlement == currency
    ]
    options_value = sum((position.size * mark for position, mark in options), _ZERO)
    options_realized = sum((position.realized for position, _ in options), _ZERO)
    options_floating = sum((position.floating(mark) for position, mark in options), _ZERO)
    positions_margin, orders_margin = account.positions_margin(currency), account.reservations.in_currency(currency)
    delta = sum(
        (
            position.size / exchange.markets[name].mark_price
            if position.instrument.amount_in_dollars
            else position.size
            for name, position in account.positions.items()
            if position.instrument.currency == currency and position.instrument.kind == "future"
        ),
        _ZERO,
    )
    dollars = exchange.indexes.get(f"{currency.lower()}_usd", Decimal(1))
    margin_balance = balance + realized + floating
    equity = margin_balance + options_value
    initial = positions_margin + orders_margin
    figures: dict[str, Decimal] = {
        "balance": balance,
        "equity": equity,
        "margin_balance": margin_balance,
        "available_funds": margin_balance - initial,
        "available_withdrawal_funds": max(min(balance, margin_balance - initial), _ZERO),
        "initial_margin": initial,
        "maintenance_margin": positions_margin / 2,
        "projected_initial_margin": initial,
        "projected_maintenance_margin": positions_margin / 2,
        "session_rpl": realized + options_realized,
        "session_upl": floating + options_floating,
        "futures_session_rpl": realized,
        "futures_session_upl": floating,
        "futures_pl": realized + floating,
        "options_session_rpl": options_realized,
        "options_session_upl": options_floating,
        "options_pl": options_realized + options_floating,
        "options_value": options_value,
        "total_pl": realized + floating + options_realized + options_floating,
        "delta_total": delta,
        "projected_delta_total": delta,
        "spot_reserve": account.reservations.in_spot(currency),
        "total_equity_usd": equity * dollars,
        "total_margin_balance_usd": margin_balance * dollars,
        "total_initial_margin_usd": initial * dollars,
        "total_maintenance_margin_usd": positions_margin / 2 * dollars,
        "total_delta_total_usd": delta * dollars,
    }
    nought = (
        "options_delta", "options_gamma", "options_theta", "options_vega", "fee_balance", "additional_reserve",
        "locked_balance", "estimated_liquidation_ratio",
    )  # fmt: skip
    return (
        {"currency": currency}
        | {name: rounded(figure) for name, figure in figures.items()}
        | dict.fromkeys(nought, _ZERO)
        | {f"options_{name}_map": {} for name in ("gamma", "theta", "vega")}
        | {
            "delta_total_map": {},
            "estimated_liquidation_ratio_map": {},
            "margin_model": "segregated_sm",
            "portfolio_margining_enabled": False,
            "cross_collateral_enabled": False,
        }
    )


def summary_head(account: Account) -> dict[str, object]:
    """What account summaries say of the account itself, once."""
    return {
        "id": account.user_id,
        "email": "user@example.com",
        "system_name": account.config.username,
        "username": account.config.username,
        "type": "main",
        "referrer_id": None,
        "creation_timestamp": 1_687_352_432_143,
        "login_enabled": True,
        "security_keys_enabled": False,
        "mmp_enabled": False,
        "interuser_transfers_enabled": False,
        "self_trading_reject_mode": account.self_trading,
        "self_trading_extended_to_subaccounts": False,
        "block_rfq_self_match_prevention": True,
    }


def limits(account: Account) -> dict[str, object]:
    """The account's rate limits, in requests."""
    matching, other = account.config.limits.matching, account.config.limits.non_matching
    pool = {"burst": matching.burst, "rate": matching.rate_per_s}
    return {
        "limits_per_currency": False,
        "non_matching_engine": {"burst": other.burst, "rate": other.rate_per_s},
        "matching_engine": {"trading": {"total": pool}, "spot": pool, "cancel_all": pool},
    }
