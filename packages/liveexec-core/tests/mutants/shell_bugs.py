"""Bugs on the way to a venue and back: send gate, dispatcher, rate limit, sessions, reconciler, kill, closing."""

from typing import Final

from mutants.mutant import Mutant

__all__ = ["SHELL_BUGS"]

_GATE: Final = ("unit/runtime/test_runtime_send_gate.py",)
_DISPATCHER: Final = ("unit/runtime/test_runtime_dispatcher.py",)
_SESSIONS: Final = ("unit/runtime/test_runtime_sessions.py",)
_RECONCILER: Final = ("unit/runtime/test_runtime_reconciler.py",)
_SHARD: Final = ("unit/runtime/test_runtime_shard.py",)
_EFFECTS: Final = ("integration/runtime/test_host_effects.py",)
_INCIDENTS: Final = ("integration/runtime/test_host_incidents.py",)

SHELL_BUGS: Final = (
    Mutant(
        "the send gate is not asked",
        "runtime/dispatcher.py",
        "if (reason := self._gate.stops_submit(effect)) is not None:",
        "if (reason := self._gate.stops_submit(effect)) is not None and False:",
        _DISPATCHER,
    ),
    Mutant(
        "the send gate is asked before an order waits for its turn",
        "runtime/dispatcher.py",
        """        if (slot := self._slot_of(order, cancel=False)) is not None:
            await slot
        if (reason := self._gate.stops_submit(effect)) is not None:""",
        """        reason = self._gate.stops_submit(effect)
        if (slot := self._slot_of(order, cancel=False)) is not None:
            await slot
        if reason is not None:""",
        _DISPATCHER,
    ),
    Mutant(
        "an error of the connection is taken for a refusal",
        "runtime/dispatcher.py",
        'outcome = Unknown(f"{type(error).__name__}: {error}")',
        'outcome = Rejected("ERROR", f"{type(error).__name__}: {error}")',
        _DISPATCHER,
    ),
    Mutant(
        "a request that was given up is taken for a refusal",
        "runtime/dispatcher.py",
        "outcome = Unknown(_given_up(error))",
        'outcome = Rejected("TIMEOUT", _given_up(error))',
        _DISPATCHER,
    ),
    Mutant(
        "an error of a question is taken for absence",
        "runtime/dispatcher.py",
        'answer = NotKnown(f"{type(error).__name__}: {error}")',
        "answer = Absent()",
        _DISPATCHER,
    ),
    Mutant(
        "requests of one order overtake each other",
        "runtime/in_flight.py",
        "task = self.run(work if before is None or before.done() else _after(before, work))",
        "task = self.run(work)",
        _DISPATCHER,
    ),
    Mutant(
        "cancels have no lane",
        "runtime/dispatcher.py",
        "self._slot_of(order, cancel=True)",
        "self._slot_of(order, cancel=False)",
        _INCIDENTS,
        incident=5,
    ),
    Mutant(
        "new orders take the tokens of the cancels' lane",
        "runtime/rate_limit.py",
        "return 1.0 if cancel else 1.0 + self._limit.cancel_lane",
        "return 1.0",
        _INCIDENTS,
        incident=5,
    ),
    Mutant(
        "a request whose turn comes sleeps on, and cancels wait for the token after its",
        "runtime/rate_limit.py",
        "            self._turn.set()\n",
        "            pass\n",
        ("unit/runtime/test_runtime_rate_limit.py",),
    ),
    Mutant(
        "the rate limit counts no request",
        "runtime/rate_limit.py",
        "        self._tokens -= 1.0\n",
        "",
        _INCIDENTS,
        incident=5,
    ),
    Mutant(
        "a closing host takes orders",
        "runtime/orchestrator.py",
        """        if self._draining:
            raise Draining("the orchestrator is closing; no new orders are taken")""",
        "",
        ("integration/runtime/test_host_repeats.py",),
        incident=6,
        only="memory",
    ),
    Mutant(
        "a closing host changes orders",
        "runtime/orchestrator.py",
        """        if self._draining:
            raise Draining("the orchestrator is closing; changes are not taken")""",
        "",
        ("integration/runtime/test_host_repeats.py",),
        incident=6,
        only="memory",
    ),
    Mutant(
        "fills are fetched without an overlap",
        "runtime/reconciler.py",
        "_OVERLAP_NS: Final = 60_000_000_000",
        "_OVERLAP_NS: Final = 0",
        _RECONCILER,
    ),
    Mutant(
        "nobody hears of a venue's clock that is far off",
        "runtime/venue_clock.py",
        "        if is_off != self.is_off:",
        "        if False:",
        _INCIDENTS,
        incident=19,
        unseen="simulated venues don't tell their time",
    ),
    Mutant(
        "fills of a gap are not fetched",
        "runtime/reconciler.py",
        "await self._unknown(account_id, fills.items):\n                await self._deliver(fill)\n",
        "():\n                raise AssertionError\n",
        _RECONCILER,
    ),
    Mutant(
        "what became of a fill that the tables hold is not told",
        "runtime/reconciler.py",
        "if said.action is not FillAction.TRADE or said.fill.key not in known]",
        "if said.fill.key not in known]",
        _RECONCILER,
    ),
    Mutant(
        "every fill of the overlap is looked up again",
        "runtime/reconciler.py",
        "for fill in await self._unknown(account_id, fills.items):",
        "for fill in fills.items:",
        _RECONCILER,
        unseen="it costs time and changes nothing",
    ),
    Mutant(
        "fills are asked for on our clock where the venue's is another",
        "runtime/reconciler.py",
        "- _OVERLAP_NS + self._offset_ns())",
        "- _OVERLAP_NS)",
        _RECONCILER,
        unseen="simulated venues don't tell their time",
    ),
    Mutant(
        "a new account is opened with what it shows once",
        "runtime/reconciler.py",
        "[*same, held] if held.shows_the_same_as(same[-1]) else [held]",
        "[*same, held]",
        _RECONCILER,
    ),
    Mutant(
        "a truncated page of fills is taken for all of them",
        "runtime/reconciler.py",
        "            if fills.complete:",
        "            if True:",
        _RECONCILER,
    ),
    Mutant(
        "an account is trusted until now, and not until the snapshot was asked for",
        "runtime/reconciler.py",
        "        self._trusted_until_ns[account_id] = requested_at_ns",
        "        self._trusted_until_ns[account_id] = self._now_ns() + _OVERLAP_NS",
        _RECONCILER,
    ),
    Mutant(
        "a gap during a reconciliation is passed over",
        "runtime/sessions.py",
        "            if not self._gap.is_set():",
        "            if True:",
        _SESSIONS,
    ),
    Mutant(
        "after a gap nothing is reconciled",
        "runtime/sessions.py",
        "                self._gap.set()",
        "                pass",
        _SESSIONS,
    ),
    Mutant(
        "a healthy stream is never compared with the venue's truth",
        "runtime/sessions.py",
        """            try:
                await self._reconcile()
                failures = 0""",
        """            try:
                failures = 0""",
        _SESSIONS,
    ),
    Mutant(
        "the engine is not told that a session was lost",
        "runtime/sessions.py",
        "        self._note(Phase.DOWN, reason)",
        "",
        _SESSIONS,
    ),
    Mutant(
        "a process that lost its shard goes on sending",
        "runtime/send_gate.py",
        "        if self.fenced:",
        "        if False:",
        _GATE,
        unseen="a second guard: the lease of whoever lost its shard has run out",
    ),
    Mutant(
        "a lease that ran out closes nothing",
        "runtime/send_gate.py",
        "if time.monotonic() >= self.lease_until_s and not self.outlasts_lease():",
        "if False:",
        _GATE,
    ),
    Mutant(
        "while the journal can't write orders leave",
        "runtime/send_gate.py",
        """        if not self.can_write():
            return "the journal can't write\"""",
        "",
        _GATE,
    ),
    Mutant(
        "orders leave after their deadline",
        "runtime/send_gate.py",
        "        if now_ns > effect.plan.valid_until_ns:",
        "        if False:",
        _GATE,
    ),
    Mutant(
        "orders leave that were decided on an old price",
        "runtime/send_gate.py",
        "now_ns - effect.book_at_ns > self.max_price_age_ns:",
        "now_ns - effect.book_at_ns < 0:",
        _GATE,
    ),
    Mutant(
        "orders leave that ended while they waited",
        "runtime/send_gate.py",
        """        if not order.is_open:
            # Resolved""",
        """        if False:
            # Resolved""",
        _GATE,
    ),
    Mutant(
        "orders leave whose cancel was wished",
        "runtime/send_gate.py",
        """        if order.cancel is not PendingCancel.NONE:
            return "canceled before it was sent\"""",
        "",
        _GATE,
    ),
    Mutant(
        "orders leave that were decided for a session that is gone",
        "runtime/send_gate.py",
        "        if decided_at_ns < since_ns:",
        "        if False:",
        _GATE,
    ),
    Mutant(
        "orders leave before their account is reconciled",
        "runtime/send_gate.py",
        """        if since_ns is None:
            return "the account is not reconciled\"""",
        """        if since_ns is None:
            return None""",
        _GATE,
    ),
    Mutant(
        "orders leave in a scope that was killed a moment ago",
        "runtime/send_gate.py",
        "        if any(in_scope(order, scope) for scope in self.killed.values()):",
        "        if False:",
        _GATE,
    ),
    Mutant(
        "children leave beyond their parent",
        "runtime/send_gate.py",
        "exceeds = parent.filled_quantity + live > parent.quantity",
        "exceeds = False",
        _GATE,
    ),
    Mutant(
        "the last child of a parent is held back",
        "runtime/send_gate.py",
        "exceeds = parent.filled_quantity + live > parent.quantity",
        "exceeds = parent.filled_quantity + live >= parent.quantity",
        _GATE,
    ),
    Mutant(
        "a kill is latched only when it is journaled",
        "runtime/operator_controls.py",
        "        self._killed[number] = scope\n        reach",
        "        reach",
        _SHARD,
    ),
    Mutant(
        "a recovery that another one overtook accuses the tables",
        "runtime/lives.py",
        "            await self._parts.store.renew(ownership, self._parts.lease_s)\n            raise",
        "            raise",
        _SHARD,
    ),
    Mutant(
        "a host that is closed while its store fails begins another life",
        "runtime/lives.py",
        "                if self._is_closing or not self._ready.is_set():",
        "                if not self._ready.is_set():",
        _SHARD,
    ),
    Mutant(
        "what is decided of a kill opens a scope that another kill closed",
        "runtime/operator_controls.py",
        "        number = next(self._kills)\n",
        "        number = 1\n",
        _SHARD,
    ),
    Mutant(
        "a kill of what is not here is told to have stopped it",
        "runtime/operator_controls.py",
        "        self._check_scope(scope)\n        self._lives",
        "        self._lives",
        _SHARD,
    ),
    Mutant(
        "a life that failed leaves everybody waiting",
        "runtime/shard.py",
        "        self._give_up(unknown)\n        self.failure",
        "        self.failure",
        _SHARD,
    ),
    Mutant(
        "effects go out before readers can see why",
        "runtime/shard.py",
        "        orders = self.view.ledger.orders\n        for record in decision.records:",
        """        for effect in decision.effects:
            self.dispatcher.carry_out(effect)
        decision.effects = ()
        orders = self.view.ledger.orders
        for record in decision.records:""",
        _EFFECTS,
    ),
    Mutant(
        "while the journal can't write everything leaves",
        "runtime/shard.py",
        "(now if takes_risk_away(effect) else later).append(effect)",
        "now.append(effect)",
        _EFFECTS,
    ),
    Mutant(
        "a cancel that left while the journal could not write leaves again",
        "runtime/shard.py",
        "        decision.effects = tuple(later)\n",
        "",
        _EFFECTS,
    ),
)
