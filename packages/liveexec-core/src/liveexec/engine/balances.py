"""What venues say that accounts have, by asset: the newest word, whether it was told or asked for.

Rules read it, and nothing is booked by it. What accounts have is compared by snapshots alone (:mod:`.drift`), which
know what was traded before them: a balance that is told overtakes the fills that it counts, or comes behind them.
"""

from collections.abc import Sequence

from liveexec.domain.outcome import BalanceReport
from liveexec.engine.turn import Turn

__all__ = ["shown", "told"]


def told(turn: Turn, said: BalanceReport) -> None:
    """A stream tells a balance. One that is older by the venue's clock than what is known changes nothing."""
    key = (said.account_id, said.asset)
    known = turn.core.state.balances.get(key)
    if known is None or said.venue_time_ns >= known.venue_time_ns:
        turn.core.state.balances[key] = said
        turn.core.balances_told[key] = turn.at_ns


def shown(turn: Turn, balances: Sequence[BalanceReport], true_at_ns: int) -> None:
    """A snapshot shows balances, as of ``true_at_ns`` on our clock.

    Only one that was told after that moment may be newer, and then the venue's clock says which is. Whatever else is
    known gives way, so that a venue whose clock was set back is not disbelieved until it has caught up.
    """
    for said in balances:
        key = (said.account_id, said.asset)
        known, told_at_ns = turn.core.state.balances.get(key), turn.core.balances_told.get(key)
        is_newer = told_at_ns is not None and told_at_ns >= true_at_ns
        if known is not None and is_newer and known.venue_time_ns > said.venue_time_ns:
            continue
        turn.core.state.balances[key] = said
        turn.core.balances_told.pop(key, None)
