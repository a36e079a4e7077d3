"""Variables and secrets in a document: ``${VAR}``, ``${VAR:-default}``, and ``{"secret": {...}}``."""

import os
import re
import stat
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from liveexec.config.document import Document
from liveexec.domain.secret import Secret
from liveexec.errors import Fault

__all__ = ["resolved"]

_VARIABLE: Final = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")
#: The key of an object that stands for a secret.
_KEY: Final = "secret"
#: Whatever a secret's file grants beyond its owner.
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def resolved(document: Document, environ: Mapping[str, str]) -> tuple[Document, list[Fault]]:
    """The document with its variables filled in and its secrets fetched, and everything that could not be.

    ``$$`` stands for a dollar sign. What could not be filled in is ``None``.
    """
    faults: list[Fault] = []
    return {key: _value(value, key, environ, faults) for key, value in document.items()}, faults


def _value(value: Any, path: str, environ: Mapping[str, str], faults: list[Fault]) -> Any:
    if isinstance(value, str):
        return _text(value, path, environ, faults)
    if isinstance(value, list):
        return [_value(each, f"{path}[{index}]", environ, faults) for index, each in enumerate(value)]
    if isinstance(value, dict):
        if value.keys() == {_KEY}:
            return _secret(value[_KEY], f"{path}.{_KEY}", environ, faults)
        return {key: _value(each, f"{path}.{key}", environ, faults) for key, each in value.items()}
    return value


def _text(text: str, path: str, environ: Mapping[str, str], faults: list[Fault]) -> str:
    def fill_in(found: re.Match[str]) -> str:
        name, default = found.group(1), found.group(2)
        if found.group() == "$$":
            return "$"
        if name is None:
            faults.append(Fault(path, "${ begins a variable that has no name or no end; write $$ for a dollar sign"))
            return ""
        # As in a shell: an empty variable counts as one that is not set.
        value = environ.get(name) or default
        if value is None:
            faults.append(
                Fault(path, f"the variable {name} is not set, and no default is given as ${{{name}:-default}}")
            )
            return ""
        return value

    return _VARIABLE.sub(fill_in, text)


def _secret(source: Any, path: str, environ: Mapping[str, str], faults: list[Fault]) -> Secret | None:
    if not isinstance(source, dict) or len(source) != 1 or (kind := next(iter(source))) not in _SOURCES:
        faults.append(Fault(path, f"must be an object with exactly one of {', '.join(_SOURCES)}"))
        return None
    before = len(faults)
    named = _value(source[kind], f"{path}.{kind}", environ, faults)
    if len(faults) > before:
        # Where to look is not known, and that it is not found there would be no news.
        return None
    try:
        value = _SOURCES[kind](named, environ)
    except _Unavailable as error:
        faults.append(Fault(f"{path}.{kind}", str(error)))
        return None
    if not value:
        faults.append(Fault(f"{path}.{kind}", "the secret is empty"))
        return None
    return Secret(value)


class _Unavailable(Exception):
    """Why a secret could not be had."""


def _from_environment(name: Any, environ: Mapping[str, str]) -> str:
    if not isinstance(name, str) or name not in environ:
        raise _Unavailable(f"the variable {str(name)[:80]} is not set")
    return environ[name]


def _from_file(name: Any, _: Mapping[str, str]) -> str:
    """The file's text without its last line end; it must be its owner's alone."""
    if not isinstance(name, str):
        raise _Unavailable("must be a path")
    path = Path(name).expanduser()
    try:
        # One descriptor for both, so that the file that was looked at is the one that is read.
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise _Unavailable(f"{path} is no file")
            if os.name == "posix" and mode & _OTHERS:
                raise _Unavailable(f"{path} may be read by others (mode {stat.S_IMODE(mode):04o}); chmod 600 {path}")
            return file.read(65_536).decode().removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        raise _Unavailable(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _Unavailable(f"{path} can't be read: {type(error).__name__}") from None


def _from_keyring(named: Any, _: Mapping[str, str]) -> str:
    """What the desktop's or the system's key store holds; needs the package ``keyring``.

    Of a key store's own errors only the kind is told: their texts may hold what the store does.
    """
    if not isinstance(named, dict) or named.keys() != {"service", "name"}:
        raise _Unavailable("must be an object with service and name")
    service, name = named["service"], named["name"]
    if not all(isinstance(each, str) and each for each in (service, name)):
        raise _Unavailable("service and name must be text")
    try:
        keyring, errors = import_module("keyring"), import_module("keyring.errors")
    except ModuleNotFoundError:
        raise _Unavailable("the package keyring is not installed; install it where liveexec is") from None
    try:
        value = keyring.get_password(service, name)
    except errors.KeyringLocked:
        raise _Unavailable("the key store is locked; unlock it, then try again") from None
    except errors.NoKeyringError:
        raise _Unavailable(
            "there is no key store here; name one in PYTHON_KEYRING_BACKEND, or use a variable or a file"
        ) from None
    except Exception as error:  # noqa: BLE001 - every key store has errors of its own
        raise _Unavailable(
            f"the key store failed: {type(error).__name__} (`keyring diagnose` says which one is used)"
        ) from None
    if value is None:
        raise _Unavailable(f"the key store has nothing for {service} / {name}; `keyring set {service} {name}` adds it")
    return str(value)


_SOURCES: Final[Mapping[str, Callable[[Any, Mapping[str, str]], str]]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
}
