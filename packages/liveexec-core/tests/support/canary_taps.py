"""Listening in where tests take outputs away: their capture fixtures, the processes that they start, what they catch.

Without this a secret in what a test reads, and then finds nothing wrong with, would be seen by nobody.
"""

import asyncio.subprocess
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest

from support.canary_outputs import Outputs

__all__ = ["tapped"]


class _HeardStream:
    """A process's output that a test reads by itself: every method of the stream's, what it returns noted."""

    def __init__(self, stream: Any, note: Callable[[str | bytes], None]) -> None:
        self._stream, self._note = stream, note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stream, name)
        return self._heard(found) if name in ("read", "read1", "readline", "readlines") else found

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        line = next(self._stream)
        self._note(line)
        return line

    def __enter__(self) -> "_HeardStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _heard(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def heard(*arguments: Any) -> Any:
            result = read(*arguments)
            for part in result if isinstance(result, list) else [result]:
                self._note(part)
            return result

        return heard


@contextmanager
def tapped(outputs: Outputs) -> Iterator[None]:
    """Note, within this block, what capture fixtures return, what processes write, and what is caught as expected."""
    with (
        _capture_fixtures(outputs),
        _processes(outputs),
        _asynchronous_processes(outputs),
        _expected_errors(outputs),
        _removed_folders(outputs),
    ):
        yield


@contextmanager
def _capture_fixtures(outputs: Outputs) -> Iterator[None]:
    read = pytest.CaptureFixture.readouterr

    def readouterr(fixture: pytest.CaptureFixture[Any]) -> Any:
        taken = read(fixture)
        outputs.note("captured stdout", taken.out)
        outputs.note("captured stderr", taken.err)
        return taken

    with patch.object(pytest.CaptureFixture, "readouterr", readouterr):
        yield


@contextmanager
def _processes(outputs: Outputs) -> Iterator[None]:
    start, communicate = subprocess.Popen.__init__, subprocess.Popen.communicate

    def started(process: Any, *arguments: Any, **options: Any) -> None:
        start(process, *arguments, **options)
        for name in ("stdout", "stderr"):
            if (stream := getattr(process, name)) is not None:
                setattr(process, name, _HeardStream(stream, outputs.stream(f"a process's {name}")))

    def communicated(process: Any, *arguments: Any, **options: Any) -> Any:
        try:
            taken = communicate(process, *arguments, **options)
        except subprocess.TimeoutExpired as expired:
            _note_both(expired.output, expired.stderr)
            raise
        _note_both(*taken)
        return taken

    def _note_both(out: str | bytes | None, err: str | bytes | None) -> None:
        outputs.note("a process's stdout", out)
        outputs.note("a process's stderr", err)

    with (
        patch.object(subprocess.Popen, "__init__", started),
        patch.object(subprocess.Popen, "communicate", communicated),
    ):
        yield


@contextmanager
def _asynchronous_processes(outputs: Outputs) -> Iterator[None]:
    protocol = asyncio.subprocess.SubprocessStreamProtocol
    receive = protocol.pipe_data_received

    def received(self: asyncio.subprocess.SubprocessStreamProtocol, fd: int, data: bytes | str) -> None:
        notes: dict[int, Callable[[str | bytes], None]] = vars(self).setdefault("canary_notes", {})
        if fd not in notes:
            notes[fd] = outputs.stream("a process's stdout" if fd == 1 else "a process's stderr")
        notes[fd](data)
        receive(self, fd, cast(bytes, data))

    with patch.object(protocol, "pipe_data_received", received):
        yield


@contextmanager
def _expected_errors(outputs: Outputs) -> Iterator[None]:
    leave = pytest.RaisesExc.__exit__

    def left(context: Any, kind: Any, error: BaseException | None, traceback: Any) -> bool:
        each = error
        while each is not None:
            outputs.note("the text of an expected error", f"{each}\n{each!r}")
            # What a traceback would show: an error that was raised "from None" hides what it came from.
            each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        return leave(context, kind, error, traceback)

    with patch.object(pytest.RaisesExc, "__exit__", left):
        yield


@contextmanager
def _removed_folders(outputs: Outputs) -> Iterator[None]:
    """An audit hook can't be taken away again: it is told when it is over."""
    is_over = False

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "shutil.rmtree" and not is_over and (folder := Path(os.fsdecode(arguments[0]))).is_dir():
            outputs.look_through(folder)

    sys.addaudithook(heard)
    try:
        yield
    finally:
        is_over = True
