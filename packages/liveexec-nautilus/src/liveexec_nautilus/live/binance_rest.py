"""Signed GETs and DELETEs to Binance: NautilusTrader's own HTTP client for it is not to be had from Python.

Requests are signed as Binance documents it (developers.binance.com, "Request Security"): the query with a timestamp,
by Ed25519 or HMAC-SHA-256, whichever the key is.
"""

import base64
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2
import msgspec

from liveexec_nautilus import vendor
from liveexec_nautilus.live.questions import QuestionFailed

__all__ = ["BinanceError", "BinanceRest"]

_RECV_WINDOW_MS: Final = 5_000
_PEM_HEAD: Final = "-----BEGIN"
_SEED_BYTES: Final = 32
#: Longest answer, bytes: a thousand fills take 300 kB.
_MOST_BYTES: Final = 64 * 1024 * 1024


class BinanceError(QuestionFailed):
    """The venue's own word: its code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"Binance error {code}: {message}")
        self.code = code


class _Refusal(msgspec.Struct):
    code: int
    msg: str = ""


class BinanceRest:
    """One key at one address."""

    def __init__(self, base_url: str, api_key: str, api_secret: str) -> None:
        self._api_key, self._secret = api_key, api_secret
        self._seed = _ed25519_seed(api_secret)
        self._client = httpx2.AsyncClient(
            base_url=base_url.rstrip("/"), timeout=10.0, trust_env=False, headers={"X-MBX-APIKEY": api_key}
        )

    async def close(self) -> None:
        """Give up its connections."""
        await self._client.aclose()

    async def get[T](self, path: str, params: Mapping[str, Any], kind: type[T]) -> T:
        """Ask something of the account.

        Raises:
            BinanceError: the venue refuses.
            QuestionFailed: it can't be reached, or answers what can't be read.
        """
        return await self._call("GET", path, params, kind)

    async def public[T](self, path: str, params: Mapping[str, Any], kind: type[T]) -> T:
        """Ask something of the market: unsigned, as the venue documents it. Raises the same."""
        return await self._sent("GET", path, urlencode(params), kind)

    async def delete[T](self, path: str, params: Mapping[str, Any], kind: type[T]) -> T:
        """The same for what cancels."""
        return await self._call("DELETE", path, params, kind)

    async def _call[T](self, method: str, path: str, params: Mapping[str, Any], kind: type[T]) -> T:
        given = {name: value for name, value in params.items() if value is not None}
        query = urlencode({**given, "recvWindow": _RECV_WINDOW_MS, "timestamp": time.time_ns() // 1_000_000})
        return await self._sent(method, path, f"{query}&signature={quote(self._signature(query), safe='')}", kind)

    async def _sent[T](self, method: str, path: str, query: str, kind: type[T]) -> T:
        try:
            answer = await self._client.request(method, f"{path}?{query}")
        except httpx2.HTTPError as error:
            # Never the request itself: its address holds the signature.
            raise QuestionFailed(f"{method} {path}: {type(error).__name__}") from None
        if answer.status_code != httpx2.codes.OK:
            raise _refusal(method, path, answer)
        try:
            return msgspec.json.decode(answer.content, type=kind, strict=False)
        except msgspec.DecodeError as error:
            raise QuestionFailed(f"{method} {path}: the answer can't be read: {error}") from error

    def _signature(self, query: str) -> str:
        if self._seed is not None:
            return vendor.ed25519_signature(self._seed, query)
        return vendor.hmac_signature(self._secret, query)


def _refusal(method: str, path: str, answer: httpx2.Response) -> QuestionFailed:
    try:
        said = msgspec.json.decode(answer.content, type=_Refusal)
    except msgspec.DecodeError:
        return QuestionFailed(f"{method} {path}: HTTP {answer.status_code}")
    return BinanceError(said.code, said.msg)


def _ed25519_seed(secret: str) -> bytes | None:
    """The key's 32 bytes of a PEM document or base 64 of PKCS #8; ``None`` for an HMAC secret."""
    text = secret.strip()
    if text.startswith(_PEM_HEAD):
        text = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    try:
        der = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    # PKCS #8 of an Ed25519 key is 48 bytes, the seed the last 32 of them.
    return der[-_SEED_BYTES:] if len(der) == 48 else None
