"""What a demo run leaves on disk while it works, so that a run that was killed can be gone on with."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Final

from attrs import asdict, frozen

from liveexec.cli.state_files import state_dir
from liveexec.errors import LiveExecError

__all__ = ["DemoRun", "demo_dir", "forget_run", "only_demo", "read_run", "write_run"]

_FILE: Final = "run.json"


@frozen
class DemoRun:
    """A run that has begun and not ended: everything that makes its world and its database."""

    run_id: str
    start_ns: int
    speed: Decimal
    seed: int
    market: str | None
    orders: str
    database: str
    socket: str


def demo_dir() -> Path:
    """Where the demo keeps its files."""
    return state_dir() / "demo"


@contextmanager
def only_demo() -> Iterator[None]:
    """Hold the demo's lock: a second one at the same time would work on the same database.

    Raises:
        LiveExecError: another demo runs.
    """
    folder = demo_dir()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # The kernel drops the lock with the process, however that ends.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise LiveExecError("another demo is running; wait for it, or end it with Ctrl-C") from None
    finally:
        os.close(descriptor)


def read_run() -> DemoRun | None:
    """The run that was begun and not ended, if there is one that can be read."""
    try:
        document = json.loads((demo_dir() / _FILE).read_text(encoding="utf-8"))
        return DemoRun(**{**document, "speed": Decimal(document["speed"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        # Written by another version, or half: there is nothing to go on with.
        return None


def write_run(run: DemoRun) -> None:
    """Note that a run has begun, in one step."""
    folder = demo_dir()
    descriptor, draft = tempfile.mkstemp(prefix=_FILE, dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({**asdict(run), "speed": str(run.speed)}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, folder / _FILE)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise


def forget_run() -> None:
    """The run has ended."""
    with suppress(FileNotFoundError):
        (demo_dir() / _FILE).unlink()
