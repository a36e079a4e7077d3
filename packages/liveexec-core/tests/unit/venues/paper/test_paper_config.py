"""Paper worlds as configuration: everything that is wrong is named at once, and JSON reads back as it was written."""

import json
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain.ids import InstrumentId, VenueName
from liveexec.domain.operation import Operation, OrderType, TimeInForce
from liveexec.domain.venue import DedupeScope, ReplaceMode
from liveexec.errors import AdapterError, ConfigurationError
from liveexec.runtime.clock import ScaledClock
from liveexec.venues.paper.clock import ClockAnchor, FollowedClock, PaperClock
from liveexec.venues.paper.config import FeeIn, Latency, PaperAccount, SelfTradePolicy, manifest_of
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultScript
from liveexec.venues.paper.presets import btc_venue, btc_world
from liveexec.venues.paper.world_config import PaperWorldConfig
from support.paper import ALICE, SPOT, dec, instrument, venue_config


def _paths(error: ConfigurationError) -> list[str]:
    return [fault.path for fault in error.faults]


def test_a_world_reads_back_as_it_was_written() -> None:
    venue = venue_config(
        latency=Latency(1, 2, 3),
        faults=FaultScript((FaultRule(FaultKind.LATE_ACK, ordinals=(1, 2), delay_ns=5, limit=3),), seed=9),
        fee_in=FeeIn.RECEIVED,
        self_trade=SelfTradePolicy.REJECT,
        replace=ReplaceMode.NONE,
        history=100,
    )
    for world in (
        PaperWorldConfig((venue,), speed=Decimal("0.25"), id_prefix="x"),
        btc_world(market=None, start_ns=5, seed=3),
        btc_world(market=Path("somewhere"), start_ns=5),
    ):
        again = PaperWorldConfig.from_json(world.to_json())
        assert again == world
        assert again.digest == world.digest


def test_the_digest_tells_worlds_apart_but_not_runs() -> None:
    world = btc_world(market=None, start_ns=5)
    assert evolve(world, id_prefix="another").digest == world.digest
    assert evolve(world, speed=Decimal(2)).digest != world.digest


def test_every_fault_of_a_venue_is_named() -> None:
    wrong = evolve(
        instrument(SPOT),
        instrument_id=InstrumentId("OTHER:SPOT_PAIR:BTC-USDT"),
        settlement_asset="EUR",
        depth_factor=dec(0),
        maker_fee=dec(2),
    )
    with pytest.raises(ConfigurationError) as caught:
        venue_config(
            accounts=(PaperAccount(ALICE, {"BTC": dec(-1)}), PaperAccount(ALICE, {})),
            instruments=(wrong, instrument(SPOT, lot=dec("NaN")), instrument(SPOT, lot=dec(3), min_quantity=dec(2))),
            latency=Latency(order_ns=-1),
            initial_margin=dec(2),
            replace=ReplaceMode.ATOMIC_LEAVES,
            report_capacity=0,
            history=0,
        )
    assert _paths(caught.value) == [
        "latency.order_ns",
        "report_capacity",
        "history",
        "initial_margin",
        "replace",
        "accounts[1]",
        "instruments[2]",
        "accounts[0].balances.BTC",
        "instruments[0].instrument_id",
        "instruments[0].settlement_asset",
        "instruments[0].depth_factor",
        "instruments[0].maker_fee",
        "instruments[1].lot",
        "instruments[2].min_quantity",
    ]


def test_every_fault_of_a_world_is_named() -> None:
    venue = btc_venue("PAPER-A", maker_fee=dec(0), taker_fee=dec(0))
    twin = btc_venue("PAPER-A", maker_fee=dec(0), taker_fee=dec(0))
    with pytest.raises(ConfigurationError) as caught:
        PaperWorldConfig((venue, twin), speed=Decimal(0), warmup_s=-1)
    assert _paths(caught.value) == ["venues", "venues", "speed", "warmup_s", "market", "market", "market"]


