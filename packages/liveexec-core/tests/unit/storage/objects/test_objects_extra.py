"""Without the extra ``replay`` the library imports, and whoever needs it is told what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

#: Imports everything that deals with stores, ticks and results where neither obstore nor pyarrow can be found, and then
#: runs the command line.
WITHOUT = """
import importlib, pkgutil, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("obstore", "pyarrow", "fsspec", "gcsfs"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import liveexec.storage, liveexec.builtins
for each in pkgutil.walk_packages(liveexec.storage.__path__, "liveexec.storage."):
    if each.name.startswith(tuple(f"liveexec.storage.{room}" for room in ("objects", "ticks", "results"))):
        importlib.import_module(each.name)
from liveexec.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "words",
    [
        ("data", "inspect", ".", "--signals", "signals.json"),
        ("data", "layout", "s3://bucket", "--day", "2025-01-15", "--in-place"),
        ("results", "list", "gs://bucket"),
    ],
)
def test_a_command_that_needs_the_extra_says_what_to_install(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "needs obstore, which is not installed: install liveexec-core[replay]" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_everything_else_works_without_it(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT, "config", "schema"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
