"""JSON-RPC 2.0 as Deribit speaks it (docs.deribit.com, "JSON-RPC"): requests to bytes, frames to what they are.

Nothing of a message's content is put into an error: it could hold a token.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from liveexec.domain.money import plain, storable
from liveexec.errors import AdapterError
from liveexec_deribit.wire import RpcError

__all__ = [
    "Frame",
    "MalformedMessage",
    "Refusal",
    "checked",
    "decoded",
    "encode_request",
    "number",
    "read_frame",
    "to_ns",
]

_ENCODER: Final = msgspec.json.Encoder()
_NS_PER_MS: Final = 1_000_000
_TOO_MUCH: Final = Decimal(10) ** 18
#: Beyond it a timestamp in milliseconds is none (the year 2286).
_LAST_MS: Final = 10**13


class MalformedMessage(AdapterError):
    """The venue sent what can't be read; the message says what, and where it is wrong."""


class Refusal(AdapterError):
    """The venue answered a question with an error of its own."""

    def __init__(self, method: str, error: RpcError) -> None:
        self.method = method
        self.error = error
        super().__init__(f"{method}: {error.code} {error.message}")


class Params(msgspec.Struct):
    """What a notification holds: a channel's data, or a heartbeat's type."""

    channel: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    type: str | None = None


class Frame(msgspec.Struct, rename={"us_in": "usIn", "us_out": "usOut"}):
    """One message of the venue: an answer (with an id) or a notification (with a method).

    ``us_in`` and ``us_out`` are when the venue took the request and when it answered, UTC microseconds.
    """

    id: int | str | None = None
    method: str | None = None
    params: Params | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: RpcError | None = None
    us_in: int | None = None
    us_out: int | None = None

    @property
    def as_of_ns(self) -> int | None:
        """When the venue took the request, where it says so: whatever came later may be missing from the answer."""
        return self.us_in * 1_000 if self.us_in is not None and self.us_in > 0 else None


_FRAMES: Final = msgspec.json.Decoder(Frame)


def encode_request(request_id: int, method: str, params: Mapping[str, Any]) -> bytes:
    """A request as it goes onto the wire."""
    return _ENCODER.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def number(value: Decimal) -> msgspec.Raw:
    """A Decimal as a JSON number, digit by digit and without an exponent."""
    return msgspec.Raw(plain(value).encode())


def read_frame(text: str | bytes) -> Frame:
    """Read one message.

    Raises:
        MalformedMessage: it is no message of the protocol.
    """
    frame = _read(_FRAMES, text, "a frame")
    # An answer over HTTP has an id only if its request had one.
    if frame.id is None and frame.method is None and frame.error is None and bytes(frame.result) == b"null":
        raise MalformedMessage("a frame is neither an answer nor a notification")
    return frame


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(kind)


def decoded[T](kind: type[T], raw: msgspec.Raw | bytes | str, what: str) -> T:
    """Read a result or a notification's data as a struct of :mod:`liveexec_deribit.wire`.

    Raises:
        MalformedMessage: it does not have that shape.
    """
    decoder: msgspec.json.Decoder[T] = _decoder(kind)  # type: ignore[arg-type]  # types can be looked up like any key
    value: T = _read(decoder, raw, what)
    return value


def _read[T](decoder: "msgspec.json.Decoder[T]", raw: msgspec.Raw | bytes | str, what: str) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"{what} can't be read: {error}") from None
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        # What is no JSON is told by its kind alone: the texts of some of these quote the input.
        raise MalformedMessage(f"{what} can't be read: it is no JSON ({type(error).__name__})") from None


def to_ns(milliseconds: int, what: str) -> int:
    """A timestamp of the venue's as UTC nanoseconds.

    Raises:
        MalformedMessage: it is no time.
    """
    if not 0 <= milliseconds < _LAST_MS:
        raise MalformedMessage(f"{what} is no time in milliseconds")
    return milliseconds * _NS_PER_MS


def checked(value: Decimal, what: str) -> Decimal:
    """A number that can be reckoned with and stored; what has more than 18 places is rounded half-even to them.

    Raises:
        MalformedMessage: it is not finite, or larger than any amount.
    """
    if not value.is_finite() or value.copy_abs() >= _TOO_MUCH:
        raise MalformedMessage(f"{what} is no amount of at most 18 digits")
    return storable(value)
