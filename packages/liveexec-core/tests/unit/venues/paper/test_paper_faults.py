"""Scripted faults: which requests a rule strikes, and how often."""

import pytest

from liveexec.domain.ids import AccountId, ClientOrderId
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.errors import ConfigurationError
from liveexec.venues.paper.faults import FaultInjector, FaultKind, FaultRule, FaultScript, FaultVerb, StreamFault

LOST, LATE, TWICE, BROKEN = FaultKind.LOST_ACK, FaultKind.LATE_ACK, FaultKind.DUPLICATE_FILL, FaultKind.DISCONNECT


def _struck(script: FaultScript, count: int = 8, verb: FaultVerb = FaultVerb.SUBMIT) -> list[FaultKind | None]:
    injector = FaultInjector(script)
    rules = [injector.strike(verb, ClientOrderId(f"c{number}")) for number in range(1, count + 1)]
    return [rule.kind if rule is not None else None for rule in rules]


def test_a_rule_strikes_by_ordinal() -> None:
    assert _struck(FaultScript((FaultRule(LOST, ordinals=(2, 4)),)), 4) == [None, LOST, None, LOST]


def test_a_rule_strikes_by_client_id() -> None:
    assert _struck(FaultScript((FaultRule(LATE, client_ids="c[13]"),)), 4) == [LATE, None, LATE, None]


def test_the_client_id_has_to_match_as_a_whole() -> None:
    assert _struck(FaultScript((FaultRule(LATE, client_ids="c"),)), 2) == [None, None]


def test_a_rule_ends_at_its_limit() -> None:
    assert _struck(FaultScript((FaultRule(LOST, probability=1.0, limit=2),)), 4) == [LOST, LOST, None, None]


def test_the_first_rule_that_strikes_is_it() -> None:
    rules = (FaultRule(LATE, ordinals=(1,)), FaultRule(LOST, probability=1.0))
    assert _struck(FaultScript(rules), 2) == [LATE, LOST]


def test_a_rule_looks_at_its_own_verb_only() -> None:
    script = FaultScript((FaultRule(BROKEN, verb=FaultVerb.CANCEL, probability=1.0),))
    assert _struck(script, 1) == [None]
    assert _struck(script, 1, FaultVerb.CANCEL) == [BROKEN]


def test_conditions_hold_together() -> None:
    script = FaultScript((FaultRule(LOST, ordinals=(1, 2), client_ids="c2"),))
    assert _struck(script, 3) == [None, LOST, None]


def test_a_seed_strikes_the_same_requests_again() -> None:
    def draws(seed: int) -> list[FaultKind | None]:
        return _struck(FaultScript((FaultRule(LOST, probability=0.5),), seed=seed), 64)

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
    assert 10 < draws(1).count(LOST) < 54


def test_duplicated_fills_are_noted_beside_another_fault() -> None:
    script = FaultScript((FaultRule(TWICE, ordinals=(1,)), FaultRule(LOST, ordinals=(1,))))
    injector = FaultInjector(script)
    rule = injector.strike(FaultVerb.SUBMIT, ClientOrderId("c1"))
    assert rule is not None
    assert rule.kind is LOST
    assert injector.duplicates(ClientOrderId("c1"))
    assert not injector.duplicates(ClientOrderId("c2"))
    assert not injector.duplicates(None)


def test_every_fault_of_a_script_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        FaultScript(
            (
                FaultRule(LOST),
                FaultRule(LATE, probability=1.5, delay_ns=-1, limit=0),
                FaultRule(LATE, ordinals=(0,), client_ids="("),
                FaultRule(TWICE, verb=FaultVerb.CANCEL, probability=1.0),
            )
        )
    assert [fault.path for fault in caught.value.faults] == [
        "rules[0]",
        "rules[1].probability",
        "rules[1].delay_ns",
        "rules[1].limit",
        "rules[2].ordinals",
        "rules[2].client_ids",
        "rules[3].verb",
    ]


def test_questions_are_told_apart_by_their_number_alone() -> None:
    with pytest.raises(ConfigurationError) as caught:
        FaultScript((FaultRule(LOST, verb=FaultVerb.QUERY, client_ids="mine"),))
    assert [fault.path for fault in caught.value.faults] == ["rules[0].client_ids"]


def test_another_script_holds_from_now_on_and_requests_are_counted_on() -> None:
    injector = FaultInjector(FaultScript((FaultRule(LOST, ordinals=(1,)),)))
    assert injector.strike(FaultVerb.SUBMIT, None) is not None
    injector.follow(FaultScript((FaultRule(LATE, ordinals=(3,), delay_ns=1),), stream=(StreamFault.LOST,)))
    assert injector.strike(FaultVerb.SUBMIT, None) is None
    rule = injector.strike(FaultVerb.SUBMIT, None)
    assert rule is not None
    assert rule.kind is LATE
    assert injector.count(FaultVerb.SUBMIT) == 3
    assert injector.count(FaultVerb.CANCEL) == 0
    assert injector.stream == {StreamFault.LOST}


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ((), ["a", "b"]),
        ((StreamFault.DUPLICATED,), ["a", "a", "b", "b"]),
        ((StreamFault.REORDERED,), ["b", "a"]),
        ((StreamFault.REORDERED, StreamFault.DUPLICATED), ["b", "b", "a", "a"]),
        ((StreamFault.LOST, StreamFault.DUPLICATED), []),
    ],
)
def test_streams_repeat_reorder_and_lose(stream: tuple[StreamFault, ...], told: list[str]) -> None:
    injector = FaultInjector(FaultScript((), stream=stream))
    reports: list[VenueReport] = [Gap(AccountId(name), "") for name in ("a", "b")]
    assert [each.account_id for each in injector.reported(reports)] == told
