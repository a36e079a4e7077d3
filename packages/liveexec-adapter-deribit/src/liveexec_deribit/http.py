"""JSON-RPC over HTTP: lists and history, whose long answers must not hold up what a session's connection tells.

Requests are POSTs with the method in the path (docs.deribit.com, "JSON-RPC over HTTP"), private ones with a token of
their own, since a token of scope ``connection`` is good for its connection only.
"""

import secrets
import ssl
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import httpx2

from liveexec.errors import AdapterError
from liveexec_deribit.authentication import credentials
from liveexec_deribit.config import DeribitAccount, DeribitSection
from liveexec_deribit.pace import Pace
from liveexec_deribit.rpc import Frame, Refusal, decoded, encode_request, read_frame
from liveexec_deribit.wire import AuthGrant

__all__ = ["HttpClient"]

#: A token that ends sooner is not used any more. Seconds.
_SPARE_S: Final = 30.0
#: The token is wrong or has expired.
_UNAUTHORIZED: Final = 13009


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """What servers are checked by: read once, since that takes a tenth of a second."""
    return httpx2.create_ssl_context()


class HttpClient:
    """Questions over HTTP; they change nothing, so that asking twice does no harm."""

    def __init__(self, section: DeribitSection, account: DeribitAccount, pace: Pace) -> None:
        self._section, self._account, self._pace = section, account, pace
        self._url = section.endpoints.http
        self._client = httpx2.AsyncClient(
            timeout=float(section.request_timeout_s), trust_env=False, verify=_certificates()
        )
        self._token: str | None = None
        self._ends_s = 0.0
        self._last_id = 0

    async def close(self) -> None:
        """Give up its connections."""
        await self._client.aclose()

    async def public[T](self, method: str, params: Mapping[str, Any], kind: type[T]) -> T:
        """Ask something that everybody may.

        Raises:
            AdapterError: the venue can't be reached, refuses, or answers what can't be read.
        """
        frame = await self._post(method, params, {})
        return decoded(kind, frame.result, f"the answer to {method}")

    async def private(self, method: str, params: Mapping[str, Any]) -> Frame:
        """Ask about the account; logs in where that is needed. Raises what :meth:`public` does."""
        try:
            return await self._post(method, params, await self._header())
        except Refusal as error:
            if error.error.code != _UNAUTHORIZED:
                raise
        self._token = None
        return await self._post(method, params, await self._header())

    async def _header(self) -> Mapping[str, str]:
        if self._token is None or time.monotonic() >= self._ends_s:
            asked = credentials(
                self._section.authentication,
                self._account.client_id,
                self._account.client_secret,
                time.time_ns() // 1_000_000,
                secrets.token_hex(8),
            )
            grant = await self.public("public/auth", asked, AuthGrant)
            self._token = grant.access_token
            self._ends_s = time.monotonic() + max(grant.expires_in - _SPARE_S, grant.expires_in / 2)
        return {"Authorization": f"bearer {self._token}"}

    async def _post(self, method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> Frame:
        await self._pace.turn()
        self._last_id += 1
        body = encode_request(self._last_id, method, params)
        try:
            response = await self._client.post(
                f"{self._url}/{method}", content=body, headers={"Content-Type": "application/json", **headers}
            )
        except (httpx2.HTTPError, OSError) as error:
            raise AdapterError(f"{method} over HTTP failed: {type(error).__name__}") from None
        # Errors come with a status of their own and a body of the protocol; what has no such body is somebody else's.
        frame = read_frame(response.content)
        if frame.error is not None:
            raise Refusal(method, frame.error)
        return frame
