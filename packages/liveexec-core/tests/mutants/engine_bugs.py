"""Bugs in what the engine makes of requests, answers, reports and snapshots: among them most of the incidents."""

from typing import Final

from mutants.mutant import Mutant

__all__ = ["ENGINE_BUGS"]

_SUBMIT: Final = ("unit/engine/test_engine_submit.py",)
_ABSENCE: Final = ("unit/engine/test_engine_absence.py",)
_CANCEL: Final = ("unit/engine/test_engine_cancel.py",)
_REPLACE: Final = ("unit/engine/test_engine_replace.py",)
_EMULATED: Final = ("unit/engine/test_engine_emulated_replace.py",)
_REPORTS: Final = ("unit/engine/test_engine_reports.py",)
_ENDINGS: Final = ("unit/engine/test_engine_endings.py",)
_RECONCILIATION: Final = ("unit/engine/test_engine_reconciliation.py",)
_RECOVERY: Final = ("unit/engine/test_engine_recovery.py",)
_FOREIGN: Final = ("unit/engine/test_engine_foreign.py",)
_IDEMPOTENCY: Final = ("unit/engine/test_engine_idempotency.py",)
_CUMULATIVE: Final = ("unit/engine/test_engine_cumulative.py",)
_LATE: Final = ("unit/engine/test_engine_late_evidence.py",)
_CONTROL: Final = ("unit/engine/test_engine_control.py",)
_CORRECTIONS: Final = ("unit/engine/test_engine_corrections.py",)
_PARENTS: Final = ("unit/engine/test_engine_parents.py", "unit/engine/test_engine_plugins.py")

_TIMED_OUT: Final = "turn.emit(order.order_id, ev.SubmitUnknown(answer.attempt, reason))"
_UNHEARD: Final = "    if not _is_unheard(order) or not _can_be_asked_for(turn, order):"
_PROOF: Final = "return plan.valid_until_ns + timing.clock_skew_ns + late_ns + manifest.visibility_lag_ns"

