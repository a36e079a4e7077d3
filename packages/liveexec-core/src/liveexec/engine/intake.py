"""What callers ask for: submit, cancel, replace. Idempotency first, then risk, then the route."""

from decimal import Decimal

from liveexec.domain import order_event as ev
from liveexec.domain.ids import InstrumentId, OperationId, OrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.intent import OrderIntent, ReplaceIntent
from liveexec.domain.operation import Operation
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_event import RiskStage
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.venue import ReplaceMode
from liveexec.engine import parents, placing, requests
from liveexec.engine.algorithm_calls import read_parameters
from liveexec.engine.exposure import product_of_key
from liveexec.engine.inputs import CancelOrder, ReplaceOrder, SubmitOrder
from liveexec.engine.oms import OperationKind, is_own_operation_id
from liveexec.engine.risk import Refusal, RiskCheck
from liveexec.engine.turn import Decision, Turn
from liveexec.errors import Fault, InvalidInput, NotFound, OperationConflict

__all__ = ["accept", "cancel", "replace", "request_cancel", "submit"]


def submit(turn: Turn, request: SubmitOrder) -> Decision:
    """A new order: recorded as received, then approved and routed or refused, all in one turn."""
    core, intent = turn.core, request.intent
    known = _known(turn, request, intent.operation_id, "submit")
    if known is not None:
        return known
    if intent.expire_at_ns is not None and intent.expire_at_ns <= turn.at_ns:
        return Decision(error=InvalidInput("order intent", [Fault("expire_at_ns", "has passed already")]))
    parameters: object = None
    if intent.exec_algorithm != "NORMAL":
        algorithm = core.algorithms.get(intent.exec_algorithm)
        if algorithm is None:
            names = ", ".join(["NORMAL", *sorted(name for name in core.algorithms if name != "NORMAL")])
            fault = Fault("exec_algorithm", f"{intent.exec_algorithm} is not registered; there are {names}")
            return Decision(error=InvalidInput("order intent", [fault]))
        try:
            parameters = read_parameters(algorithm, intent)
        except InvalidInput as error:
            return Decision(error=error)
    elif intent.exec_algorithm_params:
        fault = Fault("exec_algorithm_params", "NORMAL takes none")
        return Decision(error=InvalidInput("order intent", [fault]))
    accept(
        turn,
        request.order_id,
        intent,
        request.operation_id,
        request.content_hash,
        request.principal,
        parameters,
    )
    return Decision(order_id=request.order_id)


def accept(
    turn: Turn,
    order_id: OrderId,
    intent: OrderIntent,
    operation_id: OperationId,
    content_hash: str,
    principal: str,
    parameters: object,
    *,
    flattens: bool = False,
) -> None:
    """Record an order that is well formed, and approve and route it, or record why not.

    ``flattens`` says that an operator asked for it to bring a position to zero.
    """
    order = turn.emit(order_id, ev.OrderReceived(intent, operation_id, content_hash, principal))
    if not _approve_parent(turn, order, flattens=flattens):
        return
    if order.is_parent:
        parents.start(turn, order, parameters)
    else:
        _route_plain(turn, order, flattens=flattens)


def cancel(turn: Turn, request: CancelOrder) -> Decision:
    """A wish to have an order gone. One that has ended already is no error: the caller sees how it ended."""
    known = _known(turn, request, request.intent.operation_id, "cancel")
    if known is not None:
        return known
    order = turn.core.oms.get(request.intent.order_id)
    if order is None:
        return Decision(error=NotFound(f"there is no order {request.intent.order_id}"))
    if order.is_open:
        request_cancel(
            turn, order, request.operation_id, request.content_hash, request.principal, request.intent.reason
        )
    return Decision(order_id=order.order_id)


def request_cancel(
    turn: Turn, order: Order, operation_id: OperationId, content_hash: str, principal: str, reason: str
) -> None:
    """Record the wish to have an open order gone; a parent goes by its children."""
    if order.is_parent:
        turn.emit(order.order_id, ev.CancelRequested(operation_id, content_hash, principal, reason))
        parents.cancel(turn, order)
    else:
        requests.cancel_leaf(turn, order, operation_id, content_hash, principal, reason)


