"""Sweeps on Ray: the same pure function as in the pool of processes, carried out by Ray's workers.

Needs the extra ``ray``. Without an address a Ray of this machine is started for the sweep: its servers listen on
127.0.0.1 only, it tells nobody that it is used, its files lie in a folder of its own, and when the sweep is over
nothing of it is left. With an address, or where this process is connected to a cluster already, that cluster does the
work and stays; the specifications must then name data, signals and results that every machine of it can reach.
"""

import importlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from liveexec.errors import ConfigurationError, Fault, LiveExecError
from liveexec.replay.sweep import SweepResult, SweepVariant, check_variants, run_variant

__all__ = ["ray_sweep"]

LOOPBACK: Final = "127.0.0.1"
#: Shared memory for results, which are small; Ray takes no less.
OBJECT_STORE_BYTES: Final = 80 * 1024 * 1024


def ray_sweep(
    variants: Sequence[SweepVariant],
    *,
    workers: int | None = None,
    address: str | None = None,
    done: Callable[[SweepResult], None] | None = None,
) -> tuple[SweepResult, ...]:
    """Run every variant, one processor each, and give the results in the variants' order. ``workers`` is how many
    processors a Ray of this machine is started with (all of them); ``address`` is that of a cluster, as ``ray.init``
    takes it. ``done`` is told each result as it comes. Whoever interrupts it ends the runs that are under way.

    Raises:
        ConfigurationError: Ray is not installed, or a variant has a fault; nothing was run.
        LiveExecError: a run's process died, or Ray can't be used.
    """
    check_variants(variants)
    ray = _ray()
    with _cluster(ray, workers, address):
        # A run that died is not repeated: why it did has to be found.
        remote = ray.remote(max_retries=0)(run_variant)
        pending = [remote.remote(variant) for variant in variants]
        found: dict[int, SweepResult] = {}
        try:
            while pending:
                ready, pending = ray.wait(pending, num_returns=1)
                result: SweepResult = ray.get(ready[0])
                found[result.number] = result
                if done is not None:
                    done(result)
        except ray.exceptions.RayError as error:
            raise LiveExecError(f"a run's process ended before its run: {error}") from error
        finally:
            for unfinished in pending:
                ray.cancel(unfinished, force=True)
    return tuple(found[variant.number] for variant in variants)


def _ray() -> Any:
    with _environment(_SETTINGS):
        try:
            return importlib.import_module("ray")
        except ModuleNotFoundError as error:
            message = "needs ray: install liveexec-nautilus[ray]"
            raise ConfigurationError("sweep on Ray", [Fault("", message)]) from error


#: No usage reports. The second is what Ray's own check for Windows and macOS reads: without clusters, a node is at
#: 127.0.0.1 and its servers listen there alone. The third keeps workers in this environment where ``uv run`` started
#: the process: they would make one of their own. All are read when the library is imported.
_SETTINGS: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


@contextmanager
def _cluster(ray: Any, workers: int | None, address: str | None) -> Iterator[None]:
    """The Ray that does the work: the one that this process has, the one at an address, or one for the while."""
    if ray.is_initialized():
        yield
        return
    if address is not None:
        ray.init(address=address, log_to_driver=False)
        try:
            yield
        finally:
            ray.shutdown()
        return
    # The names of its sockets are long, and a socket's path must not be.
    folder = tempfile.mkdtemp(prefix="lx-ray-")
    # Without a token of ours it would write one into the home folder, and leave it there.
    with _environment({**_SETTINGS, "RAY_AUTH_TOKEN": secrets.token_hex(32)}):
        try:
            _start(ray, workers, folder)
            yield
        finally:
            ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def _start(ray: Any, workers: int | None, folder: str) -> None:
    """Start a Ray of this machine.

    Raises:
        LiveExecError: it does not start, or its servers can be reached from other machines.
    """
    try:
        ray.init(
            num_cpus=workers,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=folder,
        )
    except Exception as error:
        raise LiveExecError(f"Ray does not start: {error}") from error
    # Imported earlier by somebody else, it was not told in time where to stay.
    at = ray.util.get_node_ip_address()
    if at != LOOPBACK:
        raise LiveExecError(
            f"Ray was imported earlier by somebody else, and listens at {at}; connect it yourself first"
        )


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
