"""What an operator asks a running host: how it stands, its venues, and what holds orders back. From memory alone."""

from collections import Counter
from typing import Any

from liveexec.domain import money
from liveexec.domain.account_event import DriftSeen, ScopeKind
from liveexec.domain.order_state import OrderStatus
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator

__all__ = ["risk_of", "status_of", "venues_of"]


def status_of(live: LiveExecutionOrchestrator) -> dict[str, Any]:
    """How the host stands: one flat record; why nothing is executed, and no more, while that is so."""
    if live.error is not None:
        return {"error": f"{type(live.error).__name__}: {live.error}"}
    shard = live.shard
    state = shard.engine.state
    statuses = Counter(order.status for order in live.orders.values())
    phases = Counter(str(session.state) for session in shard.sessions)
    return {
        "trading": str(state.trading_state()[0]),
        "mode": "live" if state.config.risk.live else "paper",
        "journal": str(shard.journal.state),
        "position": shard.view.position,
        "behind": shard.view.position - shard.view.projected,
        "in_flight": shard.dispatcher.in_flight,
        "orders": len(live.orders),
        "open": sum(1 for order in live.orders.values() if order.is_open),
        "unknown": statuses[OrderStatus.UNKNOWN],
        "latches": len(state.ledger.latches),
        "drifts": len(state.ledger.drifts),
        "venues": ", ".join(f"{count} {phase}" for phase, count in sorted(phases.items())),
        "error": None,
    }


def venues_of(live: LiveExecutionOrchestrator) -> list[dict[str, Any]]:
    """The venues, each with its accounts' session and what is open there."""
    shard = live.shard
    rows = []
    for session in shard.sessions:
        for account_id in session.accounts:
            open_orders = [order for order in live.orders.values() if order.is_open and order.account_id == account_id]
            rows.append(
                {
                    "venue": session.venue,
                    "account_id": account_id,
                    "session": str(session.state),
                    "phase": str(shard.engine.state.phases.get(account_id, "")),
                    "listings": sum(1 for each in shard.engine.state.listings.values() if each.venue == session.venue),
                    "open": len(open_orders),
                    "unknown": sum(1 for order in open_orders if order.status is OrderStatus.UNKNOWN),
                    "error": session.last_error,
                }
            )
    return rows


def risk_of(live: LiveExecutionOrchestrator) -> dict[str, Any]:
    """What holds orders back now (states, latches, drifts), and what works at worst by product."""
    state = live.shard.engine.state
    ledger = state.ledger
    held: list[dict[str, str | None]] = [
        {"scope": str(scope), "what": str(each.state), "by": each.principal, "reason": each.reason}
        for scope, each in ledger.states.items()
        if each.state.severity or scope.kind is ScopeKind.GLOBAL
    ]
    held += [
        {"scope": str(scope), "what": f"latch {code}", "by": None, "reason": latch.reason}
        for (scope, code), latch in ledger.latches.items()
    ]
    held += [
        {"scope": f"ACCOUNT:{account_id}", "what": f"drift {subject}", "by": None, "reason": _drift(drift)}
        for (account_id, subject), drift in ledger.drifts.items()
    ]
    nets = {each.product_id: each.quantity for each in live.shard.engine.positions.by_product()}
    working = state.exposure.products
    exposure = [
        {
            "product_id": product_id,
            "net": money.plain(nets.get(product_id, money.ZERO)),
            "working_buys": money.plain(state.exposure.of_product(product_id).buys),
            "working_sells": money.plain(state.exposure.of_product(product_id).sells),
            "orders": state.exposure.of_product(product_id).orders,
        }
        for product_id in sorted({*nets, *working})
    ]
    return {"held": held, "exposure": exposure}


def _drift(drift: DriftSeen) -> str:
    return f"ours {money.plain(drift.ours)}, theirs {money.plain(drift.theirs)}"
