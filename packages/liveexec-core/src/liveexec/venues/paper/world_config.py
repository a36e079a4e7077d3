"""A paper world as configuration: several venues on one market, and how they are written to and read from JSON."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from liveexec.domain.ids import InstrumentId, VenueName
from liveexec.errors import AdapterError, ConfigurationError, Fault
from liveexec.structuring import read_config, strict_converter, structured
from liveexec.venues.paper.config import PaperVenueConfig
from liveexec.venues.paper.market import MarketSource
from liveexec.venues.paper.synthetic import SyntheticInstrument, SyntheticMarket

__all__ = ["PaperWorldConfig", "RecordedMarketConfig", "SyntheticMarketConfig"]


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


MarketConfig = RecordedMarketConfig | SyntheticMarketConfig | None


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
    market: MarketConfig = None
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
        return read_config(_CONVERTER, text, cls, "paper world")

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "PaperWorldConfig":
        """Read a configuration from JSON values.

        Raises:
            ConfigurationError: with every fault and its path.
        """
        return structured(_CONVERTER, dict(document), cls, "paper world")


def _recorded(path: Path, sources: tuple[InstrumentId, ...], day: str | None) -> MarketSource:
    try:
        from liveexec.venues.paper.parquet import RecordedMarket  # noqa: PLC0415 -- pyarrow is an optional extra
    except ModuleNotFoundError as error:
        message = "recorded markets need pyarrow: install liveexec-core[parquet]"
        raise ConfigurationError(f"recorded market {path}", [Fault("", message)]) from error
    return RecordedMarket(path, sources, day)


def _to_market(value: Any, _: Any) -> MarketConfig:
    if value is None:
        return None
    if isinstance(value, dict) and "path" in value:
        return _CONVERTER.structure(value, RecordedMarketConfig)
    return _CONVERTER.structure(value, SyntheticMarketConfig)


_CONVERTER: Final = strict_converter()
_CONVERTER.register_structure_hook_func(lambda kind: kind == MarketConfig, _to_market)
