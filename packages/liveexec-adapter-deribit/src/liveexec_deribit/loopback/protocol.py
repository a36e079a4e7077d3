"""JSON-RPC 2.0 as the venue speaks it: requests in, answers and notifications out."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs
import msgspec

from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.errors import VenueError, invalid_params
from liveexec_deribit.loopback.params import Params

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@attrs.frozen
class Request:
    """One request. ``request_id`` is whatever the client sent, None if nothing."""

    method: str
    params: Params
    request_id: Any
    access_token: str | None = attrs.field(repr=False, default=None)


def parse(body: bytes | str) -> Request:
    """Read a request; raises :class:`VenueError` for what is no request (-32700, 11050)."""
    try:
        message = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise VenueError("Parse error") from None
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        raise VenueError("bad_request")
    params = message.get("params") or {}
    if not isinstance(params, dict):
        raise invalid_params("params", "must be an object")
    return request_of(message["method"], params, message.get("id"))


def request_of(method: str, params: Mapping[str, Any], request_id: Any) -> Request:
    """A request from its parts; leading slashes and ``/api/v2`` of paths are gone already."""
    token = params.get("access_token")
    return Request(method, Params(params), request_id, token if isinstance(token, str) else None)


@attrs.frozen
class Envelope:
    """Wraps answers with the times that the venue puts on them (microseconds)."""

    clock: VenueClock
    testnet: bool

    def result(self, request_id: Any, result: object, received_us: int) -> bytes:
        """An answer that went well."""
        return self._answer(request_id, received_us, "result", result)

    def error(self, request_id: Any, error: VenueError, received_us: int) -> bytes:
        """An answer that refuses."""
        sent: dict[str, object] = {"code": error.code, "message": error.message}
        if error.data:
            sent["data"] = error.data
        return self._answer(request_id, received_us, "error", sent)

    def _answer(self, request_id: Any, received_us: int, kind: str, content: object) -> bytes:
        now = max(self.clock.now_us(), received_us)
        answer: dict[str, object] = {"jsonrpc": "2.0"}
        if request_id is not None:
            answer["id"] = request_id
        answer |= {
            kind: content,
            "usIn": received_us,
            "usOut": now,
            "usDiff": now - received_us,
            "testnet": self.testnet,
        }
        return _ENCODER.encode(answer)


def notification(channel: str, data: object) -> bytes:
    """What a subscription brings."""
    return encode({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})


def heartbeat(kind: str) -> bytes:
    """``heartbeat`` or ``test_request`` (``public/set_heartbeat``)."""
    return encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})


def encode(message: object) -> bytes:
    """JSON, decimals as numbers."""
    return _ENCODER.encode(message)
