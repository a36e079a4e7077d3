"""Every event in one line for people. Total over both unions: a new event without a summary does not type-check."""

from decimal import Decimal
from typing import Any, assert_never

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import AccountEvent
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, venue_of
from liveexec.domain.intent import OrderIntent
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.outcome import OrderReport
from liveexec.domain.record import Event
from liveexec.presentation.cells import Tone
from liveexec.presentation.formatting import (
    Precision,
    amount_text,
    exact_text,
    short_id,
    single_line,
    time_text,
)

__all__ = ["summary_of", "tone_of"]


def summary_of(event: Event, precision: Precision) -> str:
    """What the event says, in one line without control characters. Fills get the places of their instrument."""
    said = _account_event(event) if isinstance(event, AccountEvent) else _order_event(event, precision)
    return single_line(said)


def tone_of(event: Event) -> Tone:
    """Whether the event is good news, bad news or a reason to look."""
    match event:
        case ev.FillApplied():
            return Tone.GOOD
        case ev.RiskRefused() | ev.VenueRejected() | ev.NotSent() | ev.FillBusted():
            return Tone.BAD
        case ev.SubmitUnknown() | ev.CancelUnknown() | ev.ReplaceUnknown() | ev.FillCorrected() | ev.Adjusted():
            return Tone.WARNING
        case acc.LatchSet() | acc.DriftSeen():
            return Tone.WARNING
        case acc.StateChanged():
            return Tone.GOOD if event.state is acc.TradingState.ACTIVE else Tone.WARNING
        case _:
            return Tone.PLAIN


def _order_event(event: OrderEvent, precision: Precision) -> str:
    match event:
        case ev.OrderReceived():
            return _received(event)
        case ev.RiskApproved():
            return _approved(event)
        case ev.RiskRefused():
            return _refused(event)
        case ev.Routed():
            return _routed(event)
        case ev.ScheduleFixed():
            return f"schedule fixed: {_schedule(event.schedule)}"
        case ev.ChildSpawned():
            return f"child {event.ordinal} {short_id(event.child_order_id)} for {exact_text(event.quantity)}"
        case ev.SubmitRequested():
            return (
                f"may be sent{_attempt(event.attempt)} as {event.plan.client_order_id}: "
                f"{_terms(event.quantity, event.price)}{_deadline(event.plan.valid_until_ns)}"
            )
        case ev.NotSent():
            return f"proved not sent{_attempt(event.attempt)}: {event.reason}"
        case ev.SubmitUnknown():
            return f"may or may not be at the venue{_attempt(event.attempt)}: {event.reason}"
        case ev.Accepted():
            return f"venue has it{_as(event.venue_order_id)}"
        case ev.VenueRejected():
            return f"venue refused it: {_coded(event.code, event.message)}"
        case ev.FillApplied():
            return _filled(event.fill, precision)
        case ev.FillBusted():
            return f"taken back: {_filled(event.fill, precision)} ({event.reason})"
        case ev.FillCorrected():
            return f"corrected: {_filled(event.original, precision)} is {_filled(event.fill, precision)}"
        case ev.CancelRequested():
            return f"cancel wanted by {event.principal}: {event.reason}"
        case ev.CancelUnknown():
            return f"cancel may or may not have reached the venue: {event.reason}"
        case ev.CancelRejected():
            return f"venue refused the cancel: {_coded(event.code, event.message)}"
        case ev.Canceled():
            return f"canceled: {event.reason}"
        case ev.ReplaceRequested():
            how = "in place" if event.atomic else "by cancel and new"
            return f"change wanted by {event.principal}, {how}: {_terms(event.quantity, event.price)}"
        case ev.ReplaceUnknown():
            return f"change may or may not have reached the venue: {event.reason}"
        case ev.Replaced():
            return f"changed: {_terms(event.quantity, event.price)}{_as(event.venue_order_id)}"
        case ev.ReplaceRejected():
            return f"change refused: {_coded(event.code, event.message)}"
        case ev.Expired():
            return f"expired: {event.reason}"
        case ev.Adopted():
            return f"adopted for {event.strategy_id}: {_reported(event.side, event.report)} at {_at(event)}"
        case ev.Reattributed():
            return f"belongs to {event.strategy_id}, says {event.principal}: {event.reason}"
        case ev.ParentFinished():
            return f"finished {event.resolution}: {_coded(event.code, event.reason)}"
        case ev.Adjusted():
            return f"resolved as {event.resolution} by {event.principal}: {event.reason}"
        case _:
            assert_never(event)


