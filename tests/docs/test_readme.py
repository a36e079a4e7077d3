"""Every piece of Python in the README and the docs runs as it stands there, in an interpreter of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_readme_example_ends_with_a_filled_order(tmp_path: Path) -> None:
    (code,) = _BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "FILLED" in ended.stdout, ended.stdout + ended.stderr
