"""The command ``liveexec``: which commands there are, and what ends each of them.

Commands are named by their import paths and loaded when they run, so that ``liveexec --help`` loads none of them.
"""

import logging
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from cyclopts import App, CycloptsError, UnknownCommandError
from rich.console import Console

from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.failures import report, report_line
from liveexec.cli.termination import ended_by_sigterm

__all__ = ["app", "main", "run"]

_DEBUG: Final = "--debug"


class _Console(Console):
    """Leaves a closed pipe to :func:`run`, where rich would exit with a code of its own."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _version() -> str:
    from importlib import metadata  # noqa: PLC0415  (a twentieth of what help takes, and nothing else needs it)

    return f"liveexec {metadata.version('liveexec-core')}"


_EPILOGUE: Final = (
    f"{_DEBUG} anywhere on the line adds the traceback to an error.\n\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 not found, 4 no usable database, "
    "5 verification found differences, 130 interrupted (Ctrl-C), 143 terminated (SIGTERM)."
)

app: Final = App(
    name="liveexec",
    help="Executes orders live on any kind of venue, and never loses track of one.",
    help_epilogue=_EPILOGUE,
    version=_version,
    version_flags=["--version"],
    help_format="plaintext",
    console=_Console(),
    # Ctrl-C has an exit code of its own.
    suppress_keyboard_interrupt=False,
)
app.command("liveexec.cli.demo:demo", name="demo", help="Execute a day's orders on paper venues, and verify it.")
app.command("liveexec.cli.listings:orders", name="orders", help="List orders, newest first.")
app.command("liveexec.cli.order:order", name="order", help="Show one order: timeline, route, children and fills.")
app.command("liveexec.cli.listings:fills", name="fills", help="List fills, newest first.")
app.command("liveexec.cli.listings:positions", name="positions", help="Show positions by product, or broken down.")
app.command("liveexec.cli.listings:log", name="log", help="Show what happened, in order.")
app.command("liveexec.cli.operations:status", name="status", help="Show how the running host stands.")
app.command("liveexec.cli.operations:venues", name="venues", help="Show the running host's venues and accounts.")
app.command("liveexec.cli.operations:risk", name="risk", help="Show what holds orders back, and the exposure.")
app.command("liveexec.cli.operations:kill", name="kill", help="Stop a scope of the running host.")
app.command("liveexec.cli.operations:resume", name="resume", help="Let a scope trade again, or clear a latch.")
app.command("liveexec.cli.operations:accept", name="accept", help="Accept what a venue says that an account holds.")
app.command("liveexec.cli.operations:resolve", name="resolve", help="End an order that nobody can tell about any more.")
app.command("liveexec.cli.operations:attribute", name="attribute", help="Give an adopted order to its strategy.")
app.command("liveexec.cli.adapter:app", name="adapter", help="Begin a package for a venue.")
app.command("liveexec.cli.plugins:plugins", name="plugins", help="List the plugins that are installed.")
app.command("liveexec.cli.config:app", name="config", help="Check and show configurations.")
app.command("liveexec.cli.reconcile:reconcile", name="reconcile", help="Compare every account with its venue.")
app.command("liveexec.cli.audit:app", name="audit", help="Show what operators did, and verify the log of it.")
app.command("liveexec.cli.data:app", name="data", help="Lay out recorded ticks, and say what signals would read.")
app.command("liveexec.cli.results:app", name="results", help="Show, compare and export what runs left behind.")
app.command("liveexec.cli.replay:app", name="replay", help="Replay signals through the engine that trades live.")
app.command("liveexec.cli.db:app", name="db", help="Look after the database.")


def main() -> int:
    """The entry point: run the command line of this process and return its exit code."""
    try:
        with ended_by_sigterm():
            return run(sys.argv[1:])
    except KeyboardInterrupt as error:
        # A second signal while the first one was being answered.
        return report(error, debug=False)


def run(tokens: Sequence[str]) -> ExitCode:
    """Run a command line; every error ends as one line on standard error and an exit code."""
    arguments, debug = _without_debug(tokens)
    if not debug:
        # What a driver leaves behind when it is interrupted half-way is nothing that a user could act on.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        report_line(_usage(error))
        return ExitCode.USAGE
    except BrokenPipeError:
        # Who read our output has seen enough (``| head``), which is no failure; nothing more can be written there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the one place where every error ends
        return report(error, debug=debug)
    return ExitCode(result) if result is not None else ExitCode.OK


def _without_debug(tokens: Sequence[str]) -> tuple[list[str], bool]:
    end = tokens.index("--") if "--" in tokens else len(tokens)
    options = [token for token in tokens[:end] if token != _DEBUG]
    return [*options, *tokens[end:]], len(options) < end


def _usage(error: CycloptsError) -> str:
    chain = " ".join(error.command_chain or ())
    command = f"liveexec {chain}".strip()
    if isinstance(error, UnknownCommandError) and error.unused_tokens:
        # The library's own message would load every command to look for what was meant.
        token = error.unused_tokens[0]
        names = [name for name in error.app or app if not name.startswith("-")]
        near = get_close_matches(token, names, n=1)
        said = f"there is no command {token!r}" + (f", did you mean {near[0]!r}?" if near else "")
    else:
        said = str(error)
    return f"{said.rstrip('.')} (see `{command} --help`)"
