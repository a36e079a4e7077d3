"""The configuration, from the JSON Schema that ``liveexec config schema`` prints."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from generators.markdown import code, summary, table
from liveexec.config.schema import json_schema
from liveexec.config.sections import LiveConfig
from liveexec.venues.paper.section import PaperSection

__all__ = ["adapter_section", "configuration_sections", "paper_section"]

_HEAD: Final = ("key", "value", "default", "")


def configuration_sections() -> str:
    """The document's own keys, then a section for each of its sections."""
    schema = json_schema()
    parts = ["## The document", table(_HEAD, _rows(schema, LiveConfig))]
    for attribute in attrs.fields(LiveConfig):
        described = schema["properties"][attribute.name]
        if "properties" in described:
            parts += _section(attribute.name, described, attribute)
        elif "properties" in described.get("items", {}):
            parts += _section(f"{attribute.name}[]", described["items"], attribute)
    return "\n\n".join(parts)


def paper_section() -> str:
    """The section of the paper venues."""
    return adapter_section("PAPER", PaperSection, {})


def adapter_section(name: str, kind: type[Any], parts: Mapping[str, type[Any]]) -> str:
    """What a kind of venue is configured with; ``parts`` are the classes of its lists, by their key and ``[]``."""
    adapters = json_schema({name: kind})["properties"]["external_adapters"]
    described = adapters["properties"][name]
    written = [f"{summary(kind.__doc__)}\n\n{table(_HEAD, _rows(described, kind))}"]
    for key, part in parts.items():
        items = described["properties"][key.removesuffix("[]")]["items"]
        written.append(f"`{key}`: {summary(part.__doc__)}\n\n{table(_HEAD, _rows(items, part))}")
    return "\n\n".join(written)


def _section(name: str, described: Mapping[str, Any], attribute: "attrs.Attribute[Any]") -> list[str]:
    kind = getattr(attribute.default, "factory", None)
    # The description of a section is that of its key; what its class says is longer.
    said = summary(kind.__doc__) if kind is not None else described["description"]
    hot = " All of it may change while running." if attribute.metadata.get("hot") else ""
    return [f"## {name}", said + hot, table(_HEAD, _rows(described, kind))]


def _rows(described: Mapping[str, Any], kind: type[Any] | None) -> list[tuple[str, str, str, str]]:
    hot = {each.name for each in attrs.fields(kind) if each.metadata.get("hot")} if kind is not None else set()
    required = described.get("required", ())
    rows = []
    for name, each in described["properties"].items():
        default = "required" if name in required else _default(each.get("default", _listed(kind, name)))
        said = each.get("description", "")
        is_section = "properties" in each
        rows.append(
            (
                code(name),
                f"[section](#{name})" if is_section else _value(each),
                "" if is_section else default,
                _meaning(kind, name, said) + ("; may change while running" if name in hot else ""),
            )
        )
    return rows


def _meaning(kind: type[Any] | None, name: str, said: str) -> str:
    """What the key says of itself; a section's own description stands with the section."""
    if kind is not None and (attribute := getattr(attrs.fields(kind), name, None)) is not None:
        return str(attribute.metadata.get("help", said))
    return said or "an editor's reference to the schema"


def _listed(kind: type[Any] | None, name: str) -> str | None:
    """The default of a list, which the schema does not state."""
    given = getattr(getattr(attrs.fields(kind), name, None), "default", None) if kind is not None else None
    return ", ".join(given) or None if isinstance(given, tuple) else None


def _default(value: Any) -> str:
    if value is None:
        return "none"
    return code(str(value).lower() if isinstance(value, bool) else value)


def _value(described: Mapping[str, Any]) -> str:
    if "enum" in described:
        return ", ".join(code(each) for each in described["enum"])
    if "anyOf" in described:
        kinds = [each for each in described["anyOf"] if "pattern" not in each and each.get("type") != "null"]
        return " or ".join(dict.fromkeys(_value(each) for each in kinds))
    match described.get("type"):
        case "array":
            return f"list of {_value(described['items'])}"
        case "object" if isinstance(more := described.get("additionalProperties"), dict) and more:
            return f"object of {_value(more)}"
        case None:
            return "anything"
        case "integer":
            return "whole number"
        case kind:
            return str(kind)
