"""Simple Binary Encoding, as far as Binance Spot's schema needs it (FIX SBE 1.0, little-endian).

A message is a header (block length, template, schema, version), a block of fields of fixed size, repeating groups, and
data of variable length; an entry of a group is the same without the header. Absent optional fields hold their type's
null: the least value of a signed integer, the greatest of an unsigned one.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

__all__ = ["SCHEMA_ID", "SCHEMA_VERSION", "Data", "Field", "Group", "Layout", "decode", "encode", "fields"]

SCHEMA_ID: Final = 3
SCHEMA_VERSION: Final = 5

_HEADER: Final = struct.Struct("<HHHH")
#: By the short name of a type: its struct code and its null.
_TYPES: Final[Mapping[str, tuple[str, int]]] = {
    "i8": ("b", -(2**7)),
    "u8": ("B", 2**8 - 1),
    "i16": ("h", -(2**15)),
    "u16": ("H", 2**16 - 1),
    "i32": ("i", -(2**31)),
    "u32": ("I", 2**32 - 1),
    "i64": ("q", -(2**63)),
    "u64": ("Q", 2**64 - 1),
}
#: By the bytes of its length: how data of variable length begins.
_LENGTHS: Final[Mapping[int, str]] = {1: "<B", 2: "<H", 4: "<I"}


@frozen
class Field:
    """A field of fixed size."""

    name: str
    kind: str
    optional: bool = False


@frozen
class Data:
    """Bytes of variable length behind a length of 1, 2 or 4 bytes; text is UTF-8."""

    name: str
    length_bytes: int = 1
    is_text: bool = True


@frozen
class Group:
    """A repeating group. Its dimensions are the block length and a count of ``count_bytes`` bytes."""

    name: str
    fields: Sequence[Field] = ()
    groups: Sequence["Group"] = ()
    data: Sequence[Data] = ()
    count_bytes: int = 4


@frozen
class Layout:
    """A message of the schema."""

    name: str
    template_id: int
    fields: Sequence[Field] = ()
    groups: Sequence[Group] = ()
    data: Sequence[Data] = field(default=())
    schema_id: int = SCHEMA_ID
    schema_version: int = SCHEMA_VERSION


def fields(text: str) -> tuple[Field, ...]:
    """Fields written as ``name:kind`` with a question mark behind those that may be absent."""
    found = []
    for word in text.split():
        name, _, kind = word.partition(":")
        found.append(Field(name, kind.rstrip("?"), optional=kind.endswith("?")))
    return tuple(found)


def encode(layout: Layout, values: Mapping[str, Any]) -> bytes:
    """The message with these values, by the names of the schema; groups are lists of the same.

    Raises:
        KeyError: a value is missing that has to be there.
        struct.error: one does not fit into its field.
    """
    header = _HEADER.pack(_size(layout.fields), layout.template_id, layout.schema_id, layout.schema_version)
    return header + _body(layout, values)


def decode(layout: Layout, message: bytes) -> dict[str, Any]:
    """The values of a message of this layout; absent ones are ``None``.

    Raises:
        ValueError: it is another message, or there is more or less of it than the layout has.
    """
    size, template, schema, version = _HEADER.unpack_from(message)
    found = (size, template, schema, version)
    if found != (_size(layout.fields), layout.template_id, layout.schema_id, layout.schema_version):
        raise ValueError(f"{layout.name}: another message's header {found}")
    values, at = _read(layout, message, _HEADER.size)
    if at != len(message):
        raise ValueError(f"{layout.name}: {len(message) - at} bytes more than its layout has")
    return values


def _size(of: Sequence[Field]) -> int:
    return struct.calcsize("<" + "".join(_TYPES[each.kind][0] for each in of))


def _body(part: Layout | Group, values: Mapping[str, Any]) -> bytes:
    written = [struct.pack(f"<{_TYPES[each.kind][0]}", _value(each, values)) for each in part.fields]
    for group in part.groups:
        entries = values[group.name]
        code = "<HI" if group.count_bytes == 4 else "<HH"
        written.append(struct.pack(code, _size(group.fields), len(entries)))
        written += [_body(group, entry) for entry in entries]
    for each in part.data:
        content = values.get(each.name) or b""
        raw = content.encode() if isinstance(content, str) else content
        written.append(struct.pack(_LENGTHS[each.length_bytes], len(raw)) + raw)
    return b"".join(written)


def _value(of: Field, values: Mapping[str, Any]) -> int:
    value = values.get(of.name) if of.optional else values[of.name]
    if value is None:
        if not of.optional:
            raise KeyError(of.name)
        return _TYPES[of.kind][1]
    return int(value)


def _read(part: Layout | Group, message: bytes, at: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    for each in part.fields:
        code, null = _TYPES[each.kind]
        (value,) = struct.unpack_from(f"<{code}", message, at)
        values[each.name] = None if each.optional and value == null else value
        at += struct.calcsize(f"<{code}")
    for group in part.groups:
        code = "<HI" if group.count_bytes == 4 else "<HH"
        size, count = struct.unpack_from(code, message, at)
        at += struct.calcsize(code)
        if size != _size(group.fields):
            raise ValueError(f"{group.name}: entries of {size} bytes instead of {_size(group.fields)}")
        entries = []
        for _ in range(count):
            entry, at = _read(group, message, at)
            entries.append(entry)
        values[group.name] = entries
    for data in part.data:
        (length,) = struct.unpack_from(_LENGTHS[data.length_bytes], message, at)
        at += data.length_bytes
        raw = message[at : at + length]
        if len(raw) != length:
            raise ValueError(f"{data.name}: {length} bytes announced, {len(raw)} there")
        at += length
        values[data.name] = raw.decode() if data.is_text else raw
    return values, at
