"""From what a replay kept to the files that it leaves behind: the same as those of a live run."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from importlib.metadata import version
from typing import Final

from liveexec.domain.money import MONEY, ZERO
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.views.log import log_view, logged_events
from liveexec.replay.ports import ReplayTruth
from liveexec.replay.recording import FillNote, Mark, ReplayRecording
from liveexec.replay.spec import ReplaySpec
from liveexec.storage.results.archive import RunResults
from liveexec.storage.results.conversions import fill_of, order_of
from liveexec.storage.results.history import PortfolioHistory
from liveexec.storage.results.run_ids import new_run_id
from liveexec.storage.results.summary import RunKind, TickBytes, summarize

__all__ = ["differences", "results_of"]

_DISTRIBUTION: Final = "liveexec-core"


def results_of(
    spec: ReplaySpec,
    recording: ReplayRecording,
    truth: ReplayTruth,
    *,
    currency: str,
    ticks: TickBytes,
    started_ns: int,
    ended_ns: int,
    notes: Sequence[str] = (),
) -> RunResults:
    """The rows and the summary. ``started_ns`` and ``ended_ns`` are when it was run, by the machine's clock.

    Profits are added up at the rates that held when each asset's first was known. An asset without any counts for
    nothing, and a note says so.
    """
    document = spec.document
    rates, unvalued = _rates(recording, spec)
    history = PortfolioHistory(currency, _initial_value(spec, rates), rates)
    for happened in _in_order(recording):
        if isinstance(happened, Mark):
            history.mark(happened.instrument_id, happened.price, happened.at_ns)
        else:
            history.fill(happened.row, happened.terms)
    history.finish(truth.ended_at_ns)
    said = [*notes, *(f"{asset} has no rate in {currency}, so it counts for nothing" for asset in unvalued)]
    said += [f"signal {each.number} became no order: {each.message}" for each in recording.refusals]
    orders = [order_of(order) for order in recording.orders.values()]
    fills = [fill_of(note.row) for note in recording.fills]
    summary = summarize(
        run_id=new_run_id(spec.name, document, started_ns),
        kind=RunKind.REPLAY,
        engine=spec.host,
        version=version(_DISTRIBUTION),
        config_hash=spec.digest,
        started_ns=started_ns,
        ended_ns=ended_ns,
        covers_ns=(recording.began_ns, truth.ended_at_ns),
        currency=currency,
        initial_value=_initial_value(spec, rates),
        orders=orders,
        fills=fills,
        equity_curve=history.equity_curve,
        tick_data=ticks,
        notes=said,
    )
    return RunResults(
        summary=summary,
        config=document,
        orders=orders,
        fills=fills,
        positions=history.positions,
        equity_curve=history.equity_curve,
        log=plain_text(log_view([event for record in recording.records for event in logged_events(record)], {})),
    )


def differences(recording: ReplayRecording, truth: ReplayTruth, tolerance: Decimal = ZERO) -> list[str]:
    """Where the venues hold other than the ledger says: net positions, assets, and which orders are open.

    ``tolerance`` is how far an amount may be off, as a fraction of it: a host may round otherwise than we do.
    """
    ledger = recording.engine.state.ledger
    ours: dict[tuple[str, str], Decimal] = {}
    theirs: dict[tuple[str, str], Decimal] = {}
    for book in ledger.books.values():
        ours |= {(book.account_id, name): each.quantity for name, each in book.positions.items() if each.quantity}
        ours |= {(book.account_id, asset): amount for asset, amount in book.assets.items() if amount}
    theirs |= {(said.account_id, said.instrument_id): said.quantity for said in truth.positions}
    theirs |= {(said.account_id, said.asset): said.total for said in truth.balances if said.total}
    found = []
    with localcontext(MONEY):
        for key in dict.fromkeys([*ours, *theirs]):
            here, there = ours.get(key, ZERO), theirs.get(key, ZERO)
            if abs(here - there) > tolerance * max(abs(here), abs(there)):
                found.append(f"{key[0]} holds {here:f} {key[1]} here, {there:f} at its venue")
    working = {order.client_order_id for order in ledger.orders.values() if order.is_open and order.attempt}
    shown = {said.client_order_id for said in truth.open_orders}
    found += [f"{name} is open here, not at its venue" for name in sorted(filter(None, working - shown))]
    found += [f"{name} is open at its venue, not here" for name in sorted(filter(None, shown - working))]
    return found


def _in_order(recording: ReplayRecording) -> list[FillNote | Mark]:
    """Fills and marks by their times; a fill before the mark of the same moment, which knows of it."""
    happened: list[FillNote | Mark] = [*recording.fills, *recording.marks]
    # The sort is stable, and each kind is in order already, but for fills that came late.
    return sorted(happened, key=_time_of)


def _time_of(happened: FillNote | Mark) -> int:
    return happened.at_ns if isinstance(happened, Mark) else happened.row.fill.venue_time_ns


def _rates(recording: ReplayRecording, spec: ReplaySpec) -> tuple[dict[str, Decimal], list[str]]:
    """What every asset that was held or paid is worth, and which of them nobody knows the worth of."""
    assets = {asset for venue in spec.venues for account in venue.accounts for asset in account.balances}
    assets |= {asset for book in recording.engine.state.ledger.books.values() for asset in book.assets}
    assets |= {note.terms.settlement_asset for note in recording.fills}
    assets |= {note.row.fill.fee_asset for note in recording.fills}
    unvalued = sorted(asset for asset in assets if asset not in recording.rates)
    return {**dict.fromkeys(unvalued, ZERO), **recording.rates}, unvalued


def _initial_value(spec: ReplaySpec, rates: dict[str, Decimal]) -> Decimal:
    with localcontext(MONEY):
        return sum(
            (
                amount * rates[asset]
                for venue in spec.venues
                for account in venue.accounts
                for asset, amount in account.balances.items()
            ),
            ZERO,
        )
