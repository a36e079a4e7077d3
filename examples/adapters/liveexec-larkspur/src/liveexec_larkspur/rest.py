"""Larkspur's HTTP side: one signed request, one typed answer, or the reason why there is none."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import msgspec

from liveexec_larkspur import wire
from liveexec_larkspur.config import LarkspurAccount
from liveexec_larkspur.outcomes import NoAnswer, Refused
from liveexec_larkspur.signing import signature

__all__ = ["Rest"]

_US: Final = 1_000
#: An answer that took longer says too little about the venue's clock.
_CLOSE_ENOUGH_NS: Final = 1_000_000_000
_NO_QUERY: Final[Mapping[str, str]] = {}


class Rest:
    """A client for one account's key. ``offset_ns`` is how far the venue's clock is ahead of ours, as each answer
    tells it: requests are signed with the venue's time, so that a wrong clock here does not make them stale."""

    def __init__(self, url: str, account: LarkspurAccount, answer_timeout_s: float) -> None:
        self.offset_ns = 0
        self._account, self._timeout_s = account, answer_timeout_s
        self._under_way: set[asyncio.Timeout] = set()
        self._ended = asyncio.Event()
        self._is_closed = False
        # A session goes to its venue directly: what the environment says of proxies is for other programs.
        self._client = httpx2.AsyncClient(base_url=url, timeout=answer_timeout_s, trust_env=False)

    async def aclose(self) -> None:
        """Give the connections back. Requests that are under way end first, without an answer: one that is just
        connecting would be left open otherwise."""
        self._is_closed = True
        for timeout in self._under_way:
            if not timeout.expired():
                timeout.reschedule(0.0)
        while self._under_way:
            self._ended.clear()
            await self._ended.wait()
        await self._client.aclose()

    async def call[T](
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        query: Mapping[str, str] = _NO_QUERY,
        body: Mapping[str, Any] | None = None,
        is_signed: bool = True,
    ) -> T:
        """Send one request, once, and read its answer as ``kind``.

        Raises:
            Refused: the venue answered with an error of its own.
            NoAnswer: nothing came in time, or nothing that can be read; what became of the request is not known.
        """
        content = msgspec.json.encode(body) if body is not None else b""
        request = self._client.build_request(method, path, params=dict(query), content=content)
        if is_signed:
            self._sign(request, content)
        asked_ns = time.time_ns()
        try:
            async with asyncio.timeout(self._timeout_s) as timeout:
                self._under_way.add(timeout)
                try:
                    response = await self._client.send(request)
                finally:
                    self._under_way.discard(timeout)
                    self._ended.set()
        except (TimeoutError, httpx2.TimeoutException):
            when = "before the session was closed" if self._is_closed else f"in {self._timeout_s:g} s"
            raise NoAnswer(f"Larkspur did not answer {method} {path} {when}") from None
        except httpx2.HTTPError as error:
            raise NoAnswer(f"{method} {path}: {type(error).__name__}: {error}") from error
        self._follow_clock(response, asked_ns)
        if response.is_success:
            return _read(response, kind)
        told = _read(response, wire.ErrorAnswer).error
        raise Refused(response.status_code, told.code, told.message, told.forgotten_until_us)

    def _sign(self, request: httpx2.Request, content: bytes) -> None:
        time_us = (time.time_ns() + self.offset_ns) // _US
        target = request.url.raw_path.decode("ascii")
        request.headers["X-Larkspur-Key"] = self._account.key.reveal()
        request.headers["X-Larkspur-Time"] = str(time_us)
        request.headers["X-Larkspur-Signature"] = signature(
            self._account.secret, time_us, request.method, target, content
        )

    def _follow_clock(self, response: httpx2.Response, asked_ns: int) -> None:
        """Every answer tells the venue's time; it is taken for true in the middle between question and answer."""
        told = response.headers.get("X-Larkspur-Time", "")
        took_ns = time.time_ns() - asked_ns
        if told.isascii() and told.isdigit() and 0 <= took_ns < _CLOSE_ENOUGH_NS:
            self.offset_ns = int(told) * _US - (asked_ns + took_ns // 2)


def _read[T](response: httpx2.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except ValueError as error:
        # The text of a decoding error names a path in the document, never what stands there.
        raise NoAnswer(f"an answer with HTTP {response.status_code} can't be read: {error}") from None
