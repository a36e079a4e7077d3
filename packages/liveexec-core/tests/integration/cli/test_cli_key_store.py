"""Secrets from a key store: a real one on disk, filled by ``keyring set`` and read by other processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen

from liveexec.cli.exit_codes import ExitCode

CANARY: Final = "canary-7be2-of-the-key-store"
URL: Final = f"postgresql://user:{CANARY}@127.0.0.1:1/name"
SERVICE, NAME = "liveexec-tests", "database-url"
ON_DISK: Final = "keyrings.alt.file.PlaintextKeyring"
_COMMAND: Final = "import sys; from liveexec.cli.app import main; sys.exit(main())"
#: What holds where the package is not installed.
_WITHOUT_KEYRING: Final = f"import sys; sys.modules['keyring'] = None; {_COMMAND}"
#: Shows what a host gets, and everything about it that could be printed.
_LOADED: Final = """
import sys
from liveexec.config.loading import load_config
config = load_config(sys.argv[1])
print(config, config.database, repr(config.database.url), sep="\\n")
print(len(config.database.url.reveal()), file=sys.stderr)
"""
#: Key stores as others write them, whose errors say more than they should.
_BACKENDS: Final = f"""
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class _Failing(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        raise self.error("{CANARY}")

    def set_password(self, service, username, password):
        raise NotImplementedError


class Locked(_Failing):
    error = KeyringLocked


class Broken(_Failing):
    error = RuntimeError
"""


@frozen
class User:
    """A user with a key store and a configuration that takes a secret from it."""

    home: Path
    backend: str = ON_DISK

    @property
    def store(self) -> Path:
        """The file that the key store on disk keeps its entries in."""
        return self.home / "data" / "python_keyring" / "keyring_pass.cfg"

    @property
    def config(self) -> Path:
        return self.home / "paper.json"

    def python(self, *arguments: str, told: str | None = None) -> subprocess.CompletedProcess[str]:
        own = {
            "HOME": str(self.home),
            "PYTHONPATH": str(self.home),
            "PYTHON_KEYRING_BACKEND": self.backend,
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_DATA_HOME": str(self.home / "data"),
        }
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **own},
            input=told if told is not None else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def liveexec(self, *arguments: str, command: str = _COMMAND) -> subprocess.CompletedProcess[str]:
        """Run the command; whatever becomes of it, it never says the secret."""
        done = self.python("-c", command, *arguments)
        assert CANARY not in done.stdout + done.stderr
        return done


def user_with(home: Path, backend: str = ON_DISK, **named: Any) -> User:
    user = User(home, backend)
    (home / "stores_of_others.py").write_text(_BACKENDS, encoding="utf-8")
    entry = {"service": SERVICE, "name": NAME} | named
    document = {
        "mode": "paper",
        "external_adapters": {"PAPER": {"preset": "btc"}},
        "database": {"url": {"secret": {"keyring": entry}}},
    }
    user.config.write_text(json.dumps(document), encoding="utf-8")
    return user


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user whose key store holds the secret, put there by the store's own command."""
    user = user_with(tmp_path)
    done = user.python("-m", "keyring", "set", SERVICE, NAME, told=URL)
    assert done.returncode == 0, done.stderr
    assert user.store.is_file()
    return user


def fault_of(done: subprocess.CompletedProcess[str]) -> str:
    """The one fault that ``config check`` names, without its path."""
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    head, fault = done.stderr.splitlines()
    assert head.endswith(": 1 fault")
    path, _, message = fault.strip().partition(": ")
    assert path == "database.url.secret.keyring"
    return message


def test_a_secret_that_was_stored_is_used_and_never_shown(user: User) -> None:
    checked = user.liveexec("config", "check", str(user.config))
    assert (checked.returncode, checked.stdout) == (ExitCode.OK, f"{user.config}: good (paper mode, PAPER)\n")
    shown = user.liveexec("config", "show", str(user.config))
    assert json.loads(shown.stdout)["database"]["url"] == "***"
    loaded = user.python("-c", _LOADED, str(user.config))
    assert (loaded.returncode, loaded.stderr) == (0, f"{len(URL)}\n")
    assert "Secret(***)" in loaded.stdout
    assert CANARY not in loaded.stdout


def test_a_database_that_can_not_be_reached_is_named_without_the_secret(user: User) -> None:
    done = user.liveexec("reconcile", str(user.config), "--debug")
    assert done.returncode == ExitCode.DATABASE_UNAVAILABLE
    assert "127.0.0.1:1" in done.stderr


def test_an_entry_that_is_not_there_says_how_to_add_it(user: User) -> None:
    user.config.write_text(user.config.read_text().replace(NAME, "another"), encoding="utf-8")
    said = fault_of(user.liveexec("config", "check", str(user.config)))
    assert said == (f"the key store has nothing for {SERVICE} / another; `keyring set {SERVICE} another` adds it")


def test_without_the_package_that_is_said(user: User) -> None:
    said = fault_of(user.liveexec("config", "check", str(user.config), command=_WITHOUT_KEYRING))
    assert said == "the package keyring is not installed; install it where liveexec is"


def test_a_store_whose_file_is_broken_tells_the_kind_of_its_error_only(user: User) -> None:
    # The parser's error quotes the line that it can't read, and whoever asks for a traceback gets no more either.
    user.store.write_text(f"{CANARY}\n", encoding="utf-8")
    for more in ((), ("--debug",)):
        said = fault_of(user.liveexec("config", "check", str(user.config), *more))
        assert said == ("the key store failed: MissingSectionHeaderError (`keyring diagnose` says which one is used)")
    shown = user.liveexec("config", "show", str(user.config), "--debug")
    assert shown.returncode == ExitCode.USAGE
    assert "Traceback" in shown.stderr


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("stores_of_others.Locked", "the key store is locked; unlock it, then try again"),
        ("stores_of_others.Broken", "the key store failed: RuntimeError (`keyring diagnose` says which one is used)"),
        (
            "stores_of_others.Missing",
            "the key store failed: AttributeError (`keyring diagnose` says which one is used)",
        ),
        ("nowhere.Store", "the key store failed: ModuleNotFoundError (`keyring diagnose` says which one is used)"),
        (
            "keyring.backends.fail.Keyring",
            "there is no key store here; name one in PYTHON_KEYRING_BACKEND, or use a variable or a file",
        ),
    ],
)
def test_a_store_that_does_not_answer_says_why(tmp_path: Path, backend: str, message: str) -> None:
    user = user_with(tmp_path, backend)
    assert fault_of(user.liveexec("config", "check", str(user.config))) == message
