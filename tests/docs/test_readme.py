"""Every piece of Python in the README and the docs runs as it stands there, in an interpreter of its own."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What programs are told to read, under the name that they read it by.
CONFIG = ROOT / "examples" / "embedding" / "paper.json"
READ = (CONFIG, *sorted((ROOT / "examples" / "replay").glob("*.json")))
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_RAW = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(code, id=f"{path.relative_to(ROOT)}-{number}")
    for path in _RAW
    for number, code in enumerate(_BLOCK.findall(path.read_text(encoding="utf-8")), 1)
]


def test_there_is_python_in_the_readme() -> None:
    assert _BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", BLOCKS)
def test_python_in_the_documentation_runs(code: str, tmp_path: Path) -> None:
    for file in READ:
        shutil.copy(file, tmp_path)
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    ended = run(script, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_readmes_configuration_is_that_of_the_example() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown == CONFIG.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["script.py", "synchronous.py"])
def test_an_example_ends_with_a_filled_order(name: str, tmp_path: Path) -> None:
    ended = run(CONFIG.with_name(name), tmp_path)
    assert "FILLED" in ended.stdout, ended.stdout + ended.stderr


def test_the_readme_example_ends_with_a_filled_order(tmp_path: Path) -> None:
    (code,) = _BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    shutil.copy(CONFIG, tmp_path)
    (tmp_path / "readme.py").write_text(code, encoding="utf-8")
    ended = run(tmp_path / "readme.py", tmp_path)
    assert "FILLED" in ended.stdout, ended.stdout + ended.stderr


def test_whoever_asks_for_a_merge_has_run_these_and_the_notebooks() -> None:
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    (sessions,) = re.findall(r"^nox\.options\.sessions = (\[.*\])$", source, re.MULTILINE)
    assert {"tests", "docs"} <= set(ast.literal_eval(sessions))
    # Without their group's tools the notebooks are skipped; a run of nothing else is then no success to pytest.
    (docs,) = re.findall(r"^def docs\(.*?(?=^@nox|\Z)", source, re.MULTILINE | re.DOTALL)
    assert '"--group", "docs"' in docs
    assert '"tests/docs/test_notebooks.py"' in docs
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("\nuv run nox")


def run(script: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
