"""Canaries: the secrets that tests use, which can be told from everything else, and must turn up nowhere.

A test that needs a password, a key or a token takes :func:`canary`. All of them hold :data:`MARK`, drawn anew in each
session, so that whoever looks through what the session put out (:mod:`support.canary_watch`) finds them however they
came to be there. Processes that tests start inherit the mark, and a secret in their environment with it.
"""

import os
import re
import secrets
from base64 import b64encode
from collections.abc import Collection
from pathlib import Path
from typing import Final

__all__ = ["MARK", "VARIABLE", "canary", "holds_secret", "is_at_rest", "learn", "learned_from", "may_rest", "without"]

#: Where every process of a test session finds a secret of its environment.
VARIABLE: Final = "LIVEEXEC_TEST_SECRET"
_IN_THE_ENVIRONMENT: Final = "-in-the-environment"


def _mark() -> str:
    inherited = os.environ.get(VARIABLE, "")
    return inherited.removesuffix(_IN_THE_ENVIRONMENT) or f"lxcanary{secrets.token_hex(8)}"


#: What every canary of this session holds: letters and digits, which no quoting changes.
MARK: Final = _mark()
#: A password that a server made for itself is at least this long (256 bits in base64).
_MADE_LENGTH: Final = 43
_PGPASS: Final = re.compile(rb"\*:\*:\*:[^:\s]+:([^:\s]+)\n?")

#: Canaries, and what is looked for as if it were one, in every spelling; and passwords that servers made.
_needles: Final[set[bytes]] = set()
_made: Final[set[bytes]] = set()
_resting: Final[set[Path]] = set()


def canary(name: str = "") -> str:
    """A secret of this session; the name tells it from others, and may hold what has to be quoted somewhere."""
    return f"{MARK}-{name}" if name else MARK


def learn(secret: str) -> None:
    """Look for this one too: a secret that no test chose."""
    _needles.add(secret.encode())
    # Basic authentication and the like: what of the text is the same wherever in the encoded text it begins.
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + secret.encode()).rstrip(b"=")
        _needles.add(encoded[(0, 2, 3)[shift] : -1])


def learned_from(path: Path) -> set[bytes]:
    """The password that a server made for itself, if this is where it keeps it; it is looked for from now on."""
    kept = _PGPASS.fullmatch(path.read_bytes())
    found = {kept[1]} if kept is not None and len(kept[1]) >= _MADE_LENGTH else set()
    _made.update(found)
    return found


def holds_secret(content: bytes, made: Collection[bytes] | None = None) -> bool:
    """Whether any secret of this session is in it; of those that servers made, only the given ones, if any are."""
    return any(needle in content for needle in (*_needles, *(_made if made is None else made)))


def without(text: str) -> str:
    """The text, fit to be printed: what holds a secret is not repeated to say so."""
    for needle in sorted(_needles | _made, key=len, reverse=True):
        text = text.replace(needle.decode(), "(a secret)")
    return text


def may_rest(path: Path) -> Path:
    """Let this one file hold a secret whoever may read it, since a test is about just that; returns the path."""
    _resting.add(path.resolve())
    return path


def is_at_rest(path: Path, mode: int, content: bytes) -> bool:
    """Whether a file is where a secret is kept: it holds one secret and nothing else, and its owner alone can read it.

    A file of a secret among other things (a log, a configuration) is none, whatever its mode.
    """
    if path.resolve() in _resting:
        return True
    if mode & 0o077:
        return False
    line = content.removesuffix(b"\n")
    pgpass = _PGPASS.fullmatch(content)
    secret = pgpass[1] if pgpass is not None else line
    return not re.search(rb"\s", secret) and (secret in _needles | _made or secret.startswith(MARK.encode()))


learn(MARK)
