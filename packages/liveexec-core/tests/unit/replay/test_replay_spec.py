"""Specifications: read, checked, hashed, varied."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from liveexec.errors import ConfigurationError, InvalidInput
from liveexec.replay.spec import RecordedData, SyntheticData, check_spec, load_spec
from liveexec.replay.sweep import check_variants, variants_of
from support.replay_specs import EXAMPLE, document


def _faults(error: InvalidInput) -> dict[str, str]:
    return {fault.path: fault.message for fault in error.faults}


def test_the_example_has_no_fault() -> None:
    spec = load_spec(EXAMPLE)
    checked = check_spec(spec)
    assert isinstance(spec.data, SyntheticData)
    assert spec.signals == (EXAMPLE.parent / "signals.json").as_uri()
    assert checked.parts.config.router.policy == "split"
    assert spec.sources == ("RECORDED:SPOT_PAIR:BTC-USDT",)


def test_what_was_read_is_written_and_read_again_the_same() -> None:
    spec = load_spec(document())
    again = load_spec(spec.document)
    assert again == spec
    assert again.digest == spec.digest


def test_the_hash_is_of_what_decides_the_run_and_not_of_where_its_results_go() -> None:
    spec = load_spec(document())
    assert load_spec(document(results="file:///elsewhere")).digest == spec.digest
    others = [
        document(seed=8),
        document(host_options={"every_row": True}),
        document(mark_every_s=5),
        document(name="b"),
    ]
    assert len({spec.digest, *(load_spec(other).digest for other in others)}) == 5


def test_paths_in_a_file_are_relative_to_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "replay.json"
    own = document(signals="rows.json", results="out", data={"url": "market"})
    file.write_text(json.dumps(own), encoding="utf-8")
    spec = load_spec(file)
    assert isinstance(spec.data, RecordedData)
    assert [spec.signals, spec.results, spec.data.url] == [
        (tmp_path / name).as_uri() for name in ("rows.json", "out", "market")
    ]


def test_variables_are_filled_in() -> None:
    spec = load_spec(document(results="${ROOT:-memory://here}"), environ={})
    assert spec.results == "memory://here"
    with pytest.raises(ConfigurationError, match="ROOT is not set"):
        load_spec(document(results="${ROOT}"), environ={})


def test_every_fault_of_form_is_named_at_once() -> None:
    wrong = document(seed="seven", hosts="paper", signals=[1], mark_every_s=[])
    wrong["venues"][0]["instruments"][0]["lot"] = 5.0
    with pytest.raises(ConfigurationError) as caught:
        load_spec(wrong)
    assert set(_faults(caught.value)) == {
        "seed",
        "hosts",
        "signals",
        "mark_every_s",
        "venues[0].instruments[0].lot",
    }
    assert "did you mean host" in _faults(caught.value)["hosts"]


def test_every_fault_of_meaning_is_named_at_once() -> None:
    wrong = document(
        host="nowhere",
        name=" ",
        results="ftp://user:hunter2@there",
        mark_every_s=-1,
        risk_engine={"max_loss": "-1"},
        router={"policy": "worst_price"},
        algorithms={"enabled": ["TWOP"]},
        accounts=[
            {"strategy_id": "a", "venue": "PAPER-A", "account_id": "b1"},
            {"strategy_id": "a", "venue": "C", "account_id": "x"},
        ],
        signals=[{"timestamp": "2026-01-08", "instrument_key": "SPOT_PAIR:BTC-USDT", "side": "UP", "strategy_id": "s"}],
    )
    wrong["venues"][1]["accounts"] = wrong["venues"][0]["accounts"]
    wrong["venues"][0]["instruments"][0]["source"] = "RECORDED:SPOT_PAIR:ETH-USDT"
    wrong["venues"][0]["faults"] = {"rules": []}
    wrong["data"]["seconds"] = 0
    with pytest.raises(ConfigurationError) as caught:
        check_spec(load_spec(wrong))
    assert set(_faults(caught.value)) >= {
        "host",
        "name",
        "results",
        "mark_every_s",
        "risk_engine.max_loss",
        "accounts[1].venue",
        "signals[0].timestamp",
        "signals[0].side",
        "signals[0].quantity",
        "venues",
        "venues[0].faults",
        "data",
        "data.seconds",
    }
    assert "hunter2" not in str(caught.value)


def test_unknown_names_and_options_are_faults() -> None:
    wrong = document(host_options={"fast": True, "every_row": "yes"}, router={"policy": "worst_price"})
    with pytest.raises(ConfigurationError) as caught:
        check_spec(load_spec(wrong))
    assert set(_faults(caught.value)) == {"host_options.fast", "host_options.every_row", "router.policy"}


def test_variants_are_every_combination() -> None:
    whole = document()
    before = deepcopy(whole)
    variants = variants_of(
        whole, {"router.policy": ["best_price", "split"], "venues.1.latency.order_ns": [0, 5], "seed": [1, 2, 3]}
    )
    assert len(variants) == 12
    assert whole == before
    last = variants[-1]
    assert last.label == "router.policy=split, venues.1.latency.order_ns=5, seed=3"
    assert (last.document["seed"], last.document["venues"][1]["latency"]["order_ns"]) == (3, 5)


@pytest.mark.parametrize("path", ["venues.7.venue", "venues.x", "name.first", "seed.1.2"])
def test_a_path_that_leads_nowhere_is_a_fault(path: str) -> None:
    with pytest.raises(ConfigurationError, match="leads nowhere"):
        variants_of(document(), {path: [1]})


def test_a_sweep_without_end_is_refused() -> None:
    many: dict[str, list[Any]] = {name: list(range(200)) for name in ("seed", "mark_every_s")}
    with pytest.raises(ConfigurationError, match="40000 runs"):
        variants_of(document(), many)


def test_faults_of_variants_are_told_with_who_has_them() -> None:
    variants = variants_of(document(), {"router.policy": ["split", "worst_price"], "mark_every_s": [-1]})
    with pytest.raises(ConfigurationError) as caught:
        check_variants(variants)
    told = _faults(caught.value)
    assert told["mark_every_s"].endswith("(every run)")
    assert "(router.policy=worst_price, mark_every_s=-1)" in told["router.policy"]


def test_runs_that_would_be_gone_with_their_process_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="memory: is gone"):
        check_variants(variants_of(document(results="memory://x"), {}))
