"""The command: what it prints, and how it exits."""

import re
from unittest.mock import patch

import pytest

from liveexec.engine import fills
from liveexec_testkit.simulator import cli


def called(*tokens: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        cli.app(list(tokens))
    return int(exit_info.value.code or 0)


def test_one_seed_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seed", "1", "--orders", "4", "--trace") == 0
    said = capsys.readouterr().out
    assert "process 1  sends submit" in said
    assert "every invariant held" in said


def test_a_swarm_prints_what_struck(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seeds", "2", "--from", "5", "--orders", "4", "--jobs", "1") == 0
    said = capsys.readouterr().out
    assert "violations" in said
    assert "answer-lost" in said
    assert re.search(r"speed +[\d,]*\d\.\d runs/s and core, by processor time", said)


def test_what_was_let_pass_is_told_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seeds", "2", "--orders", "4", "--jobs", "1", "--excuses") == 0
    said = capsys.readouterr().out
    assert re.search(r"departures: its session is gone: \d+ of \d+ \(\d+\.\d\d%, at most 0\.5%\)", said)


def test_a_failing_seed_is_told_with_the_command_that_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    with patch.object(fills, "_bust", lambda *_, **__: False):
        assert called("--seeds", "2", "--from", "8", "--jobs", "1", "--orders", "6") == 1
    said = capsys.readouterr().out
    assert "invariant 16" in said
    assert "--orders 6 --trace" in said
    assert "shrunk in" in said


def test_a_sweep_of_one_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--sweep", "--seed", "3", "--orders", "2") == 0
    assert "crash points" in capsys.readouterr().out


def test_one_crash_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seed", "3", "--orders", "2", "--crash-after", "60", "--trace") == 0
    assert "process 1 is killed" in capsys.readouterr().out
