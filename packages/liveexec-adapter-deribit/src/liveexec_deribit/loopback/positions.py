"""How fills fold into a position, and what it has earned."""

from decimal import Decimal

import attrs

from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.orders import Direction, rounded

_ZERO = Decimal(0)


def profit(instrument: Instrument, size: Decimal, entry: Decimal, exit_price: Decimal) -> Decimal:
    """What a signed size earns between two prices, in the settlement currency.

    Inverse futures: dollars over prices, ``size * (1/entry - 1/exit)`` coins. Everything else:
    ``size * (exit - entry)``, where an inverse option's price is in coins.
    """
    if not size:
        return _ZERO
    if instrument.amount_in_dollars:
        return size / entry - size / exit_price
    return size * (exit_price - entry)


@attrs.define(eq=False)
class Position:
    """A position of one account in one instrument: ``size`` is signed, in the instrument's amounts.

    ``average_price`` is what it was opened at, harmonic for inverse futures; ``realized`` what closing parts of it has
    earned since the last settlement.
    """

    instrument: Instrument
    size: Decimal = _ZERO
    average_price: Decimal = _ZERO
    realized: Decimal = _ZERO
    #: Funding of this session, which is in ``realized`` too; and what of it the log does not tell yet.
    session_funding: Decimal = _ZERO
    untold_funding: Decimal = _ZERO

    def fund(self, amount: Decimal) -> None:
        """Funding comes in, or goes out."""
        self.realized += amount
        self.session_funding += amount
        self.untold_funding += amount

    def take_funding(self) -> Decimal:
        """The funding that the log does not tell yet: it does now."""
        untold, self.untold_funding = self.untold_funding, _ZERO
        return untold

    def begin_session(self, mark: Decimal) -> None:
        """The session was settled: what it brought is booked, and the position goes on from the mark."""
        self.realized = self.session_funding = _ZERO
        if self.size:
            self.average_price = mark

    def close(self) -> None:
        """It ends, with everything that it brought booked."""
        self.size = self.average_price = _ZERO
        self.realized = self.session_funding = self.untold_funding = _ZERO

    def fill(self, direction: Direction, amount: Decimal, price: Decimal) -> Decimal:
        """Fold a fill in; returns what it earned. One that goes through nought closes and opens."""
        signed = amount if direction == "buy" else -amount
        earned = _ZERO
        if self.size and (self.size > 0) != (signed > 0):
            closed = min(abs(self.size), amount).copy_sign(self.size)
            earned = profit(self.instrument, closed, self.average_price, price)
            self.realized += earned
            self.size -= closed
            signed += closed
            if not self.size:
                self.average_price = _ZERO
        if signed:
            self._open(signed, price)
        return earned

    def floating(self, mark: Decimal) -> Decimal:
        """What it would earn if it were closed at the mark."""
        return profit(self.instrument, self.size, self.average_price, mark)

    def value(self, mark: Decimal) -> Decimal:
        """Its size in the settlement currency, at the mark, never negative: what margin is a part of."""
        if self.instrument.amount_in_dollars:
            return abs(self.size) / mark
        if self.instrument.kind == "option" and self.instrument.inverse:
            return abs(self.size)
        return abs(self.size) * mark

    def _open(self, signed: Decimal, price: Decimal) -> None:
        whole = self.size + signed
        if not self.size:
            self.average_price = price
        elif self.instrument.amount_in_dollars:
            self.average_price = whole / (self.size / self.average_price + signed / price)
        else:
            self.average_price = (self.size * self.average_price + signed * price) / whole
        self.size = whole

    def wire(self, *, mark: Decimal, index: Decimal, open_orders_margin: Decimal) -> dict[str, object]:
        """As ``private/get_position`` answers it."""
        instrument, floating = self.instrument, self.floating(mark)
        initial = self.value(mark) / instrument.max_leverage
        sent: dict[str, object] = {
            "instrument_name": instrument.name,
            "kind": instrument.kind,
            "direction": "zero" if not self.size else "buy" if self.size > 0 else "sell",
            "size": self.size,
            "average_price": rounded(self.average_price),
            "mark_price": rounded(mark),
            "index_price": index,
            "settlement_price": rounded(mark),
            "initial_margin": rounded(initial),
            "maintenance_margin": rounded(initial / 2),
            "open_orders_margin": rounded(open_orders_margin),
            "floating_profit_loss": rounded(floating),
            "realized_profit_loss": rounded(self.realized),
            "total_profit_loss": rounded(floating + self.realized),
            "estimated_liquidation_price": _ZERO,
            "delta": rounded(self._delta(mark)),
        }
        if instrument.kind == "future":
            coins = self.size / mark if instrument.amount_in_dollars else self.size
            sent |= {
                "size_currency": rounded(coins),
                "leverage": instrument.max_leverage,
                "realized_funding": self.session_funding,
                "interest_value": _ZERO,
            }
        else:
            sent |= {
                "gamma": _ZERO,
                "vega": _ZERO,
                "theta": _ZERO,
                "average_price_usd": rounded(self.average_price * index if instrument.inverse else self.average_price),
                "floating_profit_loss_usd": rounded(floating * index if instrument.inverse else floating),
            }
        return sent

    def _delta(self, mark: Decimal) -> Decimal:
        """Coins of exposure. An option counts as half a coin: this venue has no model of volatility."""
        if self.instrument.amount_in_dollars:
            return self.size / mark
        if self.instrument.kind == "option":
            half = self.size / 2
            return half if self.instrument.option_type == "call" else -half
        return self.size
