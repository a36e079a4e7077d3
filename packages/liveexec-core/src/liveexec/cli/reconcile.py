"""``liveexec reconcile``: compare every account with its venue, for good or as a dry run, and show what was found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.options import OutputFormat
from liveexec.cli.output import write_once
from liveexec.cli.termination import run_async
from liveexec.composition import reconciled
from liveexec.domain.account_event import DriftSeen
from liveexec.presentation.table_view import Report, TableView
from liveexec.presentation.views.comparisons import Comparison, verification_view
from liveexec.presentation.views.left_open import left_open_view
from liveexec.presentation.views.log import LoggedEvent, log_view
from liveexec.runtime.logs import configure_logging
from liveexec.runtime.reconciling import Reconciliation
from liveexec.tables import precision_of

__all__ = ["reconcile"]

_CAUSE: Final = "reconcile"


def reconcile(
    file: Path,
    /,
    *,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative=(), help="Record and send nothing.")] = False,
    timeout: Annotated[float, Parameter(name="--timeout", help="Seconds until it is given up.")] = 60.0,
    output: Annotated[OutputFormat, Parameter(name=["--output", "-o"], help="How to print.")] = OutputFormat.TABLE,
) -> ExitCode:
    """Compare orders, fills, positions and balances with the venues, and record what was missed.

    Nothing that adds risk is sent. The shard must not be in use. Exit code 5 says that something is left to look at:
    positions that differ, orders whose fate is unknown, or in a dry run anything that would be recorded or sent.

    Parameters
    ----------
    file
        The configuration, a JSON file.
    """
    configure_logging("CRITICAL")
    found = run_async(lambda: reconciled(file, dry_run=dry_run, timeout_s=timeout))
    write_once(Report.of("reconciliation", list(_views(found, dry_run=dry_run))), output)
    is_left = bool(found.drifts or found.in_doubt) or (dry_run and not found.is_clean)
    return ExitCode.DIFFERENCES if is_left else ExitCode.OK


def _compared(drift: DriftSeen) -> Comparison:
    return Comparison("drift", drift.account_id, drift.subject, drift.ours, drift.theirs, drift.instrument_id)


def _views(found: Reconciliation, *, dry_run: bool) -> Iterator[TableView]:
    events = [LoggedEvent(item.stream, item.sequence, item.at_ns, _CAUSE, item.event) for item in found.happened]
    precision = precision_of(found.listings)
    yield log_view(events, precision)
    if found.drifts:
        yield verification_view(map(_compared, found.drifts), precision)
    rows = [
        {
            "what": f"{order.status}",
            "account_id": order.account_id,
            "instrument_id": order.instrument_id,
            "order": order.order_id,
        }
        for order in found.in_doubt
    ]
    rows += [
        {
            "what": f"would {what}",
            "account_id": ref.account_id,
            "instrument_id": ref.instrument_id,
            "order": ref.client_order_id or ref.venue_order_id,
        }
        for what, ref in found.withheld
    ]
    if rows or dry_run:
        yield left_open_view(rows, dry_run=dry_run)
