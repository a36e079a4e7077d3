"""Every check of this repository. ``uv run nox`` runs the default sessions; ``uv run nox -l`` lists all of them.

Sessions that look at the source run in the workspace's own environment, which ``uv run`` keeps in step with
pyproject.toml. Sessions that ask what a user gets (build, lowest) have environments of their own.
"""

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "imports", "tests", "simulate", "crash", "kills", "docs", "build"]

ROOT = Path(__file__).parent
PACKAGES = sorted(path.parent for path in (ROOT / "packages").glob("*/pyproject.toml"))
#: Package registries, by host or by setting: a tracked file that names one ties every checkout to somebody's network.
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|^\s*(extra-)?(index-url|find-links)\s*=|\[tool\.uv\.index",
    re.IGNORECASE,
)

#: The group holds what the package for NautilusTrader is typed against.
MYPY = ("uv", "run", "--group", "nautilus", "mypy", "--strict")
#: What a merge leaves in a file that nobody resolved.
CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


#: Modules that need more than their package, by how their names begin: the reader of parquet files, the host of replays
#: and the loopback venues an extra, the migrations alembic's context.
_NOT_ALONE = (
    "liveexec.venues.paper.parquet",
    "liveexec.storage.migrations.env",
    "liveexec_deribit.loopback.",
    "liveexec_nautilus.backtest.",
    "liveexec_nautilus.loopback.",
)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Formatting, lint rules, changelog fragments, and what must not be tracked."""
    session.run("uv", "run", "ruff", "format", "--check", ".")
    session.run("uv", "run", "ruff", "check", ".")
    session.run("uv", "run", "towncrier", "build", "--draft", "--version", "next", silent=True)
    faults = _tracked_faults()
    if faults:
        session.error("\n".join(faults))


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """mypy --strict over sources and tests."""
    session.run(*MYPY, "noxfile.py", "conftest.py", "benchmarks")
    for example in sorted((ROOT / "examples" / "plugins").glob("*/src")):
        session.run(*MYPY, str(example))
    for example in sorted((ROOT / "examples" / "adapters").glob("*/pyproject.toml")):
        session.run(*MYPY, *_rooms(example.parent))
    for script in sorted((ROOT / "examples" / "embedding").glob("*.py")):
        session.run(*MYPY, str(script))
    for package in PACKAGES:
        session.run(*MYPY, *_rooms(package))
    session.run(*MYPY, "tests/measured", env={"MYPYPATH": "tests/measured"})


@nox.session(venv_backend="none")
def imports(session: nox.Session) -> None:
    """Who may import whom."""
    session.run("uv", "run", "--group", "nautilus", "lint-imports", "--no-cache")


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """All tests, those of two files at a time; arguments go to pytest: ``uv run nox -s tests -- -k ladder``."""
    options = session.posargs or ["-n", "2", "--dist", "loadfile"]
    session.run("uv", "run", "--group", "nautilus", "pytest", "-p", "no:cacheprovider", *options)


@nox.session(venv_backend="none", default=False)
def coverage(session: nox.Session) -> None:
    """Lines and branches that tests and their processes go through, by package, against floors that only rise."""
    folder = ROOT / "build" / "coverage"
    shutil.rmtree(folder, ignore_errors=True)
    measured = [package / "tests" / kind for package in PACKAGES for kind in ("contract", "integration", "unit")]
    tests = [str(path.relative_to(ROOT)) for path in measured if path.is_dir()]
    run = ("uv", "run", "--group", "nautilus", "coverage")
    session.run(*run, "run", "-m", "pytest", "-p", "no:cacheprovider", *tests, *session.posargs)
    session.run(*run, "combine", "--quiet")
    session.run(*run, "json", "--quiet", "-o", str(folder / "report.json"))
    session.run("uv", "run", "python", "tests/measured/floors.py", str(folder / "report.json"))


@nox.session(reuse_venv=False)
def build(session: nox.Session) -> None:
    """Build every package, install the wheels where nothing else is, and ask the command for its version."""
    with tempfile.TemporaryDirectory() as folder:
        session.run("uv", "build", "--quiet", "--all-packages", "--out-dir", folder, external=True)
        wheels = sorted(str(path) for path in Path(folder).glob("*.whl"))
        if len(wheels) != len(PACKAGES):
            session.error(f"{len(PACKAGES)} packages made {len(wheels)} wheels")
        session.install(*wheels)
        session.chdir(folder)  # so that nothing is found in the checkout
        session.run("liveexec", "--version")
        session.chdir(ROOT)


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """The documentation, any warning an error, into build/docs; and the example notebooks, run in kernels."""
    with_tools = ("uv", "run", "--group", "docs")
    typed = ("docs/conf.py", "docs/generators", "tests/docs")
    session.run(*with_tools, "mypy", "--strict", *typed, env={"MYPYPATH": "docs"})
    session.run(
        *with_tools, "sphinx-build", "--fail-on-warning", "--keep-going", "--fresh-env", "--quiet", "docs", "build/docs"
    )
    session.run(*with_tools, "pytest", "-p", "no:cacheprovider", "tests/docs/test_notebooks.py")


@nox.session(name="package-alone", reuse_venv=False, default=False)
def package_alone(session: nox.Session) -> None:
    """Each package's modules can be imported where nothing but what it depends on is installed."""
    walk = (
        "import importlib, pkgutil, sys\n"
        "root = importlib.import_module(sys.argv[1])\n"
        "names = [each.name for each in pkgutil.walk_packages(root.__path__, root.__name__ + '.')]\n"
        "passed = tuple(sys.argv[2:])\n"
        "for name in names: name.endswith('__main__') or name.startswith(passed) or importlib.import_module(name)\n"
        "print(len(names), 'modules')"
    )
    with tempfile.TemporaryDirectory() as folder:
        session.run("uv", "build", "--quiet", "--all-packages", "--wheel", "--out-dir", folder, external=True)
        for package in PACKAGES:
            alone = Path(folder) / f"environment-{package.name}"
            session.run("uv", "venv", "--quiet", str(alone), external=True)
            python = alone / ("Scripts" if os.name == "nt" else "bin") / "python"
            name = package.name.replace("-", "_")
            wheel = next(Path(folder).glob(f"{name}-*.whl"))
            found = ["--find-links", folder, "--python", str(python)]
            session.run("uv", "pip", "install", "--quiet", *found, str(wheel), external=True)
            session.run(str(python), "-c", walk, _module_of(package), *_NOT_ALONE, external=True)


