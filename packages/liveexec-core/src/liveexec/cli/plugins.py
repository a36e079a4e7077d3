"""``liveexec plugins``: what is installed, what it registers, and why something was refused."""

from typing import Annotated

from cyclopts import Parameter

from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.options import OutputFormat
from liveexec.cli.output import write_once
from liveexec.plugins.manager import survey_plugins
from liveexec.presentation.views.plugins import PluginRow, plugins_view

__all__ = ["plugins"]


def plugins(
    *,
    enabled: Annotated[
        tuple[str, ...] | None,
        Parameter(name="--enabled", negative=(), metavar="NAME", help="As if the configuration listed these alone."),
    ] = None,
    output: Annotated[OutputFormat, Parameter(name=["--output", "-o"], help="How to print.")] = OutputFormat.TABLE,
) -> ExitCode:
    """List the plugins that are installed: distribution, version, API, what each registers, or why it was refused.

    Exit code 1 says that one of them could not be used.
    """
    found = survey_plugins(enabled)
    rows = [
        PluginRow(
            distribution=each.distribution,
            version=each.version,
            api=f"{each.api[0]}.{each.api[1]}" if each.api is not None else None,
            registers="; ".join(f"{kind}: {', '.join(names)}" for kind, names in each.registered.items()),
            refused=each.refused,
        )
        for each in found
    ]
    write_once(plugins_view(rows), output)
    left_out = enabled is not None
    return ExitCode.FAILURE if any(each.refused and not left_out for each in found) else ExitCode.OK
