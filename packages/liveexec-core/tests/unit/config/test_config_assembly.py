"""What a configuration comes to: engine settings in the engine's units, adapters, and what does not fit together."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve, fields, frozen

from liveexec.assembly import assembled, with_algorithms
from liveexec.composition import assembled_from, plugins_of
from liveexec.config.display import differences, shown
from liveexec.config.loading import load_config
from liveexec.config.schema import json_schema
from liveexec.config.sections import LiveConfig, RiskSection
from liveexec.domain.secret import HIDDEN, Secret
from liveexec.engine.config import EngineConfig, JournalLoss
from liveexec.engine.risk_config import RiskConfig
from liveexec.errors import ConfigurationError, Fault
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.plugins.registrars import AdapterRegistration
from support.canaries import canary

LEAST: dict[str, Any] = {"mode": "paper", "external_adapters": {"PAPER": {}}}
NO_DSN = (
    "database.url: the database's address can't be used: it does not begin with postgresql://"
    " (postgresql://user@host:5432/database)"
)
SPOT = "PAPER-A:SPOT_PAIR:BTC-USDT"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins()


def faults_of(plugins: Plugins, **sections: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        assembled(load_config({**LEAST, **sections}, {}), plugins)
    return [str(fault) for fault in raised.value.faults]


class TestEngineSettings:
    def test_durations_become_nanoseconds_and_names_their_types(self, plugins: Plugins) -> None:
        config = load_config(
            {
                **LEAST,
                "risk_engine": {
                    "allowed_instruments": [SPOT],
                    "max_market_age_ms": 1_500,
                    "duplicate_window_ms": 20,
                    "rule_budget_us": 30,
                    "max_order_quantity": {"*": "5"},
                },
                "router": {"policy": "split", "latency_us": {"PAPER-A": 250}, "max_book_age_ms": 10},
                "engine": {
                    "send_deadline_ms": 700,
                    "reporting_asset": "EUR",
                    "pegged_assets": ["EURC"],
                    "on_journal_loss": {"PAPER-A": "cancel_risk_adding"},
                },
                "accounts": [{"strategy_id": "s", "venue": "PAPER-A", "account_id": "PAPER-A"}],
            },
            {},
        )
        engine: EngineConfig = assembled(config, plugins).engine
        assert engine.risk.max_market_age_ns == 1_500_000_000
        assert (engine.risk.duplicate_window_ns, engine.risk.rule_budget_ns) == (20_000_000, 30_000)
        assert engine.risk.allowed_instruments == {SPOT}
        assert engine.risk.max_order_quantity == {"*": 5}
        assert (engine.router.policy, engine.router.latency_ns) == ("split", {"PAPER-A": 250_000})
        assert engine.router.max_book_age_ns == 10_000_000
        assert engine.timing.send_deadline_ns == 700_000_000
        assert (engine.reporting_asset, engine.pegged_assets) == ("EUR", {"EURC"})
        assert engine.accounts == {("s", "PAPER-A"): "PAPER-A"}
        assert engine.on_journal_loss == {"PAPER-A": JournalLoss.CANCEL_RISK_ADDING}

    def test_every_limit_of_the_engine_can_be_configured(self) -> None:
        named = {each.name.removesuffix("_ms").removesuffix("_us") for each in fields(RiskSection)}
        assert named == {each.name.removesuffix("_ns") for each in fields(RiskConfig)} - {"live"}

    def test_what_is_not_said_is_as_the_engine_has_it(self, plugins: Plugins) -> None:
        assert assembled(load_config(LEAST, {}), plugins).engine == EngineConfig()


class TestFaults:
    def test_those_of_every_part_come_together(self, plugins: Plugins) -> None:
        assert faults_of(
            plugins,
            external_adapters={"PAPER": {"presett": "btc"}, "PAPR": {}},
            risk_engine={"max_market_age_ms": 0, "max_order_quantity": {"x": 1}, "custom": {"none": {}}},
            router={"policy": "bst", "max_book_age_ms": 0, "latency_us": {"V": -1}},
            engine={
                "retry_ms": 0,
                "clock_skew_ms": -1,
                "late_arrival_ms": -1,
                "balance_tolerance": "1",
                "reconcile_every_s": "0",
            },
            accounts=[{"strategy_id": "s", "venue": "V", "account_id": str(n)} for n in range(2)],
            algorithms={"enabled": ["TWAP", "TWOP"]},
            database={"url": "mysql://x", "lease_s": 0},
            instruments=["x"],
            server={},
            objects={"stores": {"s3://ticks": {"regin": "eu", "allow": "x"}, "x": {}}, "retries": 101},
            shard="a/b",
        ) == [
            "database.lease_s: must lie between 1 and 3600 seconds",
            "accounts[1]: s has an account at V already",
            "shard: must be printable, without a slash",
            "engine.retry_ms: must be above zero",
            "engine.balance_tolerance: must be at least zero and below one",
            "engine.reconcile_every_s: must be above zero",
            "engine.clock_skew_ms: must not be below zero",
            "engine.late_arrival_ms: must not be below zero",
            "risk_engine.max_order_quantity.x: is neither an instrument id nor a product id nor *",
            "risk_engine.max_market_age_ms: must be a whole number from 1 to 9223372036854775807",
            "router.latency_us.V: must be between 0 and 600 seconds",
            "router.max_book_age_ms: must be above zero and at most 3600 seconds",
            "external_adapters.PAPER.presett: is not known, did you mean preset?",
            "external_adapters.PAPR: no plugin registers this kind of venue; there are PAPER, DERIBIT",
            "server: is read by liveexec-server, which is not installed",
            "router.policy: bst is not registered; there are best_price, lowest_fee, split",
            "algorithms.enabled[1]: TWOP is not registered; there are NORMAL, TWAP, VWAP, ICEBERG",
            "risk_engine.custom.none: no such rule is registered",
            "instruments[0]: x is no instrument id",
            NO_DSN,
            "objects.retries: must lie between 0 and 100",
            "objects.stores.s3://ticks.regin: Configuration key: 'regin' is not valid for store 'S3'.",
            "objects.stores.s3://ticks.allow: Configuration key: 'allow' is not valid for store 'S3'.",
            "objects.stores.x: must read gs://BUCKET/PREFIX, s3://BUCKET/PREFIX, file:///FOLDER or memory://NAME",
        ]

    def test_live_mode_asks_for_more(self, plugins: Plugins) -> None:
        said = faults_of(plugins, mode="live", database={"url": "memory:"}, risk_engine={"enabled": False})
        assert said == [
            "plugins.enabled: must list the plugins to load in live mode; [] loads none but ours",
            "database.url: memory: keeps nothing; live mode needs a database",
            "risk_engine.enabled: must be true in live mode",
        ]

    def test_accounts_are_looked_for_where_they_should_be(self, plugins: Plugins) -> None:
        accounts = [
            {"strategy_id": "a", "venue": "PAPER-C", "account_id": "x"},
            {"strategy_id": "b", "venue": "PAPER-A", "account_id": "x"},
        ]
        engine = {"on_journal_loss": {"*": "leave", "y": "leave"}}
        made = assembled(load_config({**LEAST, "accounts": accounts, "engine": engine}, {}), plugins)
        with pytest.raises(ConfigurationError) as raised:
            made.adapters()
        assert [str(fault) for fault in raised.value.faults] == [
            "accounts[0].venue: PAPER-C is not configured; there are PAPER-A, PAPER-B",
            "accounts[1].account_id: x is not there, only PAPER-A",
            "engine.on_journal_loss.y: is no account here; there are PAPER-A, PAPER-B and *",
        ]


@frozen
class KeyedSection:
    """A venue of somebody else's."""

    api_key: Secret
    port: int = 443