_GOOD: dict[str, Any] = json.loads(PaperWorldConfig((venue_config(),)).to_json())


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"speed": 1}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"speed": "NaN"}, "speed"),
        ({"warmup_s": "60"}, "warmup_s"),
        ({"warmup_s": 1.5}, "warmup_s"),
        ({"warmup_s": True}, "warmup_s"),
        ({"sped": "1"}, "sped"),
        ({"venues": [{**_GOOD["venues"][0], "venue": 5}]}, "venues[0].venue"),
        ({"venues": [{**_GOOD["venues"][0], "self_trade": "never"}]}, "venues[0].self_trade"),
        ({"venues": [{**_GOOD["venues"][0], "latency": {"order_ns": -5}}]}, "venues[0].latency.order_ns"),
    ],
)
def test_a_fault_in_json_is_named_with_its_path(change: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PaperWorldConfig.from_json(json.dumps({**_GOOD, **change}))
    assert _paths(caught.value) == [path]


def test_several_faults_in_json_are_named_together() -> None:
    venue = {**_GOOD["venues"][0], "history": "many", "odd": 1}
    del venue["accounts"]
    with pytest.raises(ConfigurationError) as caught:
        PaperWorldConfig.from_json(json.dumps({"venues": [venue], "speed": 2}))
    assert sorted(_paths(caught.value)) == ["speed", "venues[0].accounts", "venues[0].history", "venues[0].odd"]


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '"x"', "null", "[" * 5_000, "{}"])
def test_what_is_no_configuration_is_one_clear_error(text: str) -> None:
    with pytest.raises(ConfigurationError):
        PaperWorldConfig.from_json(text)


def test_the_manifest_says_what_the_venue_does() -> None:
    manifest = manifest_of(venue_config(visibility_lag_ns=5))
    assert manifest.operations == {Operation.TRADE}
    assert manifest.order_types == {OrderType.MARKET, OrderType.LIMIT}
    assert manifest.time_in_force == frozenset(TimeInForce)
    assert (manifest.post_only, manifest.reduce_only, manifest.request_expiry) == (True, True, True)
    assert (manifest.dedupe_scope, manifest.query_by_client_id) == (DedupeScope.FOREVER, True)
    assert (manifest.replace, manifest.visibility_lag_ns) == (ReplaceMode.ATOMIC_TOTAL, 5)
    assert manifest_of(venue_config(replace=ReplaceMode.NONE)).replace is ReplaceMode.NONE


def test_an_unknown_venue_is_named_with_those_there_are() -> None:
    with pytest.raises(AdapterError, match=r"NOWHERE.*PAPER"):
        PaperWorldConfig((venue_config(),)).venue(VenueName("NOWHERE"))


def test_a_clock_runs_at_its_speed_from_its_anchor() -> None:
    slow, fast = PaperClock(5_000, 0, 1), PaperClock(5_000, 0, Fraction(60))
    elapsed = slow.now_ns() - 5_000
    assert 60 * elapsed <= fast.now_ns() - 5_000 <= 60 * (slow.now_ns() - 5_000)


def test_a_clock_of_another_process_shows_the_same_time() -> None:
    ours = PaperClock.starting_at(1_000_000, Fraction(3, 2))
    theirs = PaperClock.from_anchor(ours.anchor(), shares_monotonic=True)
    before, shown, after = ours.now_ns(), theirs.now_ns(), ours.now_ns()
    assert before <= shown <= after
    assert theirs.speed == Fraction(3, 2)


def test_a_clock_whose_monotonic_time_nobody_shares_follows_the_wall() -> None:
    ten_s = 10_000_000_000
    anchor = ClockAnchor(market_ns=5 * ten_s, monotonic_ns=1, wall_ns=time.time_ns() - ten_s, speed="2")
    shown_ns = PaperClock.from_anchor(anchor, shares_monotonic=False).now_ns()
    assert 7 * ten_s <= shown_ns < 8 * ten_s


@pytest.mark.anyio
async def test_clocks_sleep_until_their_time_has_come() -> None:
    ours = PaperClock.starting_at(5_000, Fraction(1_000))
    for clock in (ours, FollowedClock(ScaledClock(5_000, time.monotonic_ns(), 1_000.0))):
        until_ns = clock.now_ns() + 20_000_000
        await clock.sleep_until_ns(until_ns)
        assert clock.now_ns() >= until_ns
        await clock.sleep_until_ns(0)


def test_a_clock_needs_a_speed_above_zero() -> None:
    with pytest.raises(ValueError, match="above zero"):
        PaperClock.from_anchor(ClockAnchor(0, 0, 0, "0"), shares_monotonic=True)
