"""What open orders hold back of an account's funds, summed as they change rather than anew each time."""

from collections import defaultdict
from decimal import Decimal

import attrs

from liveexec_deribit.loopback.instruments import Instrument

_ZERO = Decimal(0)


@attrs.frozen
class _Reservation:
    currency: str
    instrument: Instrument
    amount: Decimal


class Reservations:
    """One amount for each open order, and their sums. An amount stays what it was when its order last changed."""

    def __init__(self) -> None:
        self._orders: dict[str, _Reservation] = {}
        self._by_currency: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._by_instrument: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._spot: defaultdict[str, Decimal] = defaultdict(Decimal)

    def hold(self, order_id: str, instrument: Instrument, currency: str, amount: Decimal) -> None:
        """Reserve an amount of a currency for an order, instead of what it held before."""
        self.release(order_id)
        self._orders[order_id] = _Reservation(currency, instrument, amount)
        self._add(self._orders[order_id], 1)

    def release(self, order_id: str) -> None:
        """An order holds nothing any more."""
        reservation = self._orders.pop(order_id, None)
        if reservation is not None:
            self._add(reservation, -1)

    def of(self, order_id: str) -> Decimal:
        """What an order holds."""
        reservation = self._orders.get(order_id)
        return _ZERO if reservation is None else reservation.amount

    def in_currency(self, currency: str) -> Decimal:
        """What all orders hold of a currency."""
        return self._by_currency.get(currency, _ZERO)

    def in_instrument(self, instrument: Instrument) -> Decimal:
        """What the orders of an instrument hold."""
        return self._by_instrument.get(instrument.name, _ZERO)

    def in_spot(self, currency: str) -> Decimal:
        """What spot orders hold of a currency."""
        return self._spot.get(currency, _ZERO)

    def _add(self, reservation: _Reservation, sign: int) -> None:
        change = sign * reservation.amount
        self._by_currency[reservation.currency] += change
        self._by_instrument[reservation.instrument.name] += change
        if reservation.instrument.kind == "spot":
            self._spot[reservation.currency] += change
