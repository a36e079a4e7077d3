"""Every example notebook runs from top to bottom in a kernel of its own, and is committed without what it printed."""

from pathlib import Path
from typing import Any

import pytest

_WHERE = "the group docs is not installed: `uv run nox -s docs` runs these"
nbformat = pytest.importorskip("nbformat", reason=_WHERE)
nbclient = pytest.importorskip("nbclient", reason=_WHERE)

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert not [cell.id for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    # A cell that raises ends the run with its traceback.
    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [_html_of(output) for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("FILLED" in html and "<table" in html for html in shown), "results render as tables"


def _html_of(output: Any) -> str:
    return str(output.get("data", {}).get("text/html", ""))
