"""What a replay is: everything that decides how it goes, as one JSON document. A run is a pure function of it.

The engine's sections (``risk_engine``, ``router``, ``algorithms``, ``engine``, ``accounts``, ``plugins``) are those of
a live configuration; ``venues`` are written as those of a paper world. ``objects`` says how object stores are reached,
which decides nothing of the run: it is no part of what is published, nor of the hash.
"""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, fields, frozen

from liveexec.assembly import assembled, with_algorithms
from liveexec.config.document import parse_document, read_document
from liveexec.config.interpolation import resolved
from liveexec.config.sections import (
    AccountSection,
    AlgorithmsSection,
    EngineSection,
    LiveConfig,
    ObjectsSection,
    PluginsSection,
    RiskSection,
    RouterSection,
)
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.errors import ConfigurationError, Fault, InvalidInput
from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.replay.parts import EngineParts
from liveexec.replay.ports import ReplayHost
from liveexec.storage.objects.locations import location_of
from liveexec.storage.objects.opening import unknown_scheme
from liveexec.storage.results.run_ids import config_hash
from liveexec.storage.ticks.signal_files import signals_of_rows
from liveexec.storage.ticks.windows import WindowSpan
from liveexec.structuring import strict_converter, structured
from liveexec.venues.paper.config import PaperVenueConfig
from liveexec.venues.paper.synthetic import SyntheticInstrument
from liveexec.venues.paper.world_config import PaperWorldConfig, RecordedMarketConfig, SyntheticMarketConfig

__all__ = ["Checked", "RecordedData", "ReplaySpec", "SyntheticData", "check_spec", "load_spec"]

_NS: Final = 1_000_000_000
_NONE: Final[Mapping[str, Any]] = {}
#: What a replay's document has in common with a live configuration.
_ENGINE_SECTIONS: Final = ("accounts", "risk_engine", "router", "algorithms", "engine", "plugins", "objects")


@frozen
class RecordedData:
    """Recorded ticks below ``url``, read ``lead_s`` before each signal until ``tail_s`` after it, or until the horizon
    of its algorithm where that is later."""

    url: str
    lead_s: Decimal = Decimal(60)
    tail_s: Decimal = Decimal(240)

    @property
    def span(self) -> WindowSpan:
        """How much is read around a signal."""
        return WindowSpan(int(self.lead_s * _NS), int(self.tail_s * _NS))


@frozen
class SyntheticData:
    """A seeded market that begins at ``start_ns`` (UTC nanoseconds), steps every ``step_ns`` and lasts ``seconds``."""

    instruments: tuple[SyntheticInstrument, ...]
    start_ns: int
    seconds: int
    seed: int = 0
    step_ns: int = 100_000_000


#: A file, or the signals themselves, as rows of one.
SignalSource = str | tuple[Mapping[str, Any], ...]


@frozen
class ReplaySpec:
    """A replay.

    ``signals`` names a file (``.parquet``, ``.json``, ``.jsonl``) or lists its rows; ``results`` is the root under
    which the run is published, ``None`` for nowhere. Latencies are the venues'; their jitter, and every id, comes from
    ``seed``. What everything is worth is noted every ``mark_every_s`` of market time, and after every fill.
    """

    venues: tuple[PaperVenueConfig, ...]
    data: RecordedData | SyntheticData
    signals: SignalSource = ()
    name: str = "replay"
    host: str = "paper"
    host_options: Mapping[str, Any] = field(default=_NONE)
    results: str | None = None
    seed: int = 0
    mark_every_s: int = 60
    accounts: tuple[AccountSection, ...] = ()
    risk_engine: RiskSection = field(factory=RiskSection)
    router: RouterSection = field(factory=RouterSection)
    algorithms: AlgorithmsSection = field(factory=AlgorithmsSection)
    engine: EngineSection = field(factory=EngineSection)
    plugins: PluginsSection = field(factory=PluginsSection)
    objects: ObjectsSection = field(factory=ObjectsSection)

    @property
    def document(self) -> dict[str, Any]:
        """The specification as JSON values, but for where its results go and how stores are reached: what is published
        with a run."""
        document: dict[str, Any] = _CONVERTER.unstructure(evolve(self, results=None, objects=ObjectsSection()))
        del document["results"], document["objects"]
        return document

    @property
    def digest(self) -> str:
        """The hash of :attr:`document`: equal specifications give equal runs."""
        return config_hash(self.document)

    @property
    def sources(self) -> tuple[InstrumentId, ...]:
        """The instruments of the market that feed a listing, each once."""
        return self._world(None).sources

    @classmethod
    def from_document(cls, document: Mapping[str, Any], what: str = "replay") -> "ReplaySpec":
        """Read a specification from JSON values.

        Raises:
            ConfigurationError: with every fault of its form and its path; :func:`check_spec` looks at the rest.
        """
        return structured(_CONVERTER, dict(document), cls, what)

    def _world(self, market: SyntheticMarketConfig | RecordedMarketConfig | None) -> PaperWorldConfig:
        return PaperWorldConfig(self.venues, market if market is not None else RecordedMarketConfig(""))


