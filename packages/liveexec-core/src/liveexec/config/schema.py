"""The JSON Schema of configurations, for editors: made from the sections, so that it can't say anything else."""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from liveexec.config.sections import LiveConfig
from liveexec.domain.secret import Secret

__all__ = ["json_schema"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
#: A variable may stand for any single value.
_VARIABLE: Final = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"}
_SINGLE: Final[dict[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    bool: {"anyOf": [{"type": "boolean"}, _VARIABLE]},
    int: {"anyOf": [{"type": "integer"}, _VARIABLE]},
    Decimal: {
        "anyOf": [
            {"type": "number"},
            {"type": "string", "pattern": r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"},
            _VARIABLE,
        ]
    },
    Any: {},
    Secret: {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {
                "type": "object",
                "required": ["secret"],
                "additionalProperties": False,
                "properties": {
                    "secret": {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": False,
                        "properties": {
                            "env": {"type": "string"},
                            "file": {"type": "string"},
                            "keyring": {
                                "type": "object",
                                "required": ["service", "name"],
                                "additionalProperties": False,
                                "properties": {"service": {"type": "string"}, "name": {"type": "string"}},
                            },
                        },
                    }
                },
            },
        ]
    },
}


def json_schema(
    adapters: Mapping[str, type[Any] | None] | None = None, sections: Mapping[str, type[Any] | None] | None = None
) -> dict[str, Any]:
    """The schema of a configuration; with ``adapters`` also of their sections, by kind of venue, and with ``sections``
    of the top-level sections that plugins read."""
    schema = {"$schema": _DIALECT, "title": "liveexec configuration", **_of(LiveConfig)}
    if adapters is not None:
        kinds = {name: _of(kind) if kind is not None else {"type": "object"} for name, kind in adapters.items()}
        section = schema["properties"]["external_adapters"]
        section.update(properties=kinds, additionalProperties=False)
    for name, kind in (sections or {}).items():
        if kind is not None:
            schema["properties"][name] = {
                "anyOf": [_of(kind), {"type": "null"}],
                "description": _of(kind)["description"],
            }
    # An editor's own reference to the schema is no part of the configuration.
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return schema


def _of(kind: Any) -> dict[str, Any]:
    if attrs.has(kind):
        return _of_class(kind)
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [_of(each) for each in get_args(kind)]}
    if kind is NoneType:
        return {"type": "null"}
    if origin is Literal:
        return {"enum": list(get_args(kind))}
    if origin is tuple:
        return {"type": "array", "items": _of(get_args(kind)[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(get_args(kind)[1])}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [each.value for each in kind]}
    return dict(_SINGLE[getattr(kind, "__supertype__", kind)])


def _of_class(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    properties, required = {}, []
    for attribute in attrs.fields(kind):
        if not attribute.init:
            continue
        described = _of(hints[attribute.name])
        if "help" in attribute.metadata:
            described["description"] = attribute.metadata["help"]
        if attribute.default is attrs.NOTHING:
            required.append(attribute.name)
        elif isinstance(attribute.default, str | bool | int):
            described["default"] = attribute.default
        elif isinstance(attribute.default, Decimal):
            described["default"] = str(attribute.default)
        properties[attribute.name] = described
    found = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        found["required"] = required
    summary = (kind.__doc__ or "").strip().split("\n\n")[0]
    return {"description": " ".join(summary.split()), **found} if summary else found
