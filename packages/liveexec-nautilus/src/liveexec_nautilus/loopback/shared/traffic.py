"""Requests and answers as a loopback venue sees them, whatever carries them."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
from attrs import define, field, frozen

__all__ = ["HttpAnswer", "HttpRequest", "LoggedRequest"]


@frozen
class HttpRequest:
    """An HTTP request. ``query`` is the raw query string, as signatures cover it; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """What faults and the request log call it."""
        return f"{self.method} {self.path}"

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 in it is told by U+FFFD, which no signature covers and no word has."""
        return self.body.decode(errors="replace")

    def parameters(self) -> dict[str, str]:
        """The parameters of the query and of a form body, decoded; those of the query win."""
        return dict(parse_qsl(self.text, keep_blank_values=True)) | dict(parse_qsl(self.query, keep_blank_values=True))


@define
class HttpAnswer:
    """An HTTP answer; ``body`` is written already."""

    status: int
    body: bytes
    headers: dict[str, str] = field(factory=dict)
    media_type: str = "application/json"

    @classmethod
    def json(cls, content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> "HttpAnswer":
        """An answer whose body is this content as JSON."""
        return cls(status, msgspec.json.encode(content), dict(headers or {}))


@frozen
class LoggedRequest:
    """A request that came, without what it was signed with. ``session_id`` is 0 over HTTP."""

    session_id: int
    operation: str
    parameters: Mapping[str, object]
    time_ms: int