class TestAdapters:
    def registered(self, plugins: Plugins, given: list[Any], kind: type[Any] | None) -> Plugins:
        def factory(section: Any) -> Sequence[ExternalAdapter]:
            given.append(section)
            if given[1:]:
                raise ConfigurationError("venue", [Fault("api_key", "is refused by the venue")])
            return ()

        return evolve(plugins, adapters={**plugins.adapters, "KEYED": AdapterRegistration(factory, kind)})

    def test_its_class_reads_its_section_and_variables_are_filled_in(self, plugins: Plugins) -> None:
        given: list[Any] = []
        sections = {"external_adapters": {"KEYED": {"api_key": "${KEY}", "port": "${PORT:-8443}"}}}
        config = load_config({**LEAST, **sections}, {"KEY": canary("key")})
        made = assembled(config, self.registered(plugins, given, KeyedSection))
        assert given == [], "making adapters waits until they are needed"
        assert made.adapters() == ()
        assert given == [KeyedSection(Secret(canary("key")), 8443)]
        with pytest.raises(ConfigurationError, match=r"external_adapters\.KEYED\.api_key: is refused by the venue"):
            made.adapters()

    def test_without_a_class_it_is_given_what_is_written(self, plugins: Plugins) -> None:
        given: list[Any] = []
        config = load_config({**LEAST, "external_adapters": {"KEYED": {"any": ["thing"]}}}, {})
        assembled(config, self.registered(plugins, given, None)).adapters()
        assert given == [{"any": ["thing"]}]

    def test_a_kind_may_claim_a_section_of_its_own(self, plugins: Plugins) -> None:
        given: list[Any] = []

        def factory(section: Any) -> Sequence[ExternalAdapter]:
            given.append(section)
            raise ConfigurationError("venue", [Fault("api_key", "is refused by the venue")])

        def live_faults(section: KeyedSection) -> Sequence[Fault]:
            return [Fault("port", "is for tests")] if section.port != 443 else []

        node = AdapterRegistration(factory, KeyedSection, "trading_node", live_faults)
        bare = evolve(plugins, adapters={"PAPER": plugins.adapters["PAPER"]})
        claimed = evolve(plugins, adapters={**bare.adapters, "NODE": node})
        config = load_config({"mode": "paper", "trading_node": {"api_key": canary("key"), "port": 1}}, {})
        made = assembled(config, claimed)
        with pytest.raises(ConfigurationError, match=r"trading_node\.api_key: is refused by the venue"):
            made.adapters()
        assert given == [KeyedSection(Secret(canary("key")), 1)]
        assert faults_of(claimed, mode="live", external_adapters={}, trading_node={"api_key": "k", "port": 1}) == [
            "plugins.enabled: must list the plugins to load in live mode; [] loads none but ours",
            "trading_node.port: is for tests",
        ]
        assert faults_of(claimed, external_adapters={"NODE": {}, "X": {}}, trading_node={"prt": 1}) == [
            "external_adapters.NODE: is configured in the section trading_node",
            "external_adapters.X: no plugin registers this kind of venue; there are PAPER",
            "trading_node.api_key: is missing",
            "trading_node.prt: is not known, did you mean port?",
        ]
        assert faults_of(bare, trading_node={}) == [
            "trading_node: is read by liveexec-nautilus, which is not installed"
        ]

    def test_a_world_that_is_written_out_makes_paper_venues(self, plugins: Plugins) -> None:
        faults = faults_of(plugins, external_adapters={"PAPER": {"world": {"venues": [], "speed": "2"}}})
        assert "external_adapters.PAPER.world.venues: must name at least one" in faults


