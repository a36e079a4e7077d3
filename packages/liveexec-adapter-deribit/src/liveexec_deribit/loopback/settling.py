"""What the venue books without a trade: funding, the settlement of sessions, deliveries, deposits and withdrawals.

Sources: "Transaction log" and "Settlement" of the venue's documentation; ``transaction_log`` and ``settlement`` of its
OpenAPI document.
"""

from decimal import Decimal
from typing import Final, Literal, get_args

from liveexec_deribit.loopback.accounts import Account
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.orders import rounded
from liveexec_deribit.loopback.positions import Position

Movement = Literal["deposit", "withdrawal", "transfer", "correction"]

_ZERO = Decimal(0)
#: Of what is delivered ("Fees" of the venue): futures, options, and the most of an option's value that is taken.
_FUTURE_FEE: Final = Decimal("0.00025")
_OPTION_FEE: Final = Decimal("0.00015")
_MOST_OF_VALUE: Final = Decimal("0.125")


def pay_funding(account: Account, market: Market, rate: Decimal) -> Decimal:
    """Let the longs of a perpetual pay the shorts this part of their value at the mark, or get it if negative; returns
    what the account gets. It is part of the session's result at once, and of the balance at the settlement."""
    position = account.positions.get(market.instrument.name)
    if position is None or not position.size:
        return _ZERO
    paid = round(position.value(market.mark_price) * rate, 8).copy_sign(position.size * rate)
    position.fund(-paid)
    return -paid


def settle(account: Account, market: Market, at_ms: int) -> bool:
    """Book what a future's session has brought, realized or not; the position goes on from the mark."""
    position = account.positions.get(market.instrument.name)
    if position is None or market.instrument.kind != "future" or not (position.size or position.realized):
        return False
    mark, realized = market.mark_price, position.realized
    floating = position.floating(mark)
    funding, last = position.session_funding, position.take_funding()
    position.begin_session(mark)
    account.book(
        market.instrument.settlement,
        realized + floating,
        at_ms,
        type="settlement",
        instrument_name=market.instrument.name,
        side="long" if position.size > 0 else "short",
        amount=abs(position.size),
        position=position.size,
        price=rounded(mark),
        price_currency=market.instrument.quote,
        session_rpl=rounded(realized),
        session_upl=rounded(floating),
        interest_pl=last,
        total_interest_pl=funding,
        info={"settlement_price": rounded(mark), "floating_pl": rounded(floating)},
    )
    _note(account, market, at_ms, "settlement", position.size, floating, realized + floating, mark, funding)
    return True


def deliver(account: Account, market: Market, index: Decimal, at_ms: int) -> bool:
    """End what the account holds of an instrument that expires, at its index."""
    instrument = market.instrument
    position = account.positions.get(instrument.name)
    if position is None or not (position.size or position.realized):
        return False
    held, price = position.size, delivered_at(instrument, index)
    if instrument.kind == "option":
        earned, change = position.floating(price), held * price
    else:
        earned = position.floating(price)
        change = earned + position.realized
    fee = _fee(position, price)
    position.close()
    account.book(
        instrument.settlement,
        change - fee,
        at_ms,
        type="delivery",
        cashflow=rounded(change),
        commission=rounded(fee),
        instrument_name=instrument.name,
        side="close sell" if held > 0 else "close buy",
        amount=abs(held),
        position=_ZERO,
        price=rounded(price),
        price_currency=instrument.quote,
        settlement_price=rounded(price),
        index_price=index,
        interest_pl=_ZERO,
        info={},
    )
    _note(account, market, at_ms, "delivery", held, earned, change, price, _ZERO, index)
    return True


def move(account: Account, currency: str, amount: Decimal, kind: Movement, at_ms: int) -> None:
    """An amount comes in or goes out, other than by trading.

    Raises:
        ValueError: there is no such kind of movement.
    """
    if kind not in get_args(Movement):
        raise ValueError(f"kind must be one of {', '.join(get_args(Movement))}, not {kind!r}")
    account.book(currency, amount, at_ms, type=kind, side="-", info={"note": "by whoever tests"})


def delivered_at(instrument: Instrument, index: Decimal) -> Decimal:
    """What one unit of an amount is worth at the end: a future its index, an option what is in the money of it, in
    coins where it is inverse."""
    if instrument.kind != "option":
        return index
    assert instrument.strike is not None
    inside = index - instrument.strike if instrument.option_type == "call" else instrument.strike - index
    worth = max(inside, _ZERO)
    return worth / index if instrument.inverse else worth


def _fee(position: Position, price: Decimal) -> Decimal:
    instrument, size = position.instrument, abs(position.size)
    if instrument.kind == "option":
        # Of the underlying, and no more than a part of what is delivered of it.
        return round(min(_OPTION_FEE * size, _MOST_OF_VALUE * size * price), 8)
    return round(_FUTURE_FEE * position.value(price), 8)


def _note(
    account: Account,
    market: Market,
    at_ms: int,
    kind: str,
    position: Decimal,
    earned: Decimal,
    session: Decimal,
    mark: Decimal,
    funding: Decimal,
    index: Decimal | None = None,
) -> None:
    account.settlements.append({
        "type": kind,
        "timestamp": at_ms,
        "instrument_name": market.instrument.name,
        "position": position,
        "profit_loss": rounded(earned),
        "session_profit_loss": rounded(session),
        "mark_price": rounded(mark),
        "index_price": market.index_price if index is None else index,
        "funding": funding,
    })  # fmt: skip
