"""What is said on the socket: one JSON object a line, a request and its answer in turn."""

import json
from collections.abc import Mapping
from typing import Any, Final

from liveexec.domain.account_event import ControlScope, ScopeKind
from liveexec.errors import Fault, InvalidInput, LiveExecError, NotFound

__all__ = ["LONGEST", "decode", "encode", "error_of", "raised_from", "read_scope"]

#: Bytes of a line at most: answers grow with the venues, products and strategies of a host, not with its orders.
LONGEST: Final = 8 * 1024 * 1024


def encode(document: Mapping[str, Any]) -> bytes:
    """A line."""
    return json.dumps(document, separators=(",", ":"), default=str).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """What a line says.

    Raises:
        InvalidInput: it is no JSON object.
    """
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInput("control request", [Fault("", "must be a JSON object on one line")])
    return document


def error_of(error: Exception) -> dict[str, Any]:
    """An error as an answer."""
    faults = [[fault.path, fault.message] for fault in error.faults] if isinstance(error, InvalidInput) else None
    what = error.what if isinstance(error, InvalidInput) else None
    return {"error": str(error), "kind": type(error).__name__, "what": what, "faults": faults}


def raised_from(answer: Mapping[str, Any]) -> LiveExecError:
    """The error that an answer tells of."""
    message = str(answer.get("error"))
    match answer.get("kind"):
        case "InvalidInput" | "ConfigurationError" if answer.get("faults"):
            return InvalidInput(str(answer["what"]), [Fault(path, said) for path, said in answer["faults"]])
        case "NotFound":
            return NotFound(message)
        case _:
            return LiveExecError(message)


def read_scope(text: str) -> ControlScope:
    """A scope as people write it: ``GLOBAL``, ``VENUE:DERIBIT``, ``STRATEGY:mine``, ``ACCOUNT:…``, ``INSTRUMENT:…``.

    Raises:
        InvalidInput: it is none of these.
    """
    kind, _, name = text.partition(":")
    kinds = ", ".join(ScopeKind)
    if kind.upper() not in list(ScopeKind):
        raise InvalidInput("scope", [Fault("", f"{text[:80]!r} must begin with one of {kinds}")])
    scope = ControlScope(ScopeKind(kind.upper()), name)
    if scope.kind is ScopeKind.GLOBAL and name:
        raise InvalidInput("scope", [Fault("", "GLOBAL stands alone")])
    if scope.kind is not ScopeKind.GLOBAL and not name:
        raise InvalidInput("scope", [Fault("", f"{scope.kind} needs a name, as {scope.kind}:NAME")])
    return scope
