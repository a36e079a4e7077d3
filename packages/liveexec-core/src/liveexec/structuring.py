"""JSON documents to classes and back, with cattrs: strict about every type, and all faults at once with their paths."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final, Literal, get_args, get_origin

import attrs
from cattrs import BaseConverter, BaseValidationError, ClassValidationError, Converter, IterableValidationError
from cattrs.cols import homogenous_tuple_structure_factory, mapping_structure_factory
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from liveexec.domain.money import parse_decimal, plain
from liveexec.domain.secret import Secret
from liveexec.errors import ConfigurationError, Fault, InvalidInput

__all__ = ["read_config", "strict_converter", "structured"]

#: The longest configuration that is read, so that a wrong file can't fill the memory.
MAX_CHARACTERS: Final = 4 * 1024 * 1024

#: (value, type) -> the structured value.
Hook = Callable[[Any, Any], Any]

_SWITCHES: Final = {"true": True, "false": False}


def read_config[T](converter: Converter, text: str, kind: type[T], what: str) -> T:
    """Read a configuration class from JSON.

    Raises:
        ConfigurationError: about ``what``, with every fault and its path.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigurationError(what, [Fault("", f"is longer than {MAX_CHARACTERS} characters")])
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConfigurationError(what, [Fault("", f"is not JSON: {error}")]) from error
    return structured(converter, document, kind, what)


def structured[T](converter: Converter, document: object, kind: type[T], what: str, path: str = "") -> T:
    """A JSON document as an instance of a class; ``path`` is where in ``what`` it stands.

    Raises:
        ConfigurationError: with every fault and its path.
    """
    try:
        return converter.structure(document, kind)
    except (BaseValidationError, ValueError, InvalidInput) as error:
        raise ConfigurationError(what, _flatten(error, path)) from None


def strict_converter(*, texts: bool = False) -> Converter:
    """A converter that takes no string for a number, no number for a string, and no key that it does not know.

    Decimals are strings in JSON. With ``texts``, as for a document whose variables were filled in, numbers and
    switches may be written as text, and Decimals as numbers.
    """
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook(int, _to_whole if texts else _strictly(int, "a whole number"))
    converter.register_structure_hook(bool, _to_switch if texts else _strictly(bool, "true or false"))
    converter.register_structure_hook(str, _strictly(str, "a string"))
    # A hook of a class takes its subclasses too, and these are strings.
    converter.register_structure_hook(StrEnum, _to_member)
    converter.register_structure_hook(float, _to_float)
    converter.register_structure_hook(Decimal, _to_decimal_of_any if texts else _to_decimal)
    converter.register_structure_hook(Secret, _to_secret)
    converter.register_structure_hook_func(lambda kind: kind == Secret | None, _to_optional_secret)
    converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _to_choice)
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


def _to_whole(value: Any, _: Any) -> int:
    if type(value) is str and value.isascii() and value.removeprefix("-").isdecimal() and len(value) < 20:
        return int(value)
    if type(value) is not int:
        raise ValueError("must be a whole number")
    return value


def _to_switch(value: Any, _: Any) -> bool:
    if type(value) is str and value.lower() in _SWITCHES:
        return _SWITCHES[value.lower()]
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


def _to_member(value: Any, kind: Any) -> Any:
    return kind(_one_of(value, [str(member) for member in kind]))


def _to_choice(value: Any, kind: Any) -> Any:
    return _one_of(value, get_args(kind))


def _one_of(value: Any, options: Any) -> Any:
    if type(value) is str and value in options:
        return value
    near = get_close_matches(value, options, n=1) if type(value) is str else []
    raise ValueError(f"must be one of {', '.join(options)}" + (f", did you mean {near[0]}?" if near else ""))


def _to_decimal(value: Any, _: Any) -> Decimal:
    if type(value) is not str:
        raise ValueError("must be a number written as a string")
    return parse_decimal(value)


def _to_decimal_of_any(value: Any, _: Any) -> Decimal:
    if type(value) not in (str, int, Decimal):
        raise ValueError("must be a decimal number")
    return parse_decimal(str(value))


def _to_float(value: Any, _: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError("must be a number")
    return float(value)


def _to_secret(value: Any, _: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if type(value) is not str or not value:
        # Never with the value: a key that is a number is a key still.
        raise ValueError('must be text that is not empty, or an object {"secret": {...}}')
    return Secret(value)


def _to_optional_secret(value: Any, kind: Any) -> Secret | None:
    # An empty default (``${VAR:-}``) stands for none.
    return None if value is None or value == "" else _to_secret(value, kind)


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
            faults += _flatten(inner, _at(path, item.index))
        for inner in others:
            faults += _flatten(inner, path)
    elif isinstance(error, InvalidInput):
        faults += [Fault(".".join(part for part in (path, f.path) if part), f.message) for f in error.faults]
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [attribute.name for attribute in attrs.fields(error.cl) if attribute.init]
        for name in sorted(error.extra_fields):
            near = get_close_matches(name, known, n=1)
            hint = f", did you mean {near[0]}?" if near else ""
            faults.append(Fault(f"{path}.{name[:120]}" if path else name[:120], f"is not known{hint}"))
    elif isinstance(error, KeyError):
        # The path names the key already: it is the attribute that was looked for.
        faults.append(Fault(path, "is missing"))
    else:
        faults.append(Fault(path, str(error)))
    return faults


def _at(path: str, index: int | str) -> str:
    if isinstance(index, int):
        return f"{path}[{index}]"
    return f"{path}.{index[:120]}" if path else index[:120]
