"""What the command line remembers between two runs: which database the last ``demo --keep`` left behind.

A small JSON file, ``current.json`` in ``$XDG_STATE_HOME/liveexec`` (XDG base directory specification), that anybody
may read, edit or delete.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from liveexec.errors import Fault, InvalidInput

__all__ = ["forget_current_database", "read_current_database", "remember_current_database", "state_dir"]

_FILE: Final = "current.json"
_KEY: Final = "database"


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_STATE_HOME/liveexec``; the specification's default where the variable is not an absolute path."""
    configured = environ.get("XDG_STATE_HOME", "")
    base = Path(configured) if os.path.isabs(configured) else Path.home() / ".local" / "state"
    return base / "liveexec"


def read_current_database(environ: Mapping[str, str] = os.environ) -> str | None:
    """The database on the embedded server that was remembered, or ``None``.

    Raises:
        InvalidInput: the file does not say what it should.
    """
    path = state_dir(environ) / _FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InvalidInput(str(path), [Fault("", f"is not JSON ({error}); correct or delete it")]) from None
    name = content.get(_KEY) if isinstance(content, dict) else None
    if not isinstance(name, str) or not name:
        raise InvalidInput(str(path), [Fault(_KEY, "must name a database; correct or delete the file")])
    return name


def remember_current_database(database: str, environ: Mapping[str, str] = os.environ) -> None:
    """Write down which database listings should show from now on; the file is replaced in one step."""
    folder = state_dir(environ)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=_FILE, dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({_KEY: database}, file)
            file.write("\n")
        os.replace(draft, folder / _FILE)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise


def forget_current_database(environ: Mapping[str, str] = os.environ) -> None:
    """Remember no database any more; nothing happens when none was remembered."""
    with suppress(FileNotFoundError):
        (state_dir(environ) / _FILE).unlink()