def replace(turn: Turn, request: ReplaceOrder) -> Decision:
    """A wish to change a working order. Refusals are recorded on the order, which works on as it was."""
    core, intent = turn.core, request.intent
    known = _known(turn, request, intent.operation_id, "replace")
    if known is not None:
        return known
    order = core.oms.get(intent.order_id)
    if order is None:
        return Decision(error=NotFound(f"there is no order {intent.order_id}"))
    listing = core.state.listings.get(order.instrument_id) if order.instrument_id is not None else None
    faults = _replace_faults(order, intent, listing)
    if faults:
        return Decision(error=InvalidInput(f"replace of {order.order_id}", faults))
    assert order.plan is not None
    assert listing is not None
    manifest = core.state.manifests[listing.venue]
    quantity = intent.quantity if intent.quantity is not None else order.quantity
    price = intent.price if intent.price is not None else order.price
    atomic = manifest.replace is not ReplaceMode.NONE
    attempt = order.attempt if atomic else order.attempt + 1
    # A plan that the adapter has to make is made when the new attempt is due.
    is_derived = not atomic and manifest.client_id is not None
    plan = requests.plan_for(turn, order, attempt, manifest) if is_derived else requests.renewed(turn, order.plan)
    refusal = _replace_refusal(turn, order, listing, quantity, price)
    turn.emit(
        order.order_id,
        ev.ReplaceRequested(
            request.operation_id, request.content_hash, request.principal, quantity, price, atomic, attempt, plan
        ),
    )
    if refusal is not None:
        turn.emit(order.order_id, ev.ReplaceRejected(refusal.code, refusal.message))
    elif atomic:
        requests.send_replace(turn, order)
    else:
        requests.send_cancel(turn, order)
    return Decision(order_id=order.order_id)


def _known(
    turn: Turn, request: SubmitOrder | CancelOrder | ReplaceOrder, chosen: OperationId | None, kind: OperationKind
) -> Decision | None:
    """The answer to an operation id that was used before: the first result, or an error if the content differs.

    ``chosen`` is the caller's own id, if he gave one: it must not look like those that are made here.
    """
    if chosen is not None and is_own_operation_id(chosen):
        fault = Fault("operation_id", f"{chosen} looks like an id that is made here; choose another beginning")
        return Decision(error=InvalidInput(f"{kind} request", [fault]))
    used = turn.core.oms.operation(request.principal, request.operation_id)
    if used is None:
        return None
    used_for, used_hash, order_id = used
    if used_for != kind or used_hash != request.content_hash:
        return Decision(
            error=OperationConflict(
                f"operation {request.operation_id} was a {used_for} of {order_id} with other content; nothing was done"
            )
        )
    return Decision(order_id=order_id, repeated=True)


def _approve_parent(turn: Turn, order: Order, *, flattens: bool) -> bool:
    """The first stage of risk: strategy and product. A plain order's approval is recorded once, after its leg's."""
    state, intent = turn.core.state, order.intent
    key = intent.instrument_key
    if key is None or intent.side is None:
        # A transfer has neither instrument nor side, and no adapter of this version offers it.
        turn.emit(
            order.order_id, placing.refused(RiskStage.PARENT, "CAPABILITY", f"no venue here takes {intent.operation}")
        )
        return False
    listing = state.listings.get(InstrumentId(key))
    product_id = product_of_key(key)
    account_id = intent.account_id
    if listing is not None:
        account_id = state.account_for(order.strategy_id, listing.venue, account_id)
    reference_price = placing.reference_price(state, key, intent.side)
    parent = replaces = None
    check = RiskCheck(
        order, RiskStage.PARENT, intent.side, order.quantity, order.price, reference_price, listing, product_id,
        account_id, parent, replaces, flattens,
    )  # fmt: skip
    if listing is None and product_id not in state.products:
        turn.emit(order.order_id, placing.refused(RiskStage.PARENT, "UNKNOWN_INSTRUMENT", f"no venue here lists {key}"))
        return False
    verdict = turn.core.risk.check(check, state)
    state.activity.note_order(order, turn.at_ns, refused=isinstance(verdict, Refusal))
    if isinstance(verdict, Refusal):
        turn.emit(order.order_id, ev.RiskRefused(RiskStage.PARENT, verdict.code, verdict.message, verdict.refusals))
        return False
    if order.is_parent:
        turn.emit(order.order_id, ev.RiskApproved(RiskStage.PARENT, verdict.reserve_price))
    return True


