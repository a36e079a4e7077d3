"""Reading configurations: strict JSON, variables, and every fault at once with its path."""

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.config.loading import load_config
from liveexec.domain.secret import Secret
from liveexec.errors import ConfigurationError
from support.canaries import canary

LEAST: dict[str, Any] = {"mode": "paper", "external_adapters": {"PAPER": {}}}


def faults_of(source: Any, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load_config(source, environ)
    return [str(fault) for fault in raised.value.faults]


class TestSources:
    def test_a_file_a_text_and_a_document_say_the_same(self, tmp_path: Path) -> None:
        path = tmp_path / "paper.json"
        path.write_text(json.dumps(LEAST))
        for source in (path, str(path), json.dumps(LEAST), LEAST):
            assert load_config(source, {}).mode == "paper"

    def test_an_editors_reference_to_the_schema_is_left_alone(self) -> None:
        assert load_config({"$schema": "./schema.json", **LEAST}, {}).mode == "paper"

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        assert faults_of(tmp_path / "none.json") == ["there is no such file"]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "is no JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
            ('{"mode": "paper", "mode": "live"}', "mode: is there twice"),
            ('{"a": NaN}', "NaN is no number"),
            ('{"a": -Infinity}', "-Infinity is no number"),
            ('{"a":' * 40 + "1" + "}" * 40, "is nested deeper than 32 levels"),
            ('{"a":' * 100_000, "is no JSON that can be read: too deep, or a number too long"),
        ],
    )
    def test_what_is_no_strict_json(self, text: str, said: str) -> None:
        assert said in faults_of(text)

    def test_what_is_no_object(self, tmp_path: Path) -> None:
        path = tmp_path / "list.json"
        path.write_text("[1]")
        assert faults_of(path) == ["must be a JSON object"]


class TestVariables:
    def test_they_are_filled_in_everywhere_with_defaults(self) -> None:
        config = load_config(
            {
                **LEAST,
                "shard": "${NAME}-${N:-1}",
                "risk_engine": {
                    "max_orders_per_second": "${N:-10}",
                    "max_loss": "${L:-1.50}",
                    "self_match": "${S:-TRUE}",
                },
                "accounts": [{"strategy_id": "$$5", "venue": "V", "account_id": "${A:-}x"}],
            },
            {"NAME": "desk", "N": "7"},
        )
        assert config.shard == "desk-7"
        assert config.risk_engine.max_orders_per_second == 7
        assert (config.risk_engine.max_loss, config.risk_engine.self_match) == (Decimal("1.50"), True)
        assert (config.accounts[0].strategy_id, config.accounts[0].account_id) == ("$5", "x")

    def test_an_empty_one_counts_as_not_set(self) -> None:
        assert load_config({**LEAST, "shard": "${S:-main}"}, {"S": ""}).shard == "main"
        assert load_config({**LEAST, "database": {"url": "${U:-}"}}, {}).database.url is None

    def test_one_that_is_not_set_is_the_only_fault_of_its_field(self) -> None:
        assert faults_of({**LEAST, "risk_engine": {"max_loss": "${LIMIT}"}, "shard": "${"}) == [
            "risk_engine.max_loss: the variable LIMIT is not set, and no default is given as ${LIMIT:-default}",
            "shard: ${ begins a variable that has no name or no end; write $$ for a dollar sign",
        ]

    @given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), st.text(min_size=1), max_size=5))
    def test_a_value_is_never_looked_into_again(self, environ: dict[str, str]) -> None:
        document = {**LEAST, "external_adapters": {"X": {name: f"${{{name}}}" for name in environ}}}
        assert dict(load_config(document, environ).external_adapters["X"]) == environ


class TestFaults:
    def test_all_of_them_are_named_at_once(self) -> None:
        document = {
            "mode": "papr",
            "external_adapters": {"PAPER": 5},
            "risk_engin": {},
            "risk_engine": {"max_position_per_instrument": {"X": True}, "enabled": "perhaps", "max_loss": "1e999999"},
            "accounts": [{"strategy_id": "a", "venue": "V"}, 7],
            "logging": {"level": "INF"},
            "database": {"url": 5},
        }
        assert sorted(faults_of(document)) == [
            "accounts[0].account_id: is missing",
            "accounts[1]: must be an object",
            'database.url: must be text that is not empty, or an object {"secret": {...}}',
            "external_adapters.PAPER: must be an object",
            "logging.level: must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, did you mean INFO?",
            "mode: must be one of paper, live, did you mean paper?",
            "risk_engin: is not known, did you mean risk_engine?",
            "risk_engine.enabled: must be true or false",
            "risk_engine.max_loss: not a decimal number",
            "risk_engine.max_position_per_instrument.X: must be a decimal number",
        ]

    def test_amounts_are_exact_however_they_are_written(self) -> None:
        for written in ("0.1", '"0.1"'):
            text = f'{{"mode": "paper", "external_adapters": {{"P": {{}}}}, "risk_engine": {{"max_loss": {written}}}}}'
            assert load_config(text, {}).risk_engine.max_loss == Decimal("0.1")

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=20,
        ),
        st.sampled_from(
            ["risk_engine", "router", "engine", "accounts", "database", "plugins", "mode", "shard", "logging"]
        ),
    )
    def test_whatever_stands_in_a_section_it_is_read_or_refused(self, value: Any, section: str) -> None:
        config = None
        with suppress(ConfigurationError):
            config = load_config({**LEAST, section: value}, {})
        assert config is None or (config.external_adapters == {"PAPER": {}} and hasattr(config, section))


def test_keys_of_venues_may_be_secrets() -> None:
    config = load_config(
        {**LEAST, "external_adapters": {"X": {"api_key": {"secret": {"env": "KEY"}}}}}, {"KEY": canary("key")}
    )
    assert config.external_adapters["X"]["api_key"] == Secret(canary("key"))
    assert "12345678" not in repr(config)
