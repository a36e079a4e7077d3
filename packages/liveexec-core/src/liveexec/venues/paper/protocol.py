"""What a paper venue's server and its clients say to each other.

A frame is its length (four bytes, big endian) and a JSON array. A client calls ``[id, method, arguments]``; the server
answers with one or more ``["reply", id, form, body]`` and, on connections that subscribed, sends ``["push", 0, name,
body]``. Values whose kind is not clear from the method travel as ``[name, fields]``. Amounts are text.

The first call of a connection is ``hello``, which says what it is for: a ``session`` with one venue (requests,
queries, pushed reports), a ``market`` stream (books and bars apart from reports, so that quotes never hold up a fill),
or ``control`` (information about the server, and its end).
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from liveexec.domain import outcome as out
from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.market import Book, TradeBar
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import VenueOrder
from liveexec.venues.paper.clock import ClockAnchor

__all__ = [
    "CHUNK_ITEMS",
    "PROTOCOL_VERSION",
    "Call",
    "FillsQuestion",
    "Form",
    "Frame",
    "Hello",
    "Order",
    "Replacement",
    "Role",
    "ServerInfo",
    "SnapshotHead",
    "chunks",
    "decode",
    "decode_named",
    "encode",
    "encode_named",
    "read_frame",
    "write_frame",
]

PROTOCOL_VERSION: Final = 1
#: The longest frame that either side reads: far above any that is sent.
MAX_FRAME_BYTES: Final = 8 * 1024 * 1024
#: Snapshots travel in chunks of this many items.
CHUNK_ITEMS: Final = 1_000
_HEAD_BYTES: Final = 4


class Role(StrEnum):
    """What a connection is for."""

    SESSION = "session"
    MARKET = "market"
    CONTROL = "control"


class Form(StrEnum):
    """What the body of a reply is: a value, some items of a snapshot with more to come, or an error's message."""

    VALUE = "value"
    PART = "part"
    ERROR = "error"


class Call(msgspec.Struct, array_like=True):
    """A client asks for something."""

    id: int
    method: str
    arguments: msgspec.Raw


class Frame(msgspec.Struct, array_like=True):
    """The server answers a call, or pushes something (``id`` 0, ``form`` the name of what it is)."""

    kind: str
    id: int
    form: str
    body: msgspec.Raw


class Hello(msgspec.Struct):
    """How a connection begins. ``digest`` is that of the configuration the client counts on; empty for any."""

    version: int
    role: Role
    token: str = ""
    digest: str = ""
    venue: VenueName | None = None
    accounts: tuple[AccountId, ...] = ()
    instruments: tuple[InstrumentId, ...] = ()


class ServerInfo(msgspec.Struct, frozen=True):
    """Who answers: which configuration it runs, the prefix of its ids, and where its market time stands."""

    version: int
    pid: int
    digest: str
    id_prefix: str
    venues: tuple[VenueName, ...]
    anchor: ClockAnchor


class Order(msgspec.Struct):
    """The arguments of a submit."""

    order: VenueOrder
    plan: out.SendPlan


class Replacement(msgspec.Struct):
    """The arguments of a replace; the order's quantity is the new total."""

    ref: out.OrderRef
    order: VenueOrder
    plan: out.SendPlan
    filled_quantity: Decimal


class FillsQuestion(msgspec.Struct):
    """The arguments of a query for fills."""

    account_id: AccountId
    since_ns: int


class SnapshotHead(msgspec.Struct):
    """A snapshot without its items, which came before it in parts."""

    requested_at_ns: int
    responded_at_ns: int
    complete: bool
    as_of_ns: int | None


_NAMED: Final[dict[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        out.Sent,
        out.Accepted,
        out.Rejected,
        out.Unknown,
        out.OrderReport,
        out.FillReport,
        out.CumulativeFill,
        out.AssetReport,
        out.SettlementReport,
        out.BalanceReport,
        out.Gap,
        out.Absent,
        out.NotKnown,
        Book,
        TradeBar,
    )
}
_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}


def encode(value: object) -> msgspec.Raw:
    """A value whose kind the method tells."""
    return msgspec.Raw(_ENCODER.encode(value))


def encode_named(value: object) -> msgspec.Raw:
    """A value with the name of its kind."""
    return msgspec.Raw(_ENCODER.encode((type(value).__name__, value)))


def decode(body: bytes | msgspec.Raw, kind: Any) -> Any:
    """Read a value of a kind.

    Raises:
        AdapterError: it is not one.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, ValueError) as error:
        raise AdapterError(f"the other side of a paper venue's connection sent nonsense: {error}") from error


def decode_named(body: bytes | msgspec.Raw) -> Any:
    """Read a value that carries its name.

    Raises:
        AdapterError: the name is not known, or the value is not of that kind.
    """
    name, fields = decode(body, tuple[str, msgspec.Raw])
    kind = _NAMED.get(name)
    if kind is None:
        raise AdapterError(f"the other side of a paper venue's connection sent a {name[:60]!r}, which nobody knows")
    return decode(fields, kind)


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame; ``None`` when the other side is gone.

    Raises:
        AdapterError: it is longer than any that is sent.
    """
    try:
        length = int.from_bytes(await reader.readexactly(_HEAD_BYTES))
        if length > MAX_FRAME_BYTES:
            raise AdapterError(f"the other side of a paper venue's connection announced a frame of {length} bytes")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def write_frame(writer: asyncio.StreamWriter, message: Call | Frame) -> None:
    """Hand a frame to the transport; draining it is the caller's."""
    body = _ENCODER.encode(message)
    writer.write(len(body).to_bytes(_HEAD_BYTES) + body)


def chunks(items: Sequence[Any]) -> list[Sequence[Any]]:
    """The items of a snapshot as they travel."""
    return [items[start : start + CHUNK_ITEMS] for start in range(0, len(items), CHUNK_ITEMS)]