def _account_event(event: AccountEvent) -> str:
    match event:
        case acc.AccountOpened():
            return f"{event.account_id} begins with what its venue told at {time_text(event.asked_at_ns)}"
        case acc.AssetMoved():
            return f"{_signed(event.amount)} {event.asset} ({event.kind}, {event.reference})"
        case acc.PositionChanged():
            return (
                f"{_signed(event.quantity)} {event.instrument_id} @ {exact_text(event.price)} for {event.strategy_id} "
                f"({event.kind}, {event.reference})"
            )
        case acc.StateChanged():
            return f"{event.scope} is {event.state}, set by {event.principal}: {event.reason}"
        case acc.LatchSet():
            return f"{event.scope} latched by {event.code}: {event.reason}"
        case acc.LatchCleared():
            return f"{event.scope} latch {event.code} cleared by {event.principal}: {event.reason}"
        case acc.DriftSeen():
            return f"{event.subject}: ours {exact_text(event.ours)}, the venue's {exact_text(event.theirs)}"
        case acc.DriftAccepted():
            return (
                f"{event.subject}: the venue's {exact_text(event.theirs)} accepted by {event.principal}: {event.reason}"
            )
        case acc.FlattenRequested():
            return f"{event.scope} is to be flattened on {event.account_id} by {event.principal}"
        case acc.FlattenEnded():
            return f"{event.scope} waits to be flattened on {event.account_id} no longer: {event.reason}"
        case acc.ConfigApplied():
            return f"configuration {event.config_hash} applied by {event.principal}: {event.summary}"
        case _:
            assert_never(event)


def _received(event: ev.OrderReceived) -> str:
    said = _wanted(event.intent)
    if event.parent_order_id is not None:
        return f"child {event.ordinal} of {short_id(event.parent_order_id)}: {said}"
    return f"{event.operation_id} from {event.principal}: {said} for {event.intent.strategy_id}"


def _wanted(intent: OrderIntent) -> str:
    words = [
        intent.side or intent.operation.upper(),
        exact_text(intent.quantity),
        intent.instrument_key or intent.asset,
        intent.order_type,
        f"@ {exact_text(intent.limit_price)}" if intent.limit_price is not None else None,
        f"trigger {exact_text(intent.trigger_price)}" if intent.trigger_price is not None else None,
        intent.time_in_force,
        "post-only" if intent.post_only else None,
        "reduce-only" if intent.reduce_only else None,
        intent.exec_algorithm if intent.exec_algorithm != "NORMAL" else None,
    ]
    return " ".join(word for word in words if word)


def _approved(event: ev.RiskApproved) -> str:
    reserved = f", reserved at {exact_text(event.reserve_price)}" if event.reserve_price is not None else ""
    return f"risk approved the {event.stage.lower()}{reserved}"


def _refused(event: ev.RiskRefused) -> str:
    others = [refusal.code for refusal in event.refusals if refusal.code != event.code]
    also = f" (also {', '.join(others)})" if others else ""
    return f"risk refused the {event.stage.lower()}: {_coded(event.code, event.message)}{also}"


def _routed(event: ev.Routed) -> str:
    legs = [f"{exact_text(leg.quantity)} to {venue_of(leg.instrument_id)}" for leg in event.legs]
    left_out = sum(1 for candidate in event.candidates if candidate.left_out is not None)
    note = f" ({left_out} of {len(event.candidates)} venues left out)" if left_out else ""
    return f"{event.policy}: {', '.join(legs) or 'nowhere'}{note}"


def _filled(fill: Fill, precision: Precision) -> str:
    places = precision.get(fill.instrument_id)
    quantity = amount_text(fill.quantity, places.quantity if places else None)
    price = amount_text(fill.price, places.price if places else None)
    estimated = ", estimated" if fill.estimated else ""
    return (
        f"{fill.side} {quantity} @ {price} as {fill.liquidity.lower()}, "
        f"fee {exact_text(fill.fee)} {fill.fee_asset}{estimated}"
    )


def _reported(side: str, report: OrderReport) -> str:
    filled = f", {exact_text(report.filled_quantity)} filled" if report.filled_quantity else ""
    return f"{side} {_terms(report.quantity, report.price)} {report.status}{filled}"


def _at(event: ev.Adopted) -> str:
    account_id: AccountId = event.account_id
    return f"{event.instrument_id} ({account_id})"


def _schedule(schedule: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_brief(value)}" for name, value in sorted(schedule.items())) or "nothing"


def _brief(value: object) -> str:
    match value:
        case list() | tuple() | dict():
            return f"[{len(value)}]"
        case Decimal():
            return exact_text(value)
        case _:
            return str(value)


def _terms(quantity: Decimal, price: Decimal | None) -> str:
    return exact_text(quantity) if price is None else f"{exact_text(quantity)} @ {exact_text(price)}"


def _attempt(attempt: int) -> str:
    return f" (attempt {attempt})" if attempt > 1 else ""


def _deadline(valid_until_ns: int) -> str:
    return f", until {time_text(valid_until_ns)}" if valid_until_ns else ""


def _as(venue_order_id: str | None) -> str:
    return f" as {venue_order_id}" if venue_order_id is not None else ""


def _coded(code: str | None, message: str) -> str:
    return f"{code}: {message}" if code else message


def _signed(amount: Decimal) -> str:
    return f"+{exact_text(amount)}" if amount > 0 else exact_text(amount)