def test_algorithms_may_be_left_out(plugins: Plugins) -> None:
    assert set(with_algorithms(plugins, None).execution_algorithms) == {"NORMAL", "TWAP", "VWAP", "ICEBERG"}
    assert set(with_algorithms(plugins, ("TWAP",)).execution_algorithms) == {"NORMAL", "TWAP"}


def test_live_mode_without_a_list_imports_nothing_but_ours() -> None:
    found = plugins_of(load_config({**LEAST, "mode": "live"}, {}))
    assert [each.distribution for each in found.loaded if each.refused is None] == ["liveexec-core"]


class TestShown:
    def test_secrets_are_masked_in_texts_too(self) -> None:
        config = load_config(
            {**LEAST, "database": {"url": f"postgresql://u:{canary()}@h/d"}, "external_adapters": {"X": {"k": "${K}"}}},
            {"K": "plain"},
        )
        document = shown(config)
        assert document["database"]["url"] == HIDDEN
        assert document["external_adapters"] == {"X": {"k": "plain"}}
        assert canary() not in json.dumps(document)

    def test_options_of_stores_that_hold_keys_are_secrets_by_their_names(self) -> None:
        stores = {"s3://": {"secret_access_key": canary(), "region": "${REGION:-eu}", "token": ""}}
        config = load_config({**LEAST, "objects": {"stores": stores}}, {})
        document = shown(config)["objects"]
        assert document["stores"] == {"s3://": {"secret_access_key": HIDDEN, "region": "eu", "token": ""}}
        assert canary() not in repr(config)
        assert config.objects.stores["s3://"]["secret_access_key"].reveal() == canary()

    def test_what_is_shown_can_be_read_again(self) -> None:
        config = load_config({**LEAST, "risk_engine": {"max_loss": "1.50", "max_order_quantity": {"*": 5}}}, {})
        assert load_config(shown(config), {}) == config

    def test_differences_name_their_paths(self) -> None:
        before = load_config({**LEAST, "risk_engine": {"max_loss": "1", "max_order_quantity": {"*": 5}}}, {})
        after = load_config(
            {**LEAST, "risk_engine": {"max_order_quantity": {"*": 6}}, "router": {"policy": "split"}}, {}
        )
        assert differences(before, after) == [
            ("risk_engine.max_order_quantity.*", "5", "6"),
            ("risk_engine.max_loss", "1", None),
            ("router.policy", "best_price", "split"),
        ]
        assert differences(before, before) == []

    def test_a_secret_that_changed_is_told_by_its_path_alone(self) -> None:
        one, two = (load_config({**LEAST, "database": {"url": f"postgresql://u:{canary(n)}@h/d"}}, {}) for n in "ab")
        assert differences(one, two) == [("database.url", HIDDEN, HIDDEN)]


