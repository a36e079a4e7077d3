"""The guide to adapters, from its first command to its last: each is run as it stands there, one after the other.

``uv run`` stands for this environment, since the packages that a new environment would need are those of this checkout;
what is installed goes into a folder of its own.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from liveexec.plugins import adapter
from liveexec_testkit.conformance.suite import all_cases

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "write-an-adapter.md"
UV = shutil.which("uv")
KEYS = {"MY_VENUE_KEY": "a-key", "MY_VENUE_SECRET": "a-secret"}

pytestmark = pytest.mark.skipif(UV is None, reason="uv builds the wheel, and is not on the path")


class Shell:
    """Runs the guide's lines; ``folder`` is where its ``cd`` has led."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._site = folder, folder / "site"

    def run(self, line: str) -> str:
        """What a line says; it must end well."""
        words = shlex.split(line)
        match words:
            case ["cd", there]:
                self.folder /= there
                return ""
            case ["liveexec", *_]:
                return self._python("-m", *words, path=self._site)
            case ["uv", "run", tool, *rest]:
                # An environment of the package's own has its sources, and the test kit's plugin with it.
                plugin = ("-p", "liveexec_testkit.pytest_plugin") if tool == "pytest" and not _is_registered() else ()
                return self._python("-m", tool, *plugin, *rest, path=self.folder / "src")
            case ["uv", "build", *rest]:
                return self._uv("build", "--offline", "--out-dir", str(self.folder / "dist"), *rest, str(self.folder))
            case ["uv", "pip", "install", wheel]:
                place = ("--offline", "--no-deps", "--target", str(self._site))
                return self._uv("pip", "install", *place, str(self.folder / wheel))
            case _:
                raise AssertionError(f"nobody runs {line!r}")

    def _python(self, *words: str, path: Path) -> str:
        return self._done([sys.executable, *words], self.folder, PYTHONPATH=str(path))

    def _uv(self, *words: str) -> str:
        assert UV is not None
        return self._done([UV, *words], ROOT)

    @staticmethod
    def _done(command: list[str], folder: Path, **environ: str) -> str:
        inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        ended = subprocess.run(
            command,
            cwd=folder,
            env=inherited | KEYS | environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout


def test_every_command_of_the_guide_does_what_it_says(tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (configuration,) = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    shell = Shell(tmp_path)
    told: dict[str, str] = {}
    for block in blocks:
        for line in block.splitlines():
            if "live.json" in line:
                (shell.folder / "live.json").write_text(configuration, encoding="utf-8")
            told[line] = shell.run(line.removeprefix("$ "))
    (suite,) = json.loads((shell.folder / "conformance.json").read_text(encoding="utf-8"))["suites"]
    assert suite["summary"]["failed"] == 0
    assert suite["summary"]["passed"] > suite["summary"]["skipped"]
    assert (shell.folder / "conformance.md").is_file()
    assert "venues: MY-VENUE" in told["$ liveexec plugins"]
    assert "good (live mode, MY-VENUE)" in told["$ liveexec config check live.json"]


def test_every_case_that_the_guide_names_is_one() -> None:
    known = {told.id for _, told in all_cases()}
    named = set(re.findall(r"LX-\d{3}", GUIDE.read_text(encoding="utf-8")))
    assert named
    assert named <= known


def test_every_method_of_the_contract_has_its_place_in_the_guide() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert not [name for name in adapter.ExternalAdapter.__abstractmethods__ if f"`{name}`" not in headings]
    abilities = ("StreamsMarket", "Replaces", "CancelsAll", "TellsTime", "Settles", "Polls")
    assert not [name for name in abilities if f"`{name}`" not in text]


def _is_registered() -> bool:
    return any(point.value == "liveexec_testkit.pytest_plugin" for point in entry_points(group="pytest11"))
