"""Logs: JSON lines on standard error for hosts without a setup of their own, and defects without anybody's secrets."""

import json
from collections.abc import Iterator

import pytest
import structlog

from liveexec.runtime.logs import LEVELS, configure_logging, traceback_of


@pytest.fixture(autouse=True)
def own_setup() -> Iterator[None]:
    """Whatever a test configures ends with it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_an_event_is_one_line_of_json_with_its_level_and_utc_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.get_logger("test").warning("session_lost", venue="ALPHA", retry_in_s=0.5)
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert {name: said[name] for name in ("event", "level", "venue", "retry_in_s")} == {
        "event": "session_lost", "level": "warning", "venue": "ALPHA", "retry_in_s": 0.5,
    }  # fmt: skip
    assert said["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ERROR")
    structlog.get_logger("test").warning("left out")
    assert capsys.readouterr().err == ""


def test_a_level_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'LOUD'"):
        configure_logging("LOUD")
    assert list(LEVELS) == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def test_a_traceback_tells_where_and_what_but_no_variable() -> None:
    def connect(api_key: str) -> None:
        token = f"Bearer {api_key}"
        raise KeyError("orderId", len(token))

    try:
        connect("s3cret")
    except KeyError as error:
        told = traceback_of(error)
    assert "KeyError: ('orderId', 13)" in told
    assert "in connect" in told
    assert "s3cret" not in told.replace('connect("s3cret")', "")


def test_a_group_of_errors_shows_each_of_them() -> None:
    group = ExceptionGroup("streams", [KeyError("execId"), ValueError("not JSON")])
    told = traceback_of(group)
    assert "KeyError: 'execId'" in told
    assert "ValueError: not JSON" in told