ENGINE_BUGS: Final = (
    Mutant(
        "a timeout is taken for a refusal",
        "engine/answers.py",
        _TIMED_OUT,
        'turn.emit(order.order_id, ev.VenueRejected("TIMEOUT", reason))',
        _SUBMIT,
        incident=1,
    ),
    Mutant(
        "an unknown order is sent again",
        "engine/answers.py",
        _TIMED_OUT,
        f"""{_TIMED_OUT}
                from liveexec.engine.effects import SendSubmit
                turn.do(SendSubmit(order, order.attempt, order.plan, order.quantity, order.price, turn.at_ns, None))""",
        _SUBMIT,
        incident=1,
    ),
    Mutant(
        "the question after a timeout is forgotten",
        "engine/answers.py",
        """            if order.is_open:
                requests.ask_about(turn, order)
        case Sent():
            if order.status is OrderStatus.SUBMITTED:""",
        """        case Sent():
            if order.status is OrderStatus.SUBMITTED:""",
        (*_SUBMIT, *_ABSENCE),
    ),
    Mutant(
        "an order that turns up after its absence was proved stays at the venue",
        "engine/requests.py",
        """    elif order.status in (OrderStatus.REJECTED, OrderStatus.CANCELED, OrderStatus.EXPIRED):
        turn.do(SendCancel(order, ref_of(order)))""",
        "",
        _ABSENCE,
        incident=1,
    ),
    Mutant(
        "an order that turns up after its cancel was wished and its absence proved stays at the venue",
        "engine/requests.py",
        "elif order.status in (OrderStatus.REJECTED, OrderStatus.CANCELED, OrderStatus.EXPIRED):",
        "elif order.status is OrderStatus.REJECTED:",
        _ABSENCE,
    ),
    Mutant(
        "a working order that a source does not show is taken for gone",
        "engine/answers.py",
        _UNHEARD,
        "    if False:",
        _ABSENCE,
        incident=2,
    ),
    Mutant(
        "a session that comes back asks about nothing unknown",
        "engine/accounts.py",
        """        if order.status is OrderStatus.UNKNOWN:
            requests.ask_about(turn, order)
        elif""",
        """        if order.status is OrderStatus.UNKNOWN:
            continue
        elif""",
        _ABSENCE,
        incident=2,
    ),
    Mutant(
        "an unknown order gives its reservation back",
        "engine/answers.py",
        _TIMED_OUT,
        f"{_TIMED_OUT}\n                turn.core.state.exposure.release(order)",
        _SUBMIT,
        incident=3,
    ),
    Mutant(
        "the latch of repeated executions is not set",
        "engine/fills.py",
        "turn.emit_control(LatchSet(scope, REPEATED_EXECUTION, reason))",
        "pass",
        _REPORTS,
        incident=4,
    ),
    Mutant(
        "fills are not deduplicated by their key after a restart",
        "engine/fills.py",
        "if said.fill.key in (order.fills or {}) or said.fill.key in order.undone_fills:",
        "if said.fill.key in order.undone_fills:",
        _REPORTS,
        incident=7,
    ),
    Mutant(
        "a repeated fill counts again under another key",
        "engine/fills.py",
        """        return False
    was_open = order.is_open
    turn.emit(order.order_id, ev.FillApplied(said.fill))""",
        """        from attrs import evolve
        said = evolve(said, fill=evolve(said.fill, key=FillKey(f"{said.fill.key}|{turn.at_ns}|{order.last_sequence}")))
    was_open = order.is_open
    turn.emit(order.order_id, ev.FillApplied(said.fill))""",
        _REPORTS,
        incident=20,
    ),
    Mutant(
        "fills from before an account's opening count on top of it",
        "engine/adoption.py",
        "return at_ns < turn.core.state.ledger.opened.get(said.account_id, 0)",
        "return False",
        _RECONCILIATION,
        incident=20,
    ),
    Mutant(
        "a refused cancel is taken for a cancel",
        "engine/answers.py",
        "turn.emit(order.order_id, ev.CancelRejected(code, message))",
        "turn.emit(order.order_id, ev.Canceled(message, None))",
        _CANCEL,
        incident=8,
    ),
    Mutant(
        "the cancel half of the venue's own replace is taken for a cancel",
        "engine/reports.py",
        "if change.atomic and asked_at_ns is None:",
        "if False:",
        _REPLACE,
        incident=9,
    ),
    Mutant(
        "the end of the id that a replace gave up ends the order",
        "engine/reports.py",
        'if turn.core.oms.is_named(order, "venue", venue_order_id):',
        "if False:",
        _REPLACE,
        incident=9,
    ),
    Mutant(
        "a drift is invented away by a fill that never was",
        "engine/drift.py",
        "    turn.emit_account(key[0], DriftSeen(*key, mine, said))\n",
        """    name = InstrumentId(key[1].partition(":")[2])
    if (terms := _terms(turn, key[0], name)) is not None:
        _change_position(turn, key[0], name, terms, said - mine, key[1])
""",
        _RECONCILIATION,
        incident=10,
    ),
    Mutant(
        "a difference that two quick snapshots show is a drift",
        "engine/drift.py",
        "    if (taken.began_at_ns or taken.requested_at_ns) - before[1] < core.state.config.timing.drift_ns:",
        "    if False:",
        _RECONCILIATION,
    ),
    Mutant(
        "a drift is recorded and trading goes on",
        "engine/drift.py",
        "if turn.core.state.ledger.state_of(scope) is TradingState.ACTIVE:",
        "if False:",
        _RECONCILIATION,
        incident=10,
    ),
    Mutant(
        "a session that comes back sends again what was sent before",
        "engine/accounts.py",
        """        elif order.attempt == 0 or order.status is OrderStatus.SUBMITTED:
            continue""",
        """        elif order.attempt == 0:
            continue
        elif order.status in (OrderStatus.SUBMITTED, OrderStatus.ACCEPTED):
            from liveexec.engine.effects import SendSubmit
            turn.do(SendSubmit(order, order.attempt, order.plan, order.quantity, order.price, turn.at_ns, None))""",
        _RECONCILIATION,
        incident=12,
    ),
    Mutant(
        "an overfill halts nothing",
        "engine/fills.py",
        'turn.emit_control(LatchSet(scope, OVERFILL, f"{order.order_id} was filled {excess} beyond its quantity"))',
        "pass",
        _REPORTS,
        incident=13,
    ),
    Mutant(
        "an overfill is thrown away",
        "engine/fills.py",
        """        return False
    was_open = order.is_open
    turn.emit(order.order_id, ev.FillApplied(said.fill))""",
        """        return False
    if order.filled_quantity + said.fill.quantity > order.quantity:
        return False
    was_open = order.is_open
    turn.emit(order.order_id, ev.FillApplied(said.fill))""",
        _REPORTS,
        incident=13,
    ),
    Mutant(
        "after a gap risk is taken as before",
        "engine/reports.py",
        "turn.core.state.phases[account_id] = Phase.RECONCILING",
        "pass",
        _ENDINGS,
        incident=14,
        unseen="a second guard: the session tells the engine of the gap as well",
    ),
    Mutant(
        "fills that the stream left out are not asked for",
        "engine/reports.py",
        "    missing = said.filled_quantity - order.attempt_filled\n    if missing > 0:",
        "    missing = said.filled_quantity - order.attempt_filled\n    if False:",
        _ENDINGS,
        incident=15,
    ),
    Mutant(
        "an order ends before the fills that its venue counts",
        "engine/reports.py",
        """    if said.filled_quantity > order.attempt_filled and not _ended_before_opening(turn, order, said):
        turn.core.endings[order.order_id] = said""",
        """    if False:
        turn.core.endings[order.order_id] = said""",
        _ENDINGS,
        incident=16,
    ),
    Mutant(
        "a partly filled order that a source does not show is taken for gone",
        "engine/answers.py",
        _UNHEARD,
        "    if order.status is not OrderStatus.PARTIALLY_FILLED and not _is_unheard(order):",
        _ABSENCE,
        incident=16,
    ),
    Mutant(
        "absence is believed before its deadline has passed",
        "engine/answers.py",
        "if answer.asked_at_ns < proof_ns:",
        "if False:",
        _ABSENCE,
    ),
    Mutant(
        "the proof of absence does not wait for a venue's clock that is off",
        "engine/requests.py",
        _PROOF,
        "return plan.valid_until_ns + late_ns + manifest.visibility_lag_ns",
        _ABSENCE,
    ),
    Mutant(
        "the proof of absence does not wait for what the venue shows late",
        "engine/requests.py",
        _PROOF,
        "return plan.valid_until_ns + timing.clock_skew_ns + late_ns",
        _ABSENCE,
    ),
    Mutant(
        "the proof of absence does not wait for requests that come too late",
        "engine/requests.py",
        _PROOF,
        "return plan.valid_until_ns + timing.clock_skew_ns + manifest.visibility_lag_ns",
        _ABSENCE,
        unseen="simulated venues refuse what comes too late",
    ),
    Mutant(
        "an order is absent where the venue looks none up by our name",
        "engine/answers.py",
        _UNHEARD,
        "    if not _is_unheard(order):",
        _ABSENCE,
        unseen="simulated venues find orders by our name",
    ),
    Mutant(
        "what is left of an order that was taken for absent works on when a fill shows it",
        "engine/reports.py",
        "    if waits or (turns_up and order.filled_quantity < order.quantity):",
        "    if waits:",
        _ABSENCE,
    ),
    Mutant(
        "an older balance that comes late is believed",
        "engine/balances.py",
        "    if known is None or said.venue_time_ns >= known.venue_time_ns:",
        "    if True:",
        ("unit/engine/test_engine_balances.py",),
        unseen="simulated venues tell no balances",
    ),
    Mutant(
        "a snapshot takes back a balance that was told after it",
        "engine/balances.py",
        "        if known is not None and is_newer and known.venue_time_ns > said.venue_time_ns:",
        "        if False:",
        ("unit/engine/test_engine_balances.py",),
        unseen="simulated venues tell no balances",
    ),
    Mutant(
        "a refused change is shown as the order cancelled",
        "engine/answers.py",
        "reports.change_refused(turn, order, code, message)",
        "turn.emit(order.order_id, ev.Canceled(message, None))",
        _REPLACE,
        incident=21,
    ),
    Mutant(
        "after a refused change nobody looks",
        "engine/answers.py",
        """                # Some venues end the order when they refuse to change it: look, don't assume.
                requests.ask_about(turn, order)""",
        "                pass",
        _REPLACE,
        incident=21,
    ),
    Mutant(
        "a cancel that overtook its order's answer is forgotten",
        "engine/requests.py",
        """    if order.is_open and order.cancel is not PendingCancel.NONE:
        send_cancel(turn, order)
    elif""",
        """    if False:
        send_cancel(turn, order)
    elif""",
        _CANCEL,
    ),
    Mutant(
        "a wished cancel is sent once and never again",
        "engine/requests.py",
        "    turn.wake(TimerKind.CANCEL, order.order_id, turn.at_ns + turn.core.state.config.timing.answer_ns)",
        "",
        _CANCEL,
    ),
    Mutant(
        "an attempt reuses the client id of the one before",
        "engine/requests.py",
        "rule.client_order_id(order.order_id, attempt)",
        "rule.client_order_id(order.order_id, 1)",
        _EMULATED,
    ),
    Mutant(
        "an emulated replace sends the whole new quantity beside what was filled",
        "engine/reports.py",
        "left = change.quantity - order.filled_quantity",
        "left = change.quantity",
        _EMULATED,
    ),
    Mutant(
        "an operation id that was used is not looked at",
        "engine/intake.py",
        "used = turn.core.oms.operation(request.principal, request.operation_id)",
        "used = None",
        _IDEMPOTENCY,
    ),
    Mutant(
        "an operation id with other content gives the first result",
        "engine/intake.py",
        "if used_for != kind or used_hash != request.content_hash:",
        "if used_for != kind:",
        _IDEMPOTENCY,
    ),
    Mutant(
        "what was in flight when the process stopped is taken for sent",
        "engine/accounts.py",
        """        if order.status is OrderStatus.SUBMITTED:
            turn.emit(order.order_id, ev.SubmitUnknown(order.attempt, "the process""",
        """        if False:
            turn.emit(order.order_id, ev.SubmitUnknown(order.attempt, "the process""",
        _RECOVERY,
    ),
    Mutant(
        "what never left when the process stopped is tracked for ever",
        "engine/accounts.py",
        """        elif order.status is OrderStatus.PENDING:
            turn.emit(order.order_id, ev.NotSent(""",
        """        elif False:
            turn.emit(order.order_id, ev.NotSent(""",
        ("unit/engine/test_engine_prepare.py",),
    ),
    Mutant(
        "open orders reserve nothing after a restart",
        "engine/engine.py",
        """        for order in list(self._state.ledger.orders.values()):
            if order.approved:
                self._state.exposure.reserve(order)
        accounts""",
        """        accounts""",
        _RECOVERY,
    ),
    Mutant(
        "a snapshot speaks of orders that were sent after it was asked for",
        "engine/accounts.py",
        "if order.is_parent or order.attempt == 0 or _sent_at_ns(turn, order) >= asked_at_ns:",
        "if order.is_parent or order.attempt == 0:",
        _RECONCILIATION,
        unseen="a question that is asked too early proves nothing, and is asked again",
    ),
    Mutant(
        "fills that are in an account's opening are awaited for ever",
        "engine/reports.py",
        "    if said.filled_quantity > order.attempt_filled and not _ended_before_opening(turn, order, said):",
        "    if said.filled_quantity > order.attempt_filled:",
        ("unit/engine/test_engine_foreign.py",),
    ),
    Mutant(
        "what is missing from a snapshot is not asked about where the venue's clock is behind",
        "engine/accounts.py",
        "    asked_at_ns = max(taken.requested_at_ns, taken.began_at_ns)",
        "    asked_at_ns = taken.requested_at_ns",
        _RECONCILIATION,
    ),
    Mutant(
        "positions that moved after the snapshot was asked for are drifts",
        "engine/drift.py",
        "has_moved = position is not None and position.updated_at_ns >= taken.requested_at_ns",
        "has_moved = False",
        _LATE,
    ),
    Mutant(
        "a bust that overtook its fill ends an open order",
        "engine/fills.py",
        "_bust(turn, order, early, overtook=was_open)",
        "_bust(turn, order, early)",
        _LATE,
    ),
    Mutant(
        "a child of ours passes for somebody else's order",
        "domain/order.py",
        "self.parent_id is None and str(self.operation_id)",
        "str(self.operation_id)",
        _FOREIGN,
        unseen="takes a venue that gives two of our orders one name, or newly tells of a filled one as larger",
    ),
    Mutant(
        "a payment from before the account began counts again",
        "engine/reports.py",
        "or said.venue_time_ns < turn.core.state.ledger.opened.get(said.account_id, 0):",
        "or False:",
        _RECONCILIATION,
    ),
    Mutant(
        "a drift that was accepted leaves the books as they were",
        "engine/drift.py",
        "_change_position(turn, request.account_id, InstrumentId(name), terms, difference, reference)",
        "pass",
        _RECONCILIATION,
        only="Accepted",
    ),
    Mutant(
        "a balance that differs is never told",
        "engine/drift.py",
        "_drifts(turn, taken, key, mine, said, max(abs(said), abs(mine)) * tolerance)",
        "pass",
        _RECONCILIATION,
    ),
    Mutant(
        "a flattening is taken for done while its account is away",
        "engine/flatten.py",
        "if state.phases.get(waiting.account_id) is not Phase.ACTIVE:",
        "if False:",
        _CONTROL,
    ),
    Mutant(
        "a flattening goes on although the operator lets the scope trade again",
        "engine/flatten.py",
        "if waiting.scope == scope:",
        "if False:",
        _CONTROL,
    ),
    Mutant(
        "an order that an operator resolved is left to the venue",
        "engine/corrections.py",
        "turn.do(SendCancel(order, requests.ref_of(order)))",
        "pass",
        _CORRECTIONS,
    ),
    Mutant(
        "an operator may say that an order is filled",
        "engine/corrections.py",
        "if resolution not in _SAYABLE:",
        "if False:",
        _CORRECTIONS,
    ),
    Mutant(
        "a late answer takes an adopted order's name",
        "engine/answers.py",
        "if adoption.is_taken(turn, order, venue_order_id):",
        "if False:",
        _CORRECTIONS,
        unseen="what may be ours waits in a run for longer than any answer takes",
    ),
    Mutant(
        "what waits for its order counts for nobody",
        "engine/adoption.py",
        "    _hold_for(turn, key, delivered)\n",
        "",
        _CORRECTIONS,
        only="Unclaimed",
    ),
    Mutant(
        "a lost journal cancels what only reduces as well",
        "engine/control.py",
        "or _only_reduces(state, order):",
        "or False:",
        _CONTROL,
    ),
    Mutant(
        "a lost journal cancels what others placed",
        "engine/control.py",
        "if order.strategy_id == EXTERNAL:",
        "if False:",
        _CONTROL,
    ),
    Mutant(
        "a flattening waits for an account that is not here",
        "engine/scopes.py",
        "return [account for account in accounts if scope.kind is not ScopeKind.ACCOUNT or account == scope.name]",
        "return [AccountId(scope.name)] if scope.kind is ScopeKind.ACCOUNT else accounts",
        _CONTROL,
        unseen="a second guard: who stops an account that is not here is refused before",
    ),
    Mutant(
        "a fill that waits for its order is a drift",
        "engine/drift.py",
        "or adoption.is_filled_meanwhile(turn, account_id, instrument_id):",
        "or False:",
        _FOREIGN,
    ),
    Mutant(
        "what a fill costs that waits for its order is a drift",
        "engine/drift.py",
        "if not has_moved and not adoption.is_filled_meanwhile(turn, account_id):",
        "if not has_moved:",
        _FOREIGN,
    ),
    Mutant(
        "an order of ours that has no name yet is adopted as somebody else's",
        "engine/adoption.py",
        "    elif _may_be_ours(turn, said):",
        "    elif False:",
        _FOREIGN,
    ),
    Mutant(
        "an order that a change renames is adopted as somebody else's before its answer",
        "engine/adoption.py",
        "        or (order.replace is not None and order.replace.atomic)\n",
        "",
        _FOREIGN,
    ),
    Mutant(
        "a bust that overtakes its fill is forgotten",
        "engine/fills.py",
        """    if original is None:
        if key not in order.undone_fills:
            remember(turn, said)
        return False
    turn.emit(order.order_id, ev.FillBusted""",
        """    if original is None:
        return False
    turn.emit(order.order_id, ev.FillBusted""",
        _REPORTS,
    ),
    Mutant(
        "a total that was taken back counts again when it is repeated",
        "engine/fills.py",
        "        if key not in order.undone_fills:\n            fill = Fill(",
        "        if True:\n            fill = Fill(",
        _LATE,
        unseen="the simulated venues tell single fills",
    ),
    Mutant(
        "the increment of a total costs the average of the whole",
        "engine/fills.py",
        "price = said.average_price if base else money.divide(cost, quantity - filled)",
        "price = said.average_price",
        _CUMULATIVE,
        unseen="the simulated venues tell single fills",
    ),
    Mutant(
        "children may exceed their parent",
        "engine/parents.py",
        "if allocated + action.quantity > parent.quantity:",
        "if False:",
        _PARENTS,
    ),
    Mutant(
        "a parent ends while a child is open",
        "engine/parents.py",
        "    if live:\n        raise Overreach",
        "    if False:\n        raise Overreach",
        _PARENTS,
    ),
)
