"""``liveexec adapter``: begin a package for a venue."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from liveexec.cli.exit_codes import ExitCode

__all__ = ["app"]

app = App(name="adapter", help="Begin a package for a venue.")


@app.command
def new(
    name: str,
    /,
    *,
    into: Annotated[Path, Parameter(name="--into", help="The folder that the package's folder is made in.")] = Path(),
) -> ExitCode:
    """Write a package that trades at a small loopback venue and passes the conformance kit, to be made a venue's.

    Parameters
    ----------
    name
        What the venue is called, in lower case, words joined by hyphens: my-venue becomes the distribution
        liveexec-my-venue, the module liveexec_my_venue and the venue MY-VENUE.
    """
    from liveexec.cli.adapter_package import write_package  # noqa: PLC0415  (keeps --help fast)

    folder = write_package(name, into)
    sys.stdout.write(f"{folder}: a package that passes the conformance kit (its README says how to go on)\n")
    return ExitCode.OK
