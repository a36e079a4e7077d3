"""Running a benchmark in a process of its own: what an earlier one left on the heap is not in its figures."""

import logging
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

import structlog

from benchmarks.figures import Result
from benchmarks.options import Options

__all__ = ["run_apart"]


def run_apart(name: str, options: Options) -> Result:
    """The result of ``benchmarks.<name>``, from a fresh process."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        return process.submit(_run, name, options).result()


def _run(name: str, options: Options) -> Result:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    run: Callable[[Options], Result] = import_module(f"benchmarks.{name}").run
    return run(options)
