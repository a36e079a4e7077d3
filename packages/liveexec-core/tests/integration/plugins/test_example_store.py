"""The example of a firm's storage layer, from its wheel in an environment of its own: its tests pass there."""

import sys
from pathlib import Path

import pytest

from support.stranger import ROOT, UV, strangers_python

EXAMPLE = ROOT / "examples" / "plugins" / "liveexec-vault"

pytestmark = pytest.mark.skipif(UV is None, reason="uv builds the wheels, and is not on the path")


def test_its_own_tests_pass(tmp_path: Path) -> None:
    python = strangers_python(tmp_path, EXAMPLE)
    told = python("-m", "pytest", "-p", "no:cacheprovider", "-q", str(EXAMPLE / "tests"), cwd=EXAMPLE)
    assert " passed" in told
    assert "skipped" not in told
    where = python("-c", "import liveexec_vault; print(liveexec_vault.__file__)")
    assert str(tmp_path) in where
    assert sys.prefix not in where
