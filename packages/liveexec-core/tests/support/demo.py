"""The demo as a user runs it: a process with a home of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

__all__ = ["Home", "home"]


@frozen
class Home:
    """A user's home, empty at first. Commands that run in it find no server but the embedded one."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PGPASSWORD")}
        return {
            **kept,
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "COLUMNS": "200",
        }

    @property
    def run_file(self) -> Path:
        return self.folder / "state" / "liveexec" / "demo" / "run.json"

    def start(self, *arguments: str, output: Path) -> subprocess.Popen[bytes]:
        """Start ``liveexec`` in the background; what it says goes to a file."""
        with output.open("wb") as file:
            return subprocess.Popen(self._command(*arguments), env=self.environment, stdout=file, stderr=file)

    def run(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run ``liveexec`` to its end."""
        return subprocess.run(
            self._command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "liveexec", *arguments]


@contextmanager
def home() -> Iterator[Home]:
    """An empty home that a server's own account can enter too: when root runs the tests, that is another user."""
    with tempfile.TemporaryDirectory(prefix="lx-home-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        yield Home(Path(folder))