@nox.session(reuse_venv=False, default=False)
def downstream(session: nox.Session) -> None:
    """The examples, and a package of ``liveexec adapter new``, from wheels as a stranger installs them; their tests."""
    adapters = sorted(path.parent for path in (ROOT / "examples" / "adapters").glob("*/pyproject.toml"))
    plugins = sorted(path.parent for path in (ROOT / "examples" / "plugins").glob("*/pyproject.toml"))
    ours = [ROOT / "packages" / "liveexec-core", ROOT / "packages" / "liveexec-testkit"]
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder) / "wheels"
        for package in (*ours, *plugins, *adapters):
            session.run("uv", "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(package), external=True)
        tested_plugins = [package for package in plugins if (package / "tests").is_dir()]
        names = [_project(package)["name"] for package in (*ours, *plugins)]
        tested = [f"{_project(package)['name']}[test]" for package in adapters]
        session.install("--find-links", str(wheels), *map(str, names), *tested)
        session.chdir(folder)  # so that nothing is found in the checkout
        session.run("liveexec", "adapter", "new", "downstream")
        session.run("uv", "build", "--quiet", "--wheel", "--out-dir", str(wheels), "liveexec-downstream", external=True)
        session.install("--find-links", str(wheels), "liveexec-downstream")
        session.run("liveexec", "plugins")
        session.run("python", str(ROOT / "examples" / "embedding" / "script.py"))
        for package in (*adapters, Path(folder) / "liveexec-downstream"):
            session.chdir(package)
            report = str(Path(folder) / f"{package.name}.json")
            session.run("pytest", "-p", "no:cacheprovider", "--liveexec-report", report, *session.posargs)
        for package in tested_plugins:
            session.chdir(package)
            session.run("pytest", "-p", "no:cacheprovider", *session.posargs)
        session.chdir(ROOT)


#: Clients of venues that this project did not write, each in an environment of its own.
_CLIENTS = {"ccxt": "ccxt==4.5.64", "nautilus": "nautilus_trader==2.0.0rc7"}


@nox.session(venv_backend="none", default=False)
def clients(session: nox.Session) -> None:
    """Other people's clients against the loopback venues, in build/clients; needs a package registry once."""
    for name, requirement in _CLIENTS.items():
        folder = ROOT / "build" / "clients" / name
        python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        if not folder.exists():
            session.run("uv", "venv", "--quiet", "--python", "3.13", str(folder))
        session.run("uv", "pip", "install", "--quiet", "--python", str(python), requirement)
    tests = sorted(
        str(path.relative_to(ROOT)) for path in ROOT.glob("packages/*/tests/integration/**/test_*_clients.py")
    )
    session.run("uv", "run", "--group", "nautilus", "pytest", "-p", "no:cacheprovider", *tests, *session.posargs)


@nox.session(name="nautilus-kit", venv_backend="none", default=False)
def nautilus_kit(session: nox.Session) -> None:
    """The whole conformance kit through NautilusTrader's node, some minutes a venue: ``-- -k okx``."""
    tests = "packages/liveexec-nautilus/tests/contract"
    with_node = ("uv", "run", "--group", "nautilus")
    session.run(
        *with_node, "pytest", "-p", "no:cacheprovider", tests, *session.posargs, env={"LIVEEXEC_NAUTILUS_KIT": "1"}
    )


@nox.session(venv_backend="none", default=False)
def objects(session: nox.Session) -> None:
    """Object stores against moto's S3 server, in build/clients/moto; needs a package registry once."""
    folder = ROOT / "build" / "clients" / "moto"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not folder.exists():
        session.run("uv", "venv", "--quiet", "--python", "3.13", str(folder))
    # Not with the workspace's pins, some of which moto's own dependencies don't take.
    session.run("uv", "pip", "install", "--quiet", "--no-config", "--python", str(python), "moto[server]==5.2.5")
    tests = "packages/liveexec-core/tests/contract/storage/test_object_stores.py"
    session.run("uv", "run", "pytest", "-p", "no:cacheprovider", tests, *session.posargs)


@nox.session(venv_backend="none", default=False)
def bench(session: nox.Session) -> None:
    """All benchmarks, or those named: ``-- engine``; ``-- peers`` compares with other systems, apart from ours."""
    session.run("uv", "run", "python", "-m", "benchmarks", *session.posargs)


@nox.session(venv_backend="none")
def kills(session: nox.Session) -> None:
    """SIGKILL hosts at every fail point and their database under them: ``-- --kills 500 --postmaster 20 --seed 7``."""
    tests = ROOT / "packages" / "liveexec-core" / "tests"
    asked = session.posargs or ["--kills", "50", "--postmaster", "3", "--seed", "7"]
    session.run("uv", "run", "python", "-m", "kills", *asked, env={"PYTHONPATH": str(tests)})


@nox.session(venv_backend="none", default=False)
def mutants(session: nox.Session) -> None:
    """Plant bugs one at a time and see what notices them: ``-- --only runtime/``, ``-- --with-simulator 1000``."""
    tests = ROOT / "packages" / "liveexec-core" / "tests"
    session.run("uv", "run", "python", "-m", "mutants", *session.posargs, env={"PYTHONPATH": str(tests)})


@nox.session(venv_backend="none")
def simulate(session: nox.Session) -> None:
    """Simulated runs with every invariant checked: ``-- --seeds 10000 --from 0``, or ``-- --seed 42 --trace``."""
    if session.posargs:
        session.run("uv", "run", "liveexec-simulate", *session.posargs)
        return
    session.run("uv", "run", "liveexec-simulate", "--seeds", "1000")
    # The same with a venue's own messages in between.
    through = "liveexec_deribit.simulated.wired:wired"
    session.run("uv", "run", "liveexec-simulate", "--seeds", "100", "--from", "1000", "--through", through)


@nox.session(venv_backend="none")
def crash(session: nox.Session) -> None:
    """Simulated runs with a crash at every step at which something changed: ``-- --seeds 5``."""
    session.run("uv", "run", "liveexec-simulate", "--sweep", *(session.posargs or ["--seeds", "5"]))


@nox.session(default=False)
def lowest(session: nox.Session) -> None:
    """The unit tests with the oldest versions that the packages say they take."""
    with tempfile.TemporaryDirectory() as folder:
        session.chdir(folder)  # outside the workspace, whose pins would hold the versions up
        for package in PACKAGES:
            extras = ",".join(_project(package).get("optional-dependencies", {}))
            session.install("--resolution", "lowest-direct", "-e", f"{package}[{extras}]" if extras else str(package))
        session.install("hypothesis", "psutil", "pytest")
        session.chdir(ROOT)
    session.run("uv", "pip", "list", external=True)
    for package in PACKAGES:
        session.run(
            "python", "-m", "pytest", "-p", "no:cacheprovider", str(package / "tests" / "unit"), *session.posargs
        )


@nox.session(venv_backend="none", default=False)
def pins(session: nox.Session) -> None:
    """Resolve everything anew and write the versions into ``[tool.uv] constraint-dependencies``."""
    project = ROOT / "pyproject.toml"
    before = project.read_text(encoding="utf-8")
    unpinned, count = re.subn(
        r"(constraint-dependencies = \[\n).*?(^\])", r"\1\2", before, flags=re.DOTALL | re.MULTILINE
    )
    if count != 1:
        session.error("pyproject.toml has no list of constraint-dependencies")
    project.write_text(unpinned, encoding="utf-8")
    try:
        session.run("uv", "lock", "--upgrade")
        options = [
            "--all-packages",
            "--all-groups",
            "--all-extras",
            "--no-emit-workspace",
            "--no-hashes",
            "--no-annotate",
        ]
        exported = session.run("uv", "export", "--frozen", "--no-header", *options, silent=True)
    except BaseException:
        project.write_text(before, encoding="utf-8")
        raise
    lines = [line.partition(";")[0].strip() for line in str(exported).splitlines() if "==" in line]
    pinned = "".join(f'  "{line}",\n' for line in sorted(set(lines)))
    project.write_text(
        unpinned.replace("constraint-dependencies = [\n", f"constraint-dependencies = [\n{pinned}"), encoding="utf-8"
    )
    session.run("uv", "sync")


def _rooms(package: Path) -> list[str]:
    """The folders of a package that hold typed code."""
    return [str(path.relative_to(ROOT)) for path in (package / "src", package / "tests") if path.is_dir()]


def _module_of(package: Path) -> str:
    """The module that a package's wheel holds."""
    text = (package / "pyproject.toml").read_text(encoding="utf-8")
    name: str = tomllib.loads(text)["tool"]["uv"]["build-backend"]["module-name"]
    return name


def _project(package: Path) -> dict[str, dict[str, object]]:
    project: dict[str, dict[str, object]] = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return project


def _tracked_faults() -> list[str]:
    """What git tracks and must not; nothing when this is no checkout (an unpacked archive, say)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        return []
    faults = []
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        path = ROOT / name
        if path.name == "uv.lock":
            faults.append(f"{name}: lock files name the registry they came from; pins live in pyproject.toml")
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if CONFLICT.search(text):
            faults.append(f"{name}: holds a merge conflict")
        faults += [
            f"{name}:{number}: names a package registry"
            for number, line in enumerate(text.splitlines(), 1)
            if REGISTRY.search(line)
        ]
    return faults
