"""A paper world as configuration: several venues on one market, and how they are written to and read from JSON."""

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from cattrs import BaseValidationError, ClassValidationError, Converter, IterableValidationError
from cattrs.errors import ForbiddenExtraKeysError

from liveexec.domain.ids import InstrumentId, VenueName
from liveexec.domain.money import parse_decimal, plain
from liveexec.errors import AdapterError, ConfigurationError, Fault, InvalidInput
from liveexec.venues.paper.config import PaperVenueConfig
from liveexec.venues.paper.market import MarketSource
from liveexec.venues.paper.synthetic import SyntheticInstrument, SyntheticMarket

__all__ = ["PaperWorldConfig", "RecordedMarketConfig", "SyntheticMarketConfig"]

#: The longest configuration that is read, so that a wrong file can't fill the memory.
_MAX_BYTES: Final = 4 * 1024 * 1024


@frozen
class RecordedMarketConfig:
    """Recorded ticks below ``path`` (see :mod:`~liveexec.venues.paper.parquet`), of one day or of all."""

    path: str
    day: str | None = None


@frozen
class SyntheticMarketConfig:
    """A seeded market that begins at ``start_ns`` (UTC nanoseconds) and steps every ``step_ns``."""

    instruments: tuple[SyntheticInstrument, ...]
    start_ns: int
    seed: int = 0
    step_ns: int = 100_000_000


@frozen
class PaperWorldConfig:
    """Several paper venues on one market.

    ``speed`` is how many market seconds pass in a second. Trading begins ``warmup_s`` market seconds after the
    market's first event, so that books and recent trades are there from the start. ``id_prefix`` begins the ids of
    orders and fills: with another one in each run, ids never meet those of an earlier run.

    Raises:
        ConfigurationError: with every fault.
    """

    venues: tuple[PaperVenueConfig, ...]
    market: RecordedMarketConfig | SyntheticMarketConfig | None = None
    speed: Decimal = Decimal(1)
    warmup_s: int = 60
    id_prefix: str = ""

    def __attrs_post_init__(self) -> None:
        faults = [] if self.venues else [Fault("venues", "must name at least one")]
        names = [venue.venue for venue in self.venues]
        accounts = [account for venue in self.venues for account in venue.account_ids]
        faults += [Fault("venues", f"{name} is named twice") for name in dict.fromkeys(names) if names.count(name) > 1]
        faults += [
            Fault("venues", f"account {account} is at two venues")
            for account in dict.fromkeys(accounts)
            if accounts.count(account) > 1
        ]
        if not self.speed.is_finite() or not 0 < self.speed <= 1_000_000:
            faults.append(Fault("speed", "must lie above 0 and at most at 1000000"))
        if self.warmup_s < 0:
            faults.append(Fault("warmup_s", "must not be negative"))
        faults += self._source_faults()
        if faults:
            raise ConfigurationError("paper world", faults)

    def _source_faults(self) -> list[Fault]:
        if isinstance(self.market, RecordedMarketConfig):
            return []
        offered = [item.instrument_id for item in self.market.instruments] if self.market is not None else []
        return [
            Fault("market", f"has no {source}, which feeds a listing")
            for source in self.sources
            if source not in offered
        ]

    @property
    def sources(self) -> tuple[InstrumentId, ...]:
        """The instruments of the market that feed a listing, each once."""
        listed = (item.source for venue in self.venues for item in venue.instruments)
        return tuple(dict.fromkeys(source for source in listed if source is not None))

    def venue(self, name: VenueName) -> PaperVenueConfig:
        """The venue of this name.

        Raises:
            AdapterError: there is none.
        """
        for venue in self.venues:
            if venue.venue == name:
                return venue
        raise AdapterError(f"there is no paper venue {name}, only {', '.join(v.venue for v in self.venues)}")

    def open_market(self) -> MarketSource | None:
        """The market that drives the venues; ``None`` without one.

        Raises:
            ConfigurationError: it can't be opened; every fault is named.
        """
        match self.market:
            case RecordedMarketConfig(path=path, day=day):
                return _recorded(Path(path), self.sources, day)
            case SyntheticMarketConfig() as synthetic:
                return SyntheticMarket(
                    synthetic.instruments, seed=synthetic.seed, start_ns=synthetic.start_ns, step_ns=synthetic.step_ns
                )
            case None:
                return None

    def to_json(self) -> str:
        """The configuration as text that :meth:`from_json` reads back; amounts are strings."""
        return json.dumps(_CONVERTER.unstructure(self), indent=1, sort_keys=True)

    @property
    def digest(self) -> str:
        """A hash of the whole configuration but for ``id_prefix``: equal for equal worlds."""
        document = {**_CONVERTER.unstructure(self), "id_prefix": ""}
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> "PaperWorldConfig":
        """Read a configuration.

        Raises:
            ConfigurationError: with every fault and its path.
        """
        if len(text) > _MAX_BYTES:
            raise ConfigurationError("paper world", [Fault("", f"is longer than {_MAX_BYTES} bytes")])
        try:
            document = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ConfigurationError("paper world", [Fault("", f"is not JSON: {error}")]) from error
        try:
            return _CONVERTER.structure(document, cls)
        except BaseValidationError as error:
            raise ConfigurationError("paper world", _flatten(error, "")) from error
        except ConfigurationError:
            raise
        except (ValueError, TypeError) as error:
            raise ConfigurationError("paper world", [Fault("", str(error))]) from error


def _recorded(path: Path, sources: tuple[InstrumentId, ...], day: str | None) -> MarketSource:
    try:
        from liveexec.venues.paper.parquet import RecordedMarket  # noqa: PLC0415 -- pyarrow is an optional extra
    except ModuleNotFoundError as error:
        message = "recorded markets need pyarrow: install liveexec-core[parquet]"
        raise ConfigurationError(f"recorded market {path}", [Fault("", message)]) from error
    return RecordedMarket(path, sources, day)


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
        name = str(error.args[0])
        faults.append(Fault(f"{path}.{name}" if path else name, "is missing"))
    else:
        faults.append(Fault(path, str(error)))
    return faults


def _strictly(kind: type[Any], name: str) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"must be {name}")
        return value

    return structure


def _to_decimal(value: Any, _: Any) -> Decimal:
    if type(value) is not str:
        raise ValueError("must be a number written as a string")
    return parse_decimal(value)


def _to_float(value: Any, _: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError("must be a number")
    return float(value)


def _to_member(value: Any, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(kind)}") from None


def _is_str_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook(int, _strictly(int, "a whole number"))
    # By predicate, since a hook for str would take every StrEnum and leave it a plain string.
    converter.register_structure_hook_func(lambda kind: kind is str, _strictly(str, "a string"))
    converter.register_structure_hook_func(_is_str_enum, _to_member)
    converter.register_structure_hook(bool, _strictly(bool, "true or false"))
    converter.register_structure_hook(float, _to_float)
    converter.register_structure_hook(Decimal, _to_decimal)
    converter.register_unstructure_hook(Decimal, plain)
    return converter


_CONVERTER: Final = _converter()
