"""Operations on a running host, over its local socket: they work with the database down, and need no server."""

import getpass
import sys
from typing import Annotated, Any

from cyclopts import Parameter

from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.options import OutputFormat
from liveexec.cli.output import write_once
from liveexec.control.client import asked_of
from liveexec.domain.order_event import Resolution
from liveexec.engine.inputs import ControlKind
from liveexec.presentation.views.operations import risk_report, status_view, venues_view

__all__ = ["accept", "attribute", "kill", "resolve", "resume", "risk", "status", "venues"]

OutputOption = Annotated[OutputFormat, Parameter(name=["--output", "-o"], help="How to print.")]
ShardOption = Annotated[
    str | None, Parameter(name="--shard", metavar="NAME", help="Of which host, where several run on this machine.")
]
ReasonOption = Annotated[str, Parameter(name="--reason", metavar="TEXT", help="Recorded with what is done.")]


def status(*, shard: ShardOption = None, output: OutputOption = OutputFormat.TABLE) -> ExitCode:
    """Show how the running host stands. Exit code 1 says that it is in trouble."""
    found = asked_of(shard, {"do": "status"})
    write_once(status_view(found), output)
    return ExitCode.FAILURE if found["error"] else ExitCode.OK


def venues(*, shard: ShardOption = None, output: OutputOption = OutputFormat.TABLE) -> None:
    """Show the running host's venues and accounts."""
    write_once(venues_view(asked_of(shard, {"do": "venues"})), output)


def risk(*, shard: ShardOption = None, output: OutputOption = OutputFormat.TABLE) -> None:
    """Show what holds orders back on the running host, and its exposure by product."""
    write_once(risk_report(asked_of(shard, {"do": "risk"})), output)


def kill(
    scope: Annotated[str, Parameter(help="GLOBAL, VENUE:NAME, ACCOUNT:ID, STRATEGY:ID or INSTRUMENT:ID.")] = "GLOBAL",
    /,
    *,
    reason: ReasonOption,
    how: Annotated[
        ControlKind,
        Parameter(name="--how", help="BLOCK new orders; CANCEL_ALL that are open as well; or FLATTEN positions too."),
    ] = ControlKind.CANCEL_ALL,
    shard: ShardOption = None,
) -> None:
    """Stop a scope of the running host. Nothing new leaves in it from the moment that this is heard."""
    done = _told(shard, "kill", reason, scope=scope, kind=str(how))
    recorded = "" if done["recorded"] else "; it will be recorded once the database can be written"
    sys.stdout.write(f"{done['scope']} is stopped ({how}){recorded}\n")


def resume(
    scope: Annotated[str, Parameter(help="What was stopped, as kill was told.")] = "GLOBAL",
    /,
    *,
    reason: ReasonOption,
    latch: Annotated[
        str | None, Parameter(name="--latch", metavar="CODE", help="Clear this latch instead (risk shows them).")
    ] = None,
    shard: ShardOption = None,
) -> None:
    """Let a scope of the running host trade again, or clear a latch that a control set."""
    done = _told(shard, "resume", reason, scope=scope, latch=latch)
    sys.stdout.write(f"{done['scope']}: {f'latch {latch} is cleared' if latch else 'trading is on again'}\n")


def accept(
    account: Annotated[str, Parameter(help="Whose drift, as risk shows it.")],
    subject: Annotated[str, Parameter(help="What of it: position:INSTRUMENT or balance:ASSET.")],
    /,
    *,
    reason: ReasonOption,
    shard: ShardOption = None,
) -> None:
    """Accept what a venue says that an account holds; an instrument that only the drift stopped trades on."""
    _told(shard, "accept", reason, account=account, subject=subject)
    sys.stdout.write(f"{account}: the venue's {subject} is accepted\n")


def resolve(
    order: Annotated[str, Parameter(help="The order's id.")],
    /,
    *,
    ended: Annotated[Resolution, Parameter(name="--as", help="How it ended: CANCELED, REJECTED or EXPIRED.")],
    reason: ReasonOption,
    shard: ShardOption = None,
) -> None:
    """End an open order of which no evidence comes any more. Its venue is asked to cancel it all the same."""
    _told(shard, "resolve", reason, order=order, **{"as": str(ended)})
    sys.stdout.write(f"{order} is {ended}\n")


def attribute(
    order: Annotated[str, Parameter(help="The adopted order's id.")],
    strategy: Annotated[str, Parameter(help="Whose it is.")],
    /,
    *,
    reason: ReasonOption,
    shard: ShardOption = None,
) -> None:
    """Give an adopted order, with what it filled and will fill, to the strategy that it belongs to."""
    _told(shard, "attribute", reason, order=order, strategy=strategy)
    sys.stdout.write(f"{order} is {strategy}'s\n")


def _told(shard: str | None, do: str, reason: str, **words: str | None) -> dict[str, Any]:
    """Have the host do something, in the name of whoever runs this; what it answers."""
    answer: dict[str, Any] = asked_of(shard, {"do": do, **words, "reason": reason, "principal": _operator()})
    return answer


def _operator() -> str:
    try:
        return getpass.getuser()
    except OSError:
        # A process of a user without a name, as containers have them.
        return "local operator"
