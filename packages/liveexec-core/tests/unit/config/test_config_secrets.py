"""Secrets are handed on and never shown: no text, no JSON, no pickle, and masked wherever they turn up."""

import copy
import json
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import structlog

from liveexec.config.interpolation import resolved
from liveexec.domain.secret import HIDDEN, Secret, masked
from liveexec.runtime.logs import SecretFilter, configure_logging, set_log_level, traceback_of
from support.canaries import canary, may_rest

CANARY = canary("key/with+signs")


def test_no_text_of_it_shows_it() -> None:
    secret = Secret(CANARY)
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", "%s" % secret, repr([secret])):  # noqa: UP031
        assert CANARY not in text
        assert HIDDEN in text
    assert secret.reveal() == CANARY


def test_it_is_not_written_out() -> None:
    for write in (json.dumps, msgspec.json.encode, pickle.dumps):
        with pytest.raises(TypeError) as raised:
            write(Secret(CANARY))
        assert CANARY not in str(raised.value)


def test_it_is_compared_and_copied_but_never_a_key() -> None:
    secret = Secret(CANARY)
    assert secret == Secret(CANARY)
    assert secret != Secret(CANARY + "-2")
    assert secret != CANARY
    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    with pytest.raises(TypeError):
        hash(secret)


@pytest.mark.parametrize("value", ["", None, 5, b"bytes"])
def test_what_is_no_text_is_refused_without_being_shown(value: object) -> None:
    with pytest.raises(ValueError, match="must be text that is not empty"):
        Secret(value)  # type: ignore[arg-type]  # as a caller without types would


def test_every_spelling_of_it_is_masked() -> None:
    Secret('quote"and/slash')
    spelled = ['quote"and/slash', "quote%22and%2Fslash", r"quote\"and/slash"]
    for text in spelled:
        assert masked(f"before {text} after") == f"before {HIDDEN} after"
    assert masked("nothing of it") == "nothing of it"


def test_one_that_holds_another_is_masked_whole() -> None:
    Secret("short-secret")
    Secret("short-secret-and-more")
    assert masked("x short-secret-and-more y") == f"x {HIDDEN} y"


def test_no_log_line_holds_one(capsys: pytest.CaptureFixture[str]) -> None:
    Secret(CANARY)
    before = structlog.get_config()
    configure_logging("INFO")
    try:
        log = structlog.get_logger("of its own")
        log.info("connecting", url=f"wss://user:{CANARY}@host", nested={"key": [CANARY]})
        log.error("failed", traceback=traceback_of(ValueError(CANARY)))
    finally:
        structlog.configure(**before)
    written = capsys.readouterr().err
    assert "connecting" in written
    assert CANARY not in written


def test_a_logger_that_was_used_hears_of_another_level(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    configure_logging("INFO")
    try:
        log = structlog.get_logger("of its own")
        log.info("first")
        set_log_level("ERROR")
        log.info("second")
        log.error("third")
    finally:
        structlog.configure(**before)
    written = capsys.readouterr().err
    assert "first" in written
    assert "second" not in written
    assert "third" in written


def test_the_standard_librarys_handlers_mask_too(tmp_path: Path) -> None:
    Secret(CANARY)
    log, handler = logging.Logger("vendor"), logging.FileHandler(tmp_path / "log")
    handler.addFilter(SecretFilter())
    log.addHandler(handler)
    log.warning("key %s of %s", CANARY, "somebody")
    log.error("it broke", exc_info=ValueError(CANARY))
    handler.close()
    written = (tmp_path / "log").read_text()
    assert CANARY not in written
    assert f"key {HIDDEN} of somebody" in written
    assert "ValueError" in written


@pytest.mark.parametrize("of_its_own", [True, False], ids=["a handler of its own", "no handler anywhere"])
def test_a_librarys_logger_is_masked_wherever_it_writes(*, of_its_own: bool) -> None:
    script = f"""
import logging
from liveexec.domain.secret import Secret
from liveexec.runtime.logs import configure_logging
vendor = logging.getLogger("vendor.connection")
{"vendor.addHandler(logging.StreamHandler())" if of_its_own else ""}
configure_logging()
Secret({CANARY!r})
vendor.warning("key %s", {CANARY!r})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == f"key {HIDDEN}\n"


class TestSources:
    def fetch(self, source: object, **environ: str) -> tuple[object, list[str]]:
        document, faults = resolved({"key": {"secret": source}}, environ)
        return document["key"], [str(fault) for fault in faults]

    def test_a_variable(self) -> None:
        assert self.fetch({"env": "KEY"}, KEY=CANARY) == (Secret(CANARY), [])
        assert self.fetch({"env": "KEY"}) == (None, ["key.secret.env: the variable KEY is not set"])
        assert self.fetch({"env": "KEY"}, KEY="") == (None, ["key.secret.env: the secret is empty"])

    def test_a_file_that_is_its_owners_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "key"
        path.write_text(f"{CANARY}\n")
        path.chmod(0o600)
        assert self.fetch({"file": str(path)}) == (Secret(CANARY), [])
        assert self.fetch({"file": "${FOLDER}/key"}, FOLDER=str(tmp_path)) == (Secret(CANARY), [])

    @pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
    def test_one_that_others_may_read_is_not_used(self, tmp_path: Path, mode: int) -> None:
        path = may_rest(tmp_path / "key")
        path.write_text(CANARY)
        path.chmod(mode)
        _, (fault,) = self.fetch({"file": str(path)})
        assert f"may be read by others (mode 0{mode:o}); chmod 600 {path}" in fault

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        assert "there is no file" in self.fetch({"file": str(tmp_path / "none")})[1][0]
        tmp_path.chmod(0o700)
        assert "can't be read" in self.fetch({"file": str(tmp_path)})[1][0]

    @pytest.mark.parametrize("source", [5, "KEY", {}, {"vault": "x"}, {"env": "A", "file": "B"}])
    def test_another_source_is_named_as_a_fault(self, source: object) -> None:
        assert self.fetch(source)[1] == ["key.secret: must be an object with exactly one of env, file, keyring"]

    def test_a_key_store_needs_its_package_and_both_names(self) -> None:
        assert "must be an object with service and name" in self.fetch({"keyring": "x"})[1][0]
        for service, name in ((5, "key"), ("liveexec", None), ("", "key"), ("liveexec", [])):
            assert "must be text" in self.fetch({"keyring": {"service": service, "name": name}})[1][0]

    def test_a_variable_that_is_not_set_is_the_only_fault_of_a_place_that_it_names(self) -> None:
        for source in ({"file": "${FOLDER}/key"}, {"keyring": {"service": "${FOLDER}", "name": "key"}}):
            value, (fault,) = self.fetch(source)
            assert value is None
            assert "the variable FOLDER is not set" in fault
