"""Positions and balances as reports."""

from typing import Final

from liveexec.domain.ids import AccountId, VenueName
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.outcome import BalanceReport, PositionReport
from liveexec.errors import InvalidInput
from liveexec_deribit import wire
from liveexec_deribit.names import Combo, instrument_id_of
from liveexec_deribit.rpc import MalformedMessage, checked

__all__ = ["balance_report", "position_report"]

_SIGNS: Final = {"buy": 1, "sell": -1, "zero": 0}


def position_report(told: wire.Position, account_id: AccountId, venue: VenueName, at_ns: int) -> PositionReport:
    """A net position. ``size`` has the unit of orders; the direction says its sign, whether it shows one or not.

    Raises:
        Combo: it is about a combo.
        MalformedMessage: what it says contradicts itself; the message says how.
    """
    try:
        instrument_id = instrument_id_of(told.instrument_name, venue)
    except Combo:
        raise
    except InvalidInput as error:
        raise MalformedMessage(f"a position: {error}") from None
    size, sign = checked(told.size, "size"), _SIGNS.get(told.direction)
    if sign is None or (sign == 0 and size) or (sign == 1 and size < 0):
        raise MalformedMessage(f"position in {told.instrument_name[:60]}: {size} is not {told.direction[:20]!r}")
    quantity = size.copy_abs() if sign >= 0 else size.copy_abs().copy_negate()
    average = checked(told.average_price, "average_price") if told.average_price is not None and size else None
    return PositionReport(account_id, instrument_id, quantity if size else ZERO, average, at_ns)


def balance_report(told: wire.AccountSummary | wire.Portfolio, account_id: AccountId, at_ns: int) -> BalanceReport:
    """A currency's balance and what of it is free.

    What futures have realised counts at once, as everywhere in the library; the venue books it at the settlement.

    Raises:
        MalformedMessage: a number in it is none.
    """
    if not told.currency:
        raise MalformedMessage("a balance has no currency")
    realized = checked(told.futures_session_rpl, "futures_session_rpl")
    return BalanceReport(
        account_id,
        told.currency,
        MONEY.add(checked(told.balance, "balance"), realized),
        checked(told.available_funds, "available_funds"),
        at_ns,
    )
