"""Configuration classes from JSON and back: strict about every type, and all faults at once with their paths."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, get_origin

import attrs
from cattrs import BaseConverter, BaseValidationError, ClassValidationError, Converter, IterableValidationError
from cattrs.cols import homogenous_tuple_structure_factory, mapping_structure_factory
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from liveexec.domain.money import parse_decimal, plain
from liveexec.errors import ConfigurationError, Fault, InvalidInput

__all__ = ["read_config", "strict_converter"]

#: The longest configuration that is read, so that a wrong file can't fill the memory.
MAX_CHARACTERS: Final = 4 * 1024 * 1024

#: (value, type) -> the structured value.
Hook = Callable[[Any, Any], Any]


def read_config[T](converter: Converter, text: str, kind: type[T], what: str) -> T:
    """Read a configuration class from JSON.

    Raises:
        ConfigurationError: about ``what``, with every fault and its path.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigurationError(what, [Fault("", f"is longer than {MAX_CHARACTERS} characters")])
    try:
        return converter.structure(json.loads(text), kind)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConfigurationError(what, [Fault("", f"is not JSON: {error}")]) from error
    except (BaseValidationError, ValueError) as error:
        raise ConfigurationError(what, _flatten(error, "")) from error


def strict_converter() -> Converter:
    """A converter that takes no string for a number, no number for a string, and no key that it does not know.

    Decimals are strings in JSON.
    """
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, words in ((int, "a whole number"), (str, "a string"), (bool, "true or false")):
        converter.register_structure_hook(kind, _strictly(kind, words))
    # A hook of a class takes its subclasses too, and these are strings.
    converter.register_structure_hook(StrEnum, _to_member)
    converter.register_structure_hook(float, _to_float)
    converter.register_structure_hook(Decimal, _to_decimal)
    converter.register_unstructure_hook(Decimal, plain)

    @converter.register_structure_hook_factory(attrs.has)
    def object_hook(kind: Any, using: BaseConverter) -> Hook:
        return _shaped(make_dict_structure_fn(kind, using, _cattrs_forbid_extra_keys=True), dict, "an object")

    @converter.register_structure_hook_factory(lambda kind: _origin(kind) is tuple)
    def list_hook(kind: Any, using: BaseConverter) -> Hook:
        return _shaped(homogenous_tuple_structure_factory(kind, using), list, "a list")

    @converter.register_structure_hook_factory(lambda kind: _origin(kind) is Mapping)
    def mapping_hook(kind: Any, using: BaseConverter) -> Hook:
        return _shaped(mapping_structure_factory(kind, using), dict, "an object")

    return converter


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _shaped(structure: Callable[..., Any], shape: type[Any], words: str) -> Hook:
    """Refuse a value of another shape before the hook, which counts on its own, stumbles over it."""

    def checked(value: Any, kind: Any) -> Any:
        if type(value) is not shape:
            raise ValueError(f"must be {words}")
        return structure(value, kind)

    return checked


def _strictly(kind: type[Any], words: str) -> Hook:
    return _shaped(lambda value, _: value, kind, words)


def _to_member(value: Any, kind: Any) -> Any:
    members = [str(member) for member in kind]
    if value not in members:
        raise ValueError(f"must be one of {', '.join(members)}")
    return kind(value)


def _to_decimal(value: Any, _: Any) -> Decimal:
    if type(value) is not str:
        raise ValueError("must be a number written as a string")
    return parse_decimal(value)


def _to_float(value: Any, _: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError("must be a number")
    return float(value)


def _flatten(error: Exception, path: str) -> list[Fault]:
    faults: list[Fault] = []
    if isinstance(error, ClassValidationError):
        noted, others = error.group_exceptions()
        for inner, attribute in noted:
            faults += _flatten(inner, f"{path}.{attribute.name}" if path else attribute.name)
        for inner in others:
            faults += _flatten(inner, path)
    elif isinstance(error, IterableValidationError):
        items, others = error.group_exceptions()
        for inner, item in items:
            faults += _flatten(inner, f"{path}[{item.index}]")
        for inner in others:
            faults += _flatten(inner, path)
    elif isinstance(error, InvalidInput):
        faults += [Fault(".".join(part for part in (path, f.path) if part), f.message) for f in error.faults]
    elif isinstance(error, ForbiddenExtraKeysError):
        faults += [Fault(f"{path}.{name}" if path else name, "is not known") for name in sorted(error.extra_fields)]
    elif isinstance(error, KeyError):
        # The path names the key already: it is the attribute that was looked for.
        faults.append(Fault(path, "is missing"))
    else:
        faults.append(Fault(path, str(error)))
    return faults
