"""A sweep on a Ray of this machine: the same results as without it, on the loopback alone, and nothing left behind."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from liveexec.errors import ConfigurationError
from liveexec.replay.sweep import run_variant, variants_of
from liveexec_nautilus.backtest.ray_sweep import ray_sweep
from support.replay_documents import document

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="liveexec-nautilus[ray] is not installed"
)

#: A process of its own: what Ray does to signal handlers, logging and threads stays there.
SCRIPT = """
import json, sys
import psutil
from liveexec.errors import LiveExecError
from liveexec.replay.sweep import variants_of
from liveexec_nautilus.backtest.ray_sweep import ray_sweep

given = json.loads(sys.stdin.read())
listening = set()

def done(result):
    for process in psutil.Process().children(recursive=True) + [psutil.Process()]:
        try:
            connections = process.net_connections()
        except psutil.Error:
            continue
        listening.update(each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN)

try:
    results = ray_sweep(variants_of(given["document"], given["settings"]), workers=2, done=done)
except LiveExecError as error:
    print(json.dumps({"refused": str(error)}))
    sys.exit()
print(json.dumps({
    "digests": [result.digest for result in results],
    "errors": [result.error for result in results],
    "listening": sorted(listening),
    "children": [each.name() for each in psutil.Process().children(recursive=True)],
}))
"""


def script(tmp_path: Path, given: dict[str, Any]) -> dict[str, Any]:
    home = tmp_path / "home"
    home.mkdir()
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(given),
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert said.returncode == 0, said.stderr[-4_000:]
    assert list(home.iterdir()) == []
    told: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return told


@needs_ray
def test_a_sweep_on_ray_gives_what_a_run_gives(tmp_path: Path) -> None:
    settings: dict[str, list[Any]] = {"host": ["nautilus", "paper"], "seed": [1, 2]}
    before = set(Path("/tmp").glob("lx-ray-*"))
    told = script(tmp_path, {"document": document(seconds=30), "settings": settings})
    if "timed out during startup" in told.get("refused", ""):
        # Ray gives its own processes 30 seconds, and takes no other limit.
        pytest.skip("this machine is too busy for Ray to start in the 30 seconds that it gives itself")
    assert "refused" not in told, told["refused"]
    assert told["errors"] == [None] * 4
    assert told["digests"] == [run_variant(variant).digest for variant in variants_of(document(seconds=30), settings)]
    assert len(set(told["digests"])) == 4
    assert set(told["listening"]) <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert told["listening"]
    assert told["children"] == []
    assert set(Path("/tmp").glob("lx-ray-*")) == before
    assert not [each for each in psutil.process_iter(["cmdline"]) if "lx-ray-" in " ".join(each.info["cmdline"] or [])]


def test_a_faulty_variant_is_refused_before_anything_starts() -> None:
    variants = variants_of(document(), {"host": ["nautilus", "nowhere"]})
    with pytest.raises(ConfigurationError, match="nowhere"):
        ray_sweep(variants)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigurationError, match=r"liveexec-nautilus\[ray\]"):
        ray_sweep(variants_of(document(), {"seed": [1]}))
    assert "RAY_USAGE_STATS_ENABLED" not in os.environ
