"""``liveexec config``: check a configuration, show what holds, and the schema for editors."""

import json
import sys
from pathlib import Path

from cyclopts import App

from liveexec.cli.exit_codes import ExitCode

__all__ = ["app"]

app = App(name="config", help="Check and show configurations.")


@app.command
def check(file: Path, /) -> ExitCode:
    """Say whether a configuration can be used, with every fault; nothing is connected.

    Parameters
    ----------
    file
        The JSON file.
    """
    from liveexec.composition import assembled_from  # noqa: PLC0415  (keeps --help fast)
    from liveexec.errors import ConfigurationError  # noqa: PLC0415

    try:
        config = assembled_from(file).config
    except ConfigurationError as error:
        _complain(f"{file}: {len(error.faults)} fault{'s' if len(error.faults) > 1 else ''}")
        for fault in error.faults:
            _complain(f"  {fault}")
        return ExitCode.USAGE
    _say(f"{file}: good ({config.mode} mode, {', '.join(config.external_adapters) or 'no venues'})")
    return ExitCode.OK


@app.command
def show(file: Path, /) -> ExitCode:
    """Print what holds: variables filled in, defaults added, secrets masked.

    Parameters
    ----------
    file
        The JSON file.
    """
    from liveexec.config.display import shown  # noqa: PLC0415  (keeps --help fast)
    from liveexec.config.loading import load_config  # noqa: PLC0415

    _say(json.dumps(shown(load_config(file)), indent=2, ensure_ascii=False))
    return ExitCode.OK


@app.command
def schema() -> ExitCode:
    """Print the JSON Schema of configurations, with the sections of the venues that are installed."""
    from liveexec.config.schema import json_schema  # noqa: PLC0415  (keeps --help fast)
    from liveexec.plugins.manager import load_plugins  # noqa: PLC0415

    adapters = load_plugins().adapters
    kinds = {name: each.config for name, each in adapters.items() if each.section is None}
    sections = {each.section: each.config for each in adapters.values() if each.section is not None}
    _say(json.dumps(json_schema(kinds, sections), indent=2, ensure_ascii=False))
    return ExitCode.OK


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
