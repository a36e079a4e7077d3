"""Interpreters that the tests start import what the tests import, whether this package is installed or only on the
path."""

import os
import sys

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that liveexec runs on."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
