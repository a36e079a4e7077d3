"""Clients that this project did not write, each in an environment of its own: ``uv run nox -s clients`` makes them."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from liveexec_nautilus.loopback.shared.server import Server

__all__ = ["run_client"]

ROOT: Final = Path(__file__).parents[4]
SCRIPTS: Final = Path(__file__).parents[1] / "clients"
_PATIENCE_S: Final = 120


async def run_client(environment: str, script: str, server: Server, *arguments: str) -> tuple[int, Any, str]:
    """Exit code, what the client printed last as JSON (``None`` without), and its errors; skips without environment."""
    python = ROOT / "build" / "clients" / environment
    python /= "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    if not python.exists():
        pytest.skip(f"{environment} is not here: `uv run nox -s clients` makes build/clients/{environment}")
    command = [str(python), str(SCRIPTS / f"{script}.py"), *arguments, server.http_url]
    with anyio.fail_after(_PATIENCE_S):
        done = await anyio.run_process(command, check=False)
    lines = done.stdout.decode().splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else None, done.stderr.decode()
