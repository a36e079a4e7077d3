"""An environment as a stranger makes it: packages from their wheels, and nothing of the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.metadata import entry_points
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

from support.canaries import may_rest

__all__ = ["ROOT", "UV", "Python", "run", "strangers_python"]

ROOT: Final = Path(__file__).parents[4]
UV: Final = shutil.which("uv")

#: Runs an interpreter with arguments and further variables, and gives what it printed.
Python = Callable[..., str]


def run(*command: str | Path, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command, without what the checkout's own environment adds."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(each) for each in command],
        capture_output=True,
        text=True,
        env=inherited | environ,
        cwd=cwd,
        timeout=120,
        check=False,
    )


def strangers_python(folder: Path, *packages: Path) -> Python:
    """The interpreter of an environment that holds the wheels of core and of these packages; dependencies are ours.

    The packages of the workspace that are plugins come from their wheels too, since their entry points are seen beside
    our dependencies.
    """
    wheels = folder / "wheels"
    for package in (ROOT / "packages" / "liveexec-core", *_plugins_here(), *packages):
        built = run(str(UV), "build", "--quiet", "--wheel", "--offline", "--out-dir", wheels, package)
        assert built.returncode == 0, built.stderr
    environment = folder / "environment"
    made = run(sys.executable, "-m", "venv", "--without-pip", environment)
    assert made.returncode == 0, made.stderr
    interpreter = environment / "bin" / "python"
    installed = run(
        str(UV), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", interpreter, *wheels.glob("*.whl")
    )
    assert installed.returncode == 0, installed.stderr
    (site,) = environment.glob("lib/python*/site-packages")
    # The simulator's venues have a credential that is looked for as any other, and this is where it is written.
    for source in site.glob("liveexec_testkit/simulator/adapter.py"):
        may_rest(source)
        may_rest(Path(cache_from_source(source)))
    # A folder on the path has no .pth files run, so the checkout that is installed here editable stays unseen.
    dependencies = sysconfig.get_path("purelib")

    def execute(*arguments: str, cwd: Path | None = None, **environ: str) -> str:
        path = f"{site}{os.pathsep}{dependencies}"
        done = run(interpreter, *arguments, cwd=cwd, **({"PYTHONPATH": path} | environ))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return execute


def _plugins_here() -> list[Path]:
    """The workspace's packages, but for core, whose plugins, of the library or of pytest, are installed here."""
    points = (*entry_points(group="liveexec"), *entry_points(group="pytest11"))
    names = {point.dist.name for point in points if point.dist is not None}
    return [path for path in sorted((ROOT / "packages").iterdir()) if path.name in names - {"liveexec-core"}]
