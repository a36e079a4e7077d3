"""What became of one order: by its id, by its label, and in the archive, each with what its silence proves."""

import time
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from liveexec.domain.ids import (
    AccountId,
    ClientOrderId,
    OrderId,
    VenueName,
    VenueOrderId,
    is_order_id,
    order_id_time_ns,
)
from liveexec.domain.outcome import Absent, NotKnown, OrderRef, OrderReportAnswer
from liveexec.errors import AdapterError, InvalidInput
from liveexec_deribit import wire
from liveexec_deribit.connection import Connection
from liveexec_deribit.error_table import NOT_FOUND
from liveexec_deribit.history import Ask, OrderHistory
from liveexec_deribit.names import Combo, symbol_of, venue_instrument
from liveexec_deribit.orders import is_triggered, order_report, read_order
from liveexec_deribit.pace import Pace
from liveexec_deribit.rpc import Frame, MalformedMessage, Refusal, decoded

__all__ = ["OrderLookup", "find_replacement", "made_at_ns"]

_log = structlog.get_logger(__name__)

#: What a request about an order that is open no longer is refused with: not found, closed, filled, not open.
_GONE: Final = frozenset({NOT_FOUND, 10010, 11008, 11044})
#: The order id in a label of ours: behind the prefix, before the number of the attempt.
_ID_AT: Final = slice(2, 28)


def made_at_ns(label: ClientOrderId) -> int | None:
    """When the order of a label was made, at the earliest; ``None`` if the label is not one of ours.

    A child's id holds the time of its parent.
    """
    order_id = f"ORD-{label[_ID_AT]}"
    return order_id_time_ns(OrderId(order_id)) if is_order_id(order_id) else None


async def find_replacement(connection: Connection, ref: OrderRef, frame: Frame) -> VenueOrderId | None:
    """The id under which a trigger order lives on that has fired; ``None`` if this is not why it was refused.

    A trigger order that fires becomes an order with an id of its own and the same label.
    """
    if frame.error is None or frame.error.code not in _GONE or ref.client_order_id is None:
        return None
    try:
        told = await connection.ask("private/get_order_state", {"order_id": ref.venue_order_id})
        if not is_triggered(read_order(told.result)):
            return None
        labelled = await connection.ask(
            "private/get_order_state_by_label",
            {"currency": groups_of(ref)[0], "label": ref.client_order_id},
        )
        orders = [read_order(raw) for raw in decoded(list[msgspec.Raw], labelled.result, "orders of a label")]
    except AdapterError as error:
        # The refusal stands; who wanted the change asks what the order is.
        _log.warning("deribit_replacement_not_found", order=ref.venue_order_id, error=str(error))
        return None
    return next((VenueOrderId(each.order_id) for each in orders if each.trigger_order_id == ref.venue_order_id), None)


def groups_of(ref: OrderRef) -> tuple[str, ...]:
    """The currencies that the venue may file an order of an instrument under: its coin, for spot either."""
    name = venue_instrument(symbol_of(ref.instrument_id))
    if name.is_inverse:
        return (name.base,)
    return (name.quote, name.base) if name.kind == "SPOT_PAIR" else (name.quote,)


class OrderLookup:
    """Looks one order up. ``ask`` reaches the session, ``history`` the archive."""

    def __init__(
        self,
        account_id: AccountId,
        venue: VenueName,
        currencies: Sequence[str],
        ask: Ask,
        history: OrderHistory,
        pace: Pace,
    ) -> None:
        self._account_id, self._venue, self._currencies = account_id, venue, currencies
        self._ask, self._history, self._pace = ask, history, pace

    async def find(self, ref: OrderRef) -> OrderReportAnswer:
        """What the venue says of the order.

        Raises:
            AdapterError: no answer came, or one that can't be read.
        """
        if ref.venue_order_id is None and ref.client_order_id is None:
            return NotKnown("the order has neither an id nor a label to ask for")
        try:
            symbol_of(ref.instrument_id)
        except InvalidInput as error:
            return NotKnown(str(error))
        if ref.venue_order_id is not None:
            return await self._by_id(ref)
        return await self._by_label(ref)

    async def _by_id(self, ref: OrderRef) -> OrderReportAnswer:
        await self._pace.turn()
        try:
            frame = await self._ask("private/get_order_state", {"order_id": ref.venue_order_id})
        except Refusal as error:
            if error.error.code != NOT_FOUND:
                return NotKnown(str(error))
            searched = await self._history.find(ref, self._made_at_ns(ref))
            # It has been there, so that its absence proves only that the venue forgets.
            return self._told(searched.order) if searched.order is not None else NotKnown("the venue has it no longer")
        told = read_order(frame.result)
        if is_triggered(told) and told.label:
            orders, _ = await self._labelled(ref, ClientOrderId(told.label))
            told = next((each for each in orders or () if each.trigger_order_id == told.order_id), told)
        return self._told(told)

    async def _by_label(self, ref: OrderRef) -> OrderReportAnswer:
        assert ref.client_order_id is not None
        asked_ns = time.time_ns()
        orders, as_of_ns = await self._labelled(ref, ref.client_order_id)
        if orders is None:
            return NotKnown("no currency that the venue may file it under is configured")
        if orders:
            return self._told(_chosen(orders))
        # It may have come, ended, and been cleared up.
        searched = await self._history.find(ref, self._made_at_ns(ref))
        if searched.order is not None:
            return self._told(searched.order)
        if not searched.is_complete:
            return NotKnown("the history is longer than is searched")
        return Absent(as_of_ns if as_of_ns is not None else asked_ns)

    async def _labelled(self, ref: OrderRef, label: ClientOrderId) -> tuple[list[wire.Order] | None, int | None]:
        """The orders of a label, and when the venue said so: the earliest, where it was asked more than once.

        ``None`` if there was nothing to ask.
        """
        found: dict[str, wire.Order] = {}
        moments: list[int] = []
        symbol = symbol_of(ref.instrument_id)
        groups = [each for each in groups_of(ref) if each in self._currencies]
        for currency in groups:
            await self._pace.turn()
            asked = {"currency": currency, "label": label}
            frame = await self._ask("private/get_order_state_by_label", asked)
            if frame.as_of_ns is not None:
                moments.append(frame.as_of_ns)
            for raw in decoded(list[msgspec.Raw], frame.result, "orders of a label"):
                told = read_order(raw)
                # Labels are not unique: only what has this instrument's name can be ours.
                if told.label == label and told.instrument_name == symbol:
                    found[told.order_id] = told
        return list(found.values()) if groups else None, min(moments, default=None)

    def _made_at_ns(self, ref: OrderRef) -> int | None:
        return made_at_ns(ref.client_order_id) if ref.client_order_id is not None else None

    def _told(self, told: wire.Order) -> OrderReportAnswer:
        try:
            return order_report(told, self._account_id, self._venue)
        except (Combo, MalformedMessage) as error:
            return NotKnown(str(error))


def _chosen(orders: Sequence[wire.Order]) -> wire.Order:
    """The order among those of one label: what a trigger became rather than the trigger, and what lives rather than
    what has ended."""
    standing = [each for each in orders if not is_triggered(each)] or list(orders)
    if len(standing) > 1:
        _log.error("deribit_label_not_unique", label=standing[0].label, orders=[each.order_id for each in standing])
    return max(standing, key=lambda each: (each.order_state in ("open", "untriggered"), each.creation_timestamp))
