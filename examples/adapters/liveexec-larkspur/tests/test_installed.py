"""Where this package is installed as a user installs it, liveexec finds it, and the README's configuration is good."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(autouse=True)
def _must_be_installed() -> None:
    if not any(point.value == "liveexec_larkspur.plugin" for point in metadata.entry_points(group="liveexec")):
        pytest.skip("the package is on the path and not installed, so that there is no entry point")


def run(*words: str, **environ: str) -> str:
    command = [sys.executable, "-m", "liveexec", *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_with_what_it_registers() -> None:
    assert re.search(r"liveexec-larkspur +1\.0\.0 +1\.0 +loaded +venues: LARKSPUR", run("plugins"))


def test_the_configuration_of_the_readme_is_good(tmp_path: Path) -> None:
    (document,) = re.findall(r"^```json\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    path = tmp_path / "config.json"
    path.write_text(document, encoding="utf-8")
    said = run("config", "check", str(path), LARKSPUR_KEY="a-key", LARKSPUR_SECRET="a-secret")
    assert "good (live mode, LARKSPUR)" in said
