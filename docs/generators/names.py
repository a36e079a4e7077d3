"""The public names, from :mod:`liveexec`: what each is, and what it has."""

import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import attrs

import liveexec
from generators.markdown import called, code, prose, table

__all__ = ["name_sections"]

_RAISES: Final = re.compile(r"^Raises:\n((?:[ ]{4}.*\n?)+)", re.MULTILINE)
_RAISED: Final = re.compile(r"^[ ]{4}(\S[^:]*): ", re.MULTILINE)


def name_sections() -> str:
    """A section for each public name."""
    return "\n\n".join(_section(name, getattr(liveexec, name)) for name in sorted(liveexec.__all__))


def _section(name: str, value: Any) -> str:
    parts = [f"## {name}"]
    if value is liveexec.LiveExecutionOrchestrator:
        # What it is and what it does is said at its base, which no other class has.
        parts += [_said(value).partition("\n\n")[0], _said(value.__base__), *_methods(value)]
    elif inspect.isclass(value) and issubclass(value, enum.Enum):
        parts += [_said(value), "One of " + ", ".join(code(member.value) for member in value) + "."]
    elif inspect.isclass(value) and attrs.has(value):
        parts += [_said(value), _fields(value)]
        parts += _methods(value) if name == "Order" else []
    elif inspect.isclass(value) and not issubclass(value, Exception):
        parts += [_said(value), *_methods(value)]
    elif inspect.isclass(value):
        parts.append(_said(value))
    else:
        parts += [_signature(name, value).rstrip(), _said(value)]
    return "\n\n".join(parts)


def _fields(kind: type[Any]) -> str:
    rows = [
        (code(each.name), code(_type(each.type)), _default(each.default)) for each in attrs.fields(kind) if each.init
    ]
    return table(("field", "type", "default"), rows)


def _methods(kind: type[Any]) -> list[str]:
    """Methods that are public and said something about, the inherited ones among them."""
    return [
        f"### {kind.__name__}.{name}\n\n{_signature(name, value)}{_completed(kind, name, value)}"
        for name, value in _public(kind)
    ]


def _completed(kind: type[Any], name: str, value: Any) -> str:
    """What is said of a method; one that leaves the rest to its base has that too."""
    said = _said(value)
    if "see the base" not in said:
        return said
    base = next(each for each in kind.__mro__[1:] if name in vars(each))
    return f"{said.replace('; see the base', '')}\n\n{_said(vars(base)[name])}"


def _public(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    for name, value in inspect.getmembers(kind):
        found = value.fget if isinstance(value, property) else inspect.unwrap(value) if callable(value) else None
        if not name.startswith("_") and inspect.isfunction(found) and found.__doc__:
            yield name, value


def _signature(name: str, value: Any) -> str:
    if isinstance(value, property):
        assert value.fget is not None
        return f"A property: {code(_type(inspect.signature(value.fget).return_annotation))}.\n\n"
    function = inspect.unwrap(value)
    is_async = "async " if inspect.iscoroutinefunction(function) else ""
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name not in ("self", "cls")]
    lines, starred = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not starred:
            lines.append("*")
            starred = True
        default = "" if each.default is each.empty else f" = {_written(each.default)}"
        lines.append(f"{each.name}: {_type(each.annotation)}{default}")
    returned = _type(inspect.signature(function).return_annotation)
    return f"```text\n{called(is_async + name, lines, returned)}\n```\n\n"


def _written(default: object) -> str:
    if isinstance(default, enum.Enum):
        return f"{type(default).__name__}.{default.name}"
    if isinstance(default, frozenset) and default:
        return f"frozenset({{{', '.join(sorted(map(repr, default)))}}})"
    return "os.environ" if type(default).__name__ == "_Environ" else repr(default)


def _default(default: object) -> str:
    if default is attrs.NOTHING:
        return "required"
    return "made anew" if isinstance(default, attrs.Factory) else code(_written(default))  # type: ignore[arg-type]  # attrs types the class as a function


def _type(annotation: object) -> str:
    """A type without the modules that its names come from."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z_a-z])", "", text)


def _said(value: Any) -> str:
    """The docstring, what is raised as a list."""
    text = inspect.getdoc(value.fget if isinstance(value, property) else inspect.unwrap(value)) or ""

    def listed(found: re.Match[str]) -> str:
        return "Raises:\n\n" + _RAISED.sub(lambda each: f"- ``{each.group(1)}``: ", found.group(1))

    return prose(_RAISES.sub(listed, text + "\n"))
