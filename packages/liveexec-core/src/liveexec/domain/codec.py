"""Events as JSON and back. An event is written ``[name, version, fields]``; amounts are text, never numbers.

Names and versions are for good: a stored event of an older version passes through its upcasters when it is read.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, get_args

import msgspec

from liveexec.domain.account_event import AccountEvent
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.record import Event
from liveexec.errors import Fault, InvalidInput

__all__ = ["EVENT_TYPES", "EVENT_VERSIONS", "decode_events", "encode_events", "encode_json"]

#: Every event by its stable name.
EVENT_TYPES: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {kind.__name__: kind for kind in (*get_args(OrderEvent), *get_args(AccountEvent))}
)
#: The version that is written; 1 where nothing is said.
EVENT_VERSIONS: Final[Mapping[str, int]] = MappingProxyType(dict.fromkeys(EVENT_TYPES, 1))

Fields = dict[str, Any]
#: (name, version read) -> the function that makes the fields of the next version.
UPCASTERS: Final[dict[tuple[str, int], Callable[[Fields], Fields]]] = {}

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder()
_HEADS: Final = {kind: (name, EVENT_VERSIONS[name]) for name, kind in EVENT_TYPES.items()}


def encode_json(value: object) -> bytes:
    """Any domain value as JSON; ``Decimal`` becomes text."""
    return _ENCODER.encode(value)


def encode_events(events: Iterable[Event]) -> bytes:
    """The JSON array of a record's events."""
    return _ENCODER.encode([(*_HEADS[type(event)], event) for event in events])


def decode_events(document: bytes | str) -> tuple[Event, ...]:
    """Events from their JSON array, upcast to the versions of today.

    Raises:
        InvalidInput: an event is unknown, newer than this code or not what its version says.
    """
    try:
        return tuple(_decode(name, version, fields) for name, version, fields in _DECODER.decode(document))
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        raise InvalidInput("stored events", [Fault("", str(error))]) from error


def _decode(name: str, version: int, fields: Fields) -> Event:
    kind = EVENT_TYPES.get(name)
    if kind is None or not 1 <= version <= EVENT_VERSIONS[name]:
        raise InvalidInput(f"event {name} version {version}", [Fault("", "this version of liveexec does not know it")])
    while version < EVENT_VERSIONS[name]:
        fields = UPCASTERS[name, version](fields)
        version += 1
    event: Event = msgspec.convert(fields, kind)
    return event