@frozen
class Checked:
    """A specification without a fault, and what it names: the engine's parts, the host, the plugins."""

    spec: ReplaySpec
    parts: EngineParts
    host: ReplayHost
    plugins: Plugins
    reporting_asset: str
    reconcile_every_ns: int


def load_spec(
    source: str | os.PathLike[str] | Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> ReplaySpec:
    """The specification of a file, of a JSON text (it begins with a brace) or of a document. Paths in a file are
    relative to its folder.

    Raises:
        ConfigurationError: with every fault of its form.
    """
    if isinstance(source, Mapping):
        document, what, folder = dict(source), "replay", None
    elif isinstance(source, str) and source.lstrip().startswith("{"):
        document, what, folder = parse_document(source), "replay", None
    else:
        path = Path(source)
        document, what, folder = read_document(path), str(path), path.parent
    filled, faults = resolved({key: value for key, value in document.items() if key != "$schema"}, environ)
    if faults:
        raise ConfigurationError(what, faults)
    return ReplaySpec.from_document(_located(filled, folder), what)


def check_spec(spec: ReplaySpec, plugins: Plugins | None = None) -> Checked:
    """What a specification names, checked against itself and what is installed; nothing is read yet.

    Raises:
        ConfigurationError: with every fault.
        PluginError: an installed plugin can't be used.
    """
    registered = plugins if plugins is not None else load_plugins(spec.plugins.enabled)
    faults = _world_faults(spec) + _data_faults(spec, registered)
    faults += _account_faults(spec)
    host: ReplayHost | None = None
    if spec.host not in registered.replay_hosts:
        known = ", ".join(registered.replay_hosts)
        faults.append(Fault("host", f"{spec.host[:60]} is not registered; there are {known}"))
    else:
        host = registered.replay_hosts[spec.host]()
        assert host is not None
        options = host.option_faults(spec.host_options)
        faults += [Fault(f"host_options.{fault.path}", fault.message) for fault in options]
    live = LiveConfig(
        # A venue has to be named in a live configuration; these are of the specification.
        mode="paper",
        external_adapters={"PAPER": {}},
        **{name: getattr(spec, name) for name in _ENGINE_SECTIONS},
    )
    try:
        assembly = assembled(live, registered)
    except ConfigurationError as error:
        faults += error.faults
        raise ConfigurationError("replay", faults) from None
    if faults or host is None:
        raise ConfigurationError("replay", faults)
    known_algorithms = with_algorithms(registered, spec.algorithms.enabled).execution_algorithms
    parts = EngineParts(
        assembly.engine,
        registered.risk_rules,
        {name: make() for name, make in registered.routing_policies.items()},
        {name: make() for name, make in known_algorithms.items()},
    )
    return Checked(spec, parts, host, registered, spec.engine.reporting_asset, int(spec.engine.reconcile_every_s * _NS))


def _world_faults(spec: ReplaySpec) -> list[Fault]:
    """What is wrong with the venues together, and with the market that they name."""
    data = spec.data
    market = (
        SyntheticMarketConfig(data.instruments, start_ns=data.start_ns, seed=data.seed, step_ns=data.step_ns)
        if isinstance(data, SyntheticData)
        else None
    )
    faults = [
        Fault(f"venues[{index}].faults", "belongs to live paper venues; a replay has none")
        for index, venue in enumerate(spec.venues)
        if venue.faults is not None
    ]
    try:
        world = spec._world(market)  # noqa: SLF001 -- its own module
        if market is not None:
            world.open_market()
    except InvalidInput as error:
        faults += [Fault(fault.path.replace("market", "data", 1), fault.message) for fault in error.faults]
    return faults


def _data_faults(spec: ReplaySpec, plugins: Plugins) -> list[Fault]:
    faults = []
    data = spec.data
    if isinstance(data, SyntheticData):
        if data.seconds < 1:
            faults.append(Fault("data.seconds", "must be at least 1"))
    else:
        faults += _url_faults("data.url", data.url, plugins)
        if not (data.lead_s.is_finite() and data.lead_s >= 0):
            faults.append(Fault("data.lead_s", "must not be negative"))
        if not (data.tail_s.is_finite() and data.tail_s > 0):
            faults.append(Fault("data.tail_s", "must be above zero"))
    if isinstance(spec.signals, str):
        root, _, name = spec.signals.rpartition("/")
        faults += _url_faults("signals", root, plugins)
        if not name:
            faults.append(Fault("signals", "names a folder, not a file"))
    else:
        try:
            signals_of_rows(iter(spec.signals))
        except InvalidInput as error:
            faults += [Fault(f"signals{fault.path}", fault.message) for fault in error.faults]
    if spec.results is not None:
        faults += _url_faults("results", spec.results, plugins)
    if spec.mark_every_s < 0:
        faults.append(Fault("mark_every_s", "must not be negative; 0 notes nothing between fills"))
    if not spec.name.strip():
        faults.append(Fault("name", "must not be empty"))
    return faults


def _account_faults(spec: ReplaySpec) -> list[Fault]:
    there = {str(venue.venue): venue.account_ids for venue in spec.venues}
    faults = []
    for index, each in enumerate(spec.accounts):
        if each.venue not in there:
            faults.append(
                Fault(f"accounts[{index}].venue", f"{each.venue} is no venue here; there are {', '.join(there)}")
            )
        elif AccountId(each.account_id) not in there[each.venue]:
            known = ", ".join(there[each.venue])
            faults.append(Fault(f"accounts[{index}].account_id", f"{each.account_id} is not there, only {known}"))
    return faults


def _url_faults(path: str, url: str, plugins: Plugins) -> list[Fault]:
    try:
        location = location_of(url)
    except InvalidInput as error:
        return [Fault(path, fault.message) for fault in error.faults]
    if location.scheme not in plugins.object_stores:
        return [Fault(path, unknown_scheme(location.scheme, plugins.object_stores))]
    return []


def _located(document: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """The document with every path as a URL: relative ones begin at the folder, or where the process is."""
    found = dict(document)
    for name in ("signals", "results"):
        if isinstance(found.get(name), str):
            found[name] = _as_url(found[name], folder)
    data = found.get("data")
    if isinstance(data, dict) and isinstance(data.get("url"), str):
        found["data"] = {**data, "url": _as_url(data["url"], folder)}
    return found


def _as_url(text: str, folder: Path | None) -> str:
    if "://" in text or not text:
        return text
    path = Path(text).expanduser()
    return ((folder or Path()) / path).resolve().as_uri()


def _to_signals(value: Any, _: Any) -> SignalSource:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ValueError("must be the name of a file, or a list of signals")  # noqa: TRY004 -- cattrs collects these
    for index, row in enumerate(value):
        if not isinstance(row, dict):
            raise ValueError(f"must hold objects alone, and number {index} is none")  # noqa: TRY004 -- the same
    return tuple(value)


def _to_data(value: Any, _: Any) -> RecordedData | SyntheticData:
    is_recorded = isinstance(value, dict) and "url" in value
    kind: type[RecordedData | SyntheticData] = RecordedData if is_recorded else SyntheticData
    return _CONVERTER.structure(value, kind)


_CONVERTER: Final = strict_converter(texts=True)
_CONVERTER.register_structure_hook_func(lambda kind: kind == SignalSource, _to_signals)
_CONVERTER.register_structure_hook_func(lambda kind: kind == RecordedData | SyntheticData, _to_data)
assert {each.name for each in fields(ReplaySpec)} >= set(_ENGINE_SECTIONS)