class TestSchema:
    def test_it_names_every_section_and_key(self) -> None:
        schema = json_schema({"PAPER": None, "KEYED": KeyedSection}, {"trading_node": KeyedSection})
        sections: Mapping[str, Any] = schema["properties"]
        assert set(sections) == {"$schema", *(each.name for each in fields(LiveConfig))}
        assert set(sections["risk_engine"]["properties"]) == {each.name for each in fields(RiskSection)}
        assert set(sections["external_adapters"]["properties"]) == {"PAPER", "KEYED"}
        assert sections["external_adapters"]["properties"]["KEYED"]["required"] == ["api_key"]
        assert sections["trading_node"]["anyOf"][0]["required"] == ["api_key"]
        assert schema["required"] == ["mode"]
        json.dumps(schema)

    def test_every_key_says_what_it_is(self) -> None:
        def undescribed(schema: Mapping[str, Any], path: str) -> list[str]:
            found = []
            for name, inner in schema.get("properties", {}).items():
                here = f"{path}.{name}"
                if "description" not in inner and name != "$schema":
                    found.append(here)
                found += undescribed(inner, here)
            return found

        assert undescribed(json_schema(), "") == []


def test_amounts_of_the_schema_are_those_of_the_engine() -> None:
    assert json_schema()["properties"]["router"]["properties"]["min_slice"]["default"] == str(Decimal("0.05"))


def test_what_can_be_looked_at_beside_a_fault_is() -> None:
    document = {
        **LEAST,
        "engine": {"retry_ms": "soon"},
        "router": {"policy": "bst"},
        "accounts": 5,
        "external_adapters": {"PAPR": {}},
    }
    with pytest.raises(ConfigurationError) as raised:
        assembled_from(document, {})
    assert [str(fault) for fault in raised.value.faults] == [
        "accounts: must be a list",
        "engine.retry_ms: must be a whole number",
        "external_adapters.PAPR: no plugin registers this kind of venue; there are PAPER, DERIBIT",
        "router.policy: bst is not registered; there are best_price, lowest_fee, split",
    ]
