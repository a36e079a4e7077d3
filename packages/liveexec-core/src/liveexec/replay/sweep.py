"""Many runs over one data set: a specification with some of its settings varied, each run in a process of a pool.

Every run is the pure function :func:`run_variant` of what it is given, plain values in and plain values out, so that
whatever distributes work can carry it out.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from copy import deepcopy
from itertools import product
from types import FrameType
from typing import Any, Final

from attrs import frozen

from liveexec.errors import ConfigurationError, Fault, InvalidInput, LiveExecError
from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.replay.run import run_replay
from liveexec.replay.spec import check_spec, load_spec
from liveexec.storage.results.summary import RunSummary

__all__ = ["SweepResult", "SweepVariant", "check_variants", "run_variant", "sweep", "variants_of"]

#: Runs of one sweep; more of them are a mistake, or several sweeps.
MOST_VARIANTS: Final = 10_000


@frozen
class SweepVariant:
    """One run of a sweep: what it has of its own, by dotted path, and its whole specification as JSON values."""

    number: int
    settings: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Its own settings, as people write them."""
        return ", ".join(f"{path}={value}" for path, value in self.settings.items()) or "as it is"


@frozen
class SweepResult:
    """What came of a variant: the summary of its run, or why there is none. ``digest`` is that of the run's journal."""

    number: int
    settings: Mapping[str, Any]
    summary: RunSummary | None
    digest: str | None
    differences: tuple[str, ...]
    took_s: float
    error: str | None = None


def variants_of(document: Mapping[str, Any], settings: Mapping[str, Sequence[Any]]) -> tuple[SweepVariant, ...]:
    """Every combination of the settings' values in a specification. A path leads through objects by their keys and
    through lists by their numbers (``venues.0.latency.order_ns``); what it leads to need not be there yet.

    Raises:
        ConfigurationError: a path leads nowhere, or there are too many combinations.
    """
    count = 1
    for values in settings.values():
        count *= len(values)
    if not 1 <= count <= MOST_VARIANTS:
        raise ConfigurationError("sweep", [Fault("", f"has {count} runs, between 1 and {MOST_VARIANTS} are allowed")])
    found, faults = [], []
    for number, chosen in enumerate(product(*settings.values())):
        own = dict(zip(settings, chosen, strict=True))
        whole = deepcopy(dict(document))
        for path, value in own.items():
            if (fault := _set(whole, path, value)) is not None:
                faults.append(Fault(path, fault))
        found.append(SweepVariant(number, own, whole))
    if faults:
        raise ConfigurationError("sweep", dict.fromkeys(faults))
    return tuple(found)


def check_variants(variants: Sequence[SweepVariant], plugins: Plugins | None = None) -> None:
    """Look at every variant before the first one runs.

    Raises:
        ConfigurationError: with every fault, and the variants that have it.
    """
    registered = plugins
    faults: dict[Fault, list[str]] = {}
    for variant in variants:
        try:
            spec = load_spec(variant.document)
            if registered is None:
                registered = load_plugins(spec.plugins.enabled)
            check_spec(spec, registered)
            if spec.results is not None and spec.results.startswith("memory:"):
                fault = Fault("results", "memory: is gone with the process of each run; name a folder or a bucket")
                faults.setdefault(fault, []).append(variant.label)
        except InvalidInput as error:
            for fault in error.faults:
                faults.setdefault(fault, []).append(variant.label)
    if faults:
        raise ConfigurationError(
            "sweep",
            [
                Fault(fault.path, f"{fault.message} ({_some(labels, len(variants))})")
                for fault, labels in faults.items()
            ],
        )


def run_variant(variant: SweepVariant) -> SweepResult:
    """Run one variant and publish its results, if it says where. An error is a result, not an exception: the other
    runs of the sweep go on."""
    try:
        outcome = run_replay(load_spec(variant.document))
    except LiveExecError as error:
        return SweepResult(variant.number, variant.settings, None, None, (), 0.0, str(error))
    return SweepResult(
        variant.number,
        variant.settings,
        outcome.results.summary,
        outcome.recording.digest,
        outcome.differences,
        outcome.took_s,
    )


def sweep(
    variants: Sequence[SweepVariant],
    *,
    workers: int | None = None,
    done: Callable[[SweepResult], None] | None = None,
) -> tuple[SweepResult, ...]:
    """Run every variant, so many at a time (as many as there are processors), and give the results in their order.
    ``done`` is told each as it comes. Whoever interrupts it ends the runs that are under way; what they have published
    is whole.

    Raises:
        ConfigurationError: a variant has a fault; nothing was run.
        LiveExecError: a run's process died.
    """
    check_variants(variants)
    count = workers if workers is not None else min(len(variants), os.process_cpu_count() or 1)
    found: dict[int, SweepResult] = {}
    for result in _results(variants, max(1, count)):
        found[result.number] = result
        if done is not None:
            done(result)
    return tuple(found[variant.number] for variant in variants)


def _results(variants: Sequence[SweepVariant], workers: int) -> Iterator[SweepResult]:
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_begin_worker) as pool:
        futures = [pool.submit(run_variant, variant) for variant in variants]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
            if isinstance(error, Exception) and not isinstance(error, LiveExecError):
                raise LiveExecError(f"a run's process ended before its run: {error}") from error
            raise


def _begin_worker() -> None:
    """Ctrl-C comes to every process of a terminal: the one that was asked to end it tells the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_worker)


def _end_worker(_number: int, _frame: FrameType | None) -> None:
    # The pool takes SystemExit for the result of a run, and would go on with the next one that waits.
    os._exit(143)


def _set(document: Any, path: str, value: Any) -> str | None:
    """Put a value where a path leads; why it leads nowhere."""
    *way, last = path.split(".")
    here: Any = document
    for step in way:
        if isinstance(here, dict):
            here = here.setdefault(step, {})
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return f"leads nowhere: there is no {step}"
    if isinstance(here, dict):
        here[last] = value
    elif isinstance(here, list) and last.isdecimal() and int(last) < len(here):
        here[int(last)] = value
    else:
        return f"leads nowhere: there is no {last}"
    return None


def _some(labels: Sequence[str], all_of: int) -> str:
    if len(labels) == all_of:
        return "every run"
    more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
    return "; ".join(labels[:3]) + more
