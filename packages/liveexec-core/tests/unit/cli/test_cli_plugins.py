"""``liveexec plugins`` lists what is installed and what was refused, with the reason, and its exit code says so."""

import json
import re
from pathlib import Path

import pytest

from liveexec.cli.app import run
from liveexec.cli.exit_codes import ExitCode

BROKEN = "raise RuntimeError('its library is missing')\n"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin is installed that can't be imported."""
    (tmp_path / "broken_plugin.py").write_text(BROKEN, encoding="utf-8")
    info = tmp_path / "acme_broken-2.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 2.7\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[liveexec]\nmain = broken_plugin\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, str | None]]:
    """What the command printed, by distribution."""
    capsys.readouterr()
    run(["plugins", "-o", "json", *words])
    rows = json.loads(capsys.readouterr().out)
    return {row["distribution"]: row for row in rows}


def test_what_is_built_in_is_a_plugin_with_what_it_registers(capsys: pytest.CaptureFixture[str]) -> None:
    own = listed(capsys)["liveexec-core"]
    assert (own["api"], own["state"]) == ("1.1", "loaded")
    assert "venues: PAPER" in str(own["registers"])
    assert run(["plugins"]) is ExitCode.OK
    shown = capsys.readouterr().out
    assert "loaded" in shown
    # Packages of venues may be installed beside the library.
    assert re.search(r"\b\d+ plugins?\b", shown)


@pytest.mark.usefixtures("broken")
def test_one_that_is_refused_is_listed_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    refused = listed(capsys)["acme-broken"]
    assert (refused["version"], refused["api"]) == ("2.7", None)
    assert "its library is missing" in str(refused["state"])
    assert run(["plugins"]) is ExitCode.FAILURE


@pytest.mark.usefixtures("broken")
def test_one_that_the_configuration_would_leave_out_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = listed(capsys, "--enabled", "nothing-else")
    assert left_out["acme-broken"]["state"] == "not listed under plugins.enabled"
    assert left_out["nothing-else"]["state"] == "listed under plugins.enabled, not installed"
    assert run(["plugins", "--enabled", "nothing-else"]) is ExitCode.OK