def _route_plain(turn: Turn, order: Order, *, flattens: bool) -> None:
    key = order.intent.instrument_key
    assert key is not None
    plan = turn.core.router.route(placing.route_request(order, key, order.quantity), turn.core.state)
    if not plan.legs:
        turn.emit(order.order_id, ev.Routed(plan.policy, (), plan.candidates))
        turn.emit(order.order_id, placing.refused(RiskStage.LEG, "NO_ROUTE", placing.no_route_message(plan)))
    elif len(plan.legs) == 1:
        placing.place(turn, order, plan, None, flattens=flattens)
    else:
        reserve = placing.reference_price(turn.core.state, key, placing.side_of(order))
        turn.emit(order.order_id, ev.Routed(plan.policy, plan.legs, plan.candidates))
        turn.emit(order.order_id, ev.RiskApproved(RiskStage.PARENT, order.price or reserve))
        parents.spawn_legs(turn, order, plan)


def _replace_faults(order: Order, intent: ReplaceIntent, listing: Listing | None) -> list[Fault]:
    if order.is_parent:
        return [Fault("order_id", "is a parent; cancel it and submit another")]
    if order.status not in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED):
        return [Fault("order_id", f"is {order.status}; only a working order can be changed")]
    faults = []
    if listing is None:
        faults.append(Fault("order_id", f"is for {order.instrument_id}, which is not listed now"))
    if order.plan is None:
        faults.append(Fault("order_id", "was not sent from here and has no client id; cancel it and submit another"))
    if order.cancel is not PendingCancel.NONE:
        faults.append(Fault("order_id", "is being canceled"))
    if order.replace is not None:
        faults.append(Fault("order_id", "is being changed already"))
    price = intent.price
    if intent.quantity in (None, order.quantity) and price in (None, order.price):
        faults.append(Fault("", "changes nothing"))
    if price is not None and not order.intent.order_type.has_limit and order.intent.operation is not Operation.BET:
        faults.append(Fault("price", f"does not belong to {order.intent.order_type}"))
    return faults


def _replace_refusal(
    turn: Turn, order: Order, listing: Listing, quantity: Decimal, price: Decimal | None
) -> Refusal | None:
    state = turn.core.state
    side = placing.side_of(order)
    parent = turn.core.oms.get(order.parent_id) if order.parent_id is not None else None
    stages = (RiskStage.LEG,) if parent is not None else (RiskStage.PARENT, RiskStage.LEG)
    if quantity <= order.filled_quantity:
        return turn.core.risk.refuse("REPLACE_FILLED", f"{order.filled_quantity} is filled already")
    if parent is not None and quantity > order.quantity:
        return turn.core.risk.refuse("PARENT_BOUND", "a child can't grow beyond what its parent gave it")
    for stage in stages:
        verdict = turn.core.risk.check(
            RiskCheck(
                order=order,
                stage=stage,
                side=side,
                quantity=quantity,
                limit_price=price,
                reference_price=placing.reference_price(state, listing.instrument_id, side),
                listing=listing,
                product_id=listing.product_id,
                account_id=order.account_id,
                parent=parent,
                replaces=order,
            ),
            state,
        )
        if isinstance(verdict, Refusal):
            return verdict
    return None
