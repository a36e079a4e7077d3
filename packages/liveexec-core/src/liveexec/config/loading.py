"""From a file to a checked configuration."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import field, fields, frozen

from liveexec.config.document import Document, parse_document, read_document
from liveexec.config.interpolation import resolved
from liveexec.config.sections import LiveConfig, ObjectsSection, PluginsSection
from liveexec.errors import ConfigurationError, Fault
from liveexec.structuring import strict_converter, structured

__all__ = ["StoreSections", "load_config", "load_store_sections", "section_of", "sound_part"]

_SCHEMA: Final = "$schema"
_CONVERTER: Final = strict_converter(texts=True)


@frozen
class StoreSections:
    """What a configuration, or the specification of a replay, says of object stores."""

    objects: ObjectsSection = field(factory=ObjectsSection)
    plugins: PluginsSection = field(factory=PluginsSection)


def load_store_sections(path: Path, environ: Mapping[str, str] = os.environ) -> StoreSections:
    """The sections of a file that object stores need. The others are not looked at: their variables need not be set.

    Raises:
        ConfigurationError: with every fault of these sections.
    """
    document = read_document(path)
    filled, faults = resolved(
        {each.name: document[each.name] for each in fields(StoreSections) if each.name in document}, environ
    )
    if faults:
        raise ConfigurationError(str(path), faults)
    return structured(_CONVERTER, filled, StoreSections, str(path))


def load_config(
    source: str | os.PathLike[str] | Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> LiveConfig:
    """The configuration of a file, of a JSON text (it begins with a brace) or of a document; whether its sections fit
    each other and what is installed is looked at when they are put together.

    Raises:
        ConfigurationError: with every fault, each with its path; nothing was started.
    """
    document, what = _document(source)
    filled, faults = resolved({key: value for key, value in document.items() if key != _SCHEMA}, environ)
    unfilled = {fault.path for fault in faults}
    try:
        config = structured(_CONVERTER, filled, LiveConfig, what)
    except ConfigurationError as error:
        # What a missing variable leaves behind is no fault of its own.
        faults += [fault for fault in error.faults if not any(_concerns(fault, path) for path in unfilled)]
    if faults:
        raise ConfigurationError(what, faults)
    return config


def sound_part(
    source: str | os.PathLike[str] | Mapping[str, Any], environ: Mapping[str, str], faults: Sequence[Fault]
) -> LiveConfig | None:
    """What is left of a faulty configuration without the sections that these faults are in, so that everything else
    can be looked at as well; ``None`` when nothing can be."""
    heads = {section_of(fault.path) for fault in faults}
    try:
        document, what = _document(source)
        kept = {key: value for key, value in document.items() if key not in heads and key != _SCHEMA}
        filled, _ = resolved({"mode": "paper", **kept}, environ)
        return structured(_CONVERTER, filled, LiveConfig, what)
    except ConfigurationError:
        return None


def _document(source: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[Document, str]:
    if isinstance(source, Mapping):
        return dict(source), "configuration"
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return parse_document(source), "configuration"
    return read_document(Path(source)), str(source)


def section_of(path: str) -> str:
    """The section that a path lies in."""
    return path.partition(".")[0].partition("[")[0]


def _concerns(fault: Fault, path: str) -> bool:
    return path == fault.path or path.startswith((f"{fault.path}.", f"{fault.path}["))
