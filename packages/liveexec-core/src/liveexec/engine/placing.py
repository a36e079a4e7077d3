"""Placing an order: how the router is asked, and what follows from its answer for an order with one leg."""

from decimal import Decimal

from liveexec.domain import order_event as ev
from liveexec.domain.ids import InstrumentId, ProductId
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.order_event import RiskStage
from liveexec.engine import requests
from liveexec.engine.risk import Refusal, RiskCheck
from liveexec.engine.router import RoutePlan, RouteRequest
from liveexec.engine.state import EngineState
from liveexec.engine.turn import Turn

__all__ = ["no_route_message", "place", "reference_price", "refused", "route_request", "side_of"]


def place(turn: Turn, order: Order, plan: RoutePlan, parent: Order | None, *, flattens: bool = False) -> None:
    """Check an order with its one leg, reserve, and request the send; or record why not."""
    core, state = turn.core, turn.core.state
    leg = plan.legs[0]
    turn.emit(order.order_id, ev.Routed(plan.policy, plan.legs, plan.candidates))
    listing, side, replaces = state.listings[leg.instrument_id], order.intent.side, None
    assert side is not None
    touch = reference_price(state, leg.instrument_id, side)
    check = RiskCheck(
        order, RiskStage.LEG, side, leg.quantity, order.price, touch, listing, listing.product_id, leg.account_id,
        parent, replaces, flattens,
    )  # fmt: skip
    verdict = core.risk.check(check, state)
    if isinstance(verdict, Refusal):
        turn.emit(order.order_id, ev.RiskRefused(RiskStage.LEG, verdict.code, verdict.message, verdict.refusals))
        return
    turn.emit(order.order_id, ev.RiskApproved(RiskStage.LEG, verdict.reserve_price))
    requests.request_submit(turn, order, leg.quantity, order.price, plan.book_at_ns)


def route_request(order: Order, key: str, quantity: Decimal) -> RouteRequest:
    """What the router is asked for an order, or for a part of it."""
    intent = order.intent
    assert intent.side is not None
    return RouteRequest(
        order, key, intent.side, quantity, order.price, intent.order_type, intent.time_in_force, intent.post_only,
        intent.reduce_only, intent.operation, order.strategy_id, intent.account_id,
    )  # fmt: skip


def reference_price(state: EngineState, key: str, side: Side) -> Decimal | None:
    """The price an order of this side would start at: the touch of its instrument, or the best of its product's."""
    books = state.market.books
    instruments = state.products.get(ProductId(key))
    if instruments is None:
        book = books.get(InstrumentId(key))
        return book.touch(side) if book is not None else None
    best: Decimal | None = None
    buys = side.sign > 0
    for instrument_id in instruments:
        book = books.get(instrument_id)
        if book is not None and book.is_sane:
            # A sane book has both sides.
            touch = (book.asks if buys else book.bids)[0][0]
            if best is None or (touch < best if buys else touch > best):
                best = touch
    return best


def side_of(order: Order) -> Side:
    """The side of an order that has one (every order that can be routed does)."""
    assert order.intent.side is not None
    return order.intent.side


def no_route_message(plan: RoutePlan) -> str:
    """Why nothing could take an order: each candidate's own reason."""
    reasons = [
        f"{candidate.instrument_id}: {candidate.left_out}" for candidate in plan.candidates if candidate.left_out
    ]
    return "no venue can take it (" + "; ".join(reasons or ["none lists it"]) + ")"


def refused(stage: RiskStage, code: str, message: str) -> ev.RiskRefused:
    """A refusal that is not a risk rule's."""
    return ev.RiskRefused(stage, code, message, (ev.RuleRefusal(code, message),))
