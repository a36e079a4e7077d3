"""Every event survives the journal; what this version does not know is refused and never guessed."""

import json
from decimal import Decimal
from enum import Enum
from typing import Any, get_args

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain import codec
from liveexec.domain.account_event import AccountEvent, ConfigApplied
from liveexec.domain.codec import EVENT_TYPES, EVENT_VERSIONS, decode_events, encode_events, encode_json
from liveexec.domain.order_event import Canceled, FillApplied, OrderEvent, OrderReceived
from liveexec.domain.record import Event
from liveexec.errors import InvalidInput
from support.builders import make_asset_moved, make_fill, make_intent, make_order_id, make_received, make_routed
from support.strategies import values_of

EVERY_EVENT = [pytest.param(kind, id=name) for name, kind in EVENT_TYPES.items()]


def fields_of(value: Any) -> Any:
    """A value taken apart into comparable parts, types named; hot records do not compare."""
    if attrs.has(type(value)):
        return [
            type(value).__name__,
            {each.name: fields_of(getattr(value, each.name)) for each in attrs.fields(type(value))},
        ]
    if isinstance(value, dict):
        return {key: fields_of(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [fields_of(each) for each in value]
    return (type(value).__name__, value) if isinstance(value, Decimal | Enum) else value


@pytest.mark.parametrize("kind", EVERY_EVENT)
@settings(max_examples=60)
@given(data=st.data())
def test_every_event_reads_back_as_it_was_written(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(values_of(kind))
    document = encode_events([event])
    (again,) = decode_events(document)
    assert type(again) is kind
    assert fields_of(again) == fields_of(event)
    assert encode_events([again]) == document


def test_events_keep_their_order_and_their_stable_heads() -> None:
    events: list[Event] = [
        make_received(),
        make_routed(),
        FillApplied(make_fill()),
        make_asset_moved(),
        Canceled("x", None),
    ]
    document = encode_events(events)
    assert [type(event) for event in decode_events(document)] == [type(event) for event in events]
    heads = [(name, version) for name, version, _ in json.loads(document)]
    assert heads == [("OrderReceived", 1), ("Routed", 1), ("FillApplied", 1), ("AssetMoved", 1), ("Canceled", 1)]
    assert len(decode_events(document.decode())) == len(events)
    assert decode_events(b"[]") == ()


def test_amounts_are_text_and_never_numbers() -> None:
    ((_, _, fields),) = json.loads(encode_events([FillApplied(make_fill(price=Decimal("45000.10")))]))
    assert fields["fill"]["price"] == "45000.10"
    assert json.loads(encode_json({"amount": Decimal("1E+3")})) == {"amount": "1E+3"}


def test_an_intent_is_checked_again_when_it_is_read() -> None:
    document = json.loads(encode_events([make_received()]))
    document[0][2]["intent"]["side"] = "LAY"
    with pytest.raises(InvalidInput, match="trade takes BUY, SELL"):
        decode_events(json.dumps(document))


def test_names_are_those_of_the_closed_unions_and_for_good() -> None:
    assert set(EVENT_TYPES.values()) == {*get_args(OrderEvent), *get_args(AccountEvent)}
    # Names stand in journals: none may be dropped, renamed or given to something else. Add at the end.
    assert list(EVENT_TYPES) == [
        "OrderReceived", "RiskApproved", "RiskRefused", "Routed", "ScheduleFixed", "ChildSpawned", "SubmitRequested",
        "NotSent", "SubmitUnknown", "Accepted", "VenueRejected", "FillApplied", "FillBusted", "FillCorrected",
        "CancelRequested", "CancelUnknown", "CancelRejected", "Canceled", "ReplaceRequested", "ReplaceUnknown",
        "Replaced", "ReplaceRejected", "Expired", "Adopted", "Reattributed", "ParentFinished", "Adjusted",
        "AssetMoved", "PositionChanged", "StateChanged", "LatchSet", "LatchCleared", "DriftSeen", "DriftAccepted",
        "ConfigApplied", "AccountOpened", "FlattenRequested", "FlattenEnded",
    ]  # fmt: skip


def test_every_older_version_has_its_upcaster() -> None:
    older = {(name, version) for name, newest in EVENT_VERSIONS.items() for version in range(1, newest)}
    assert set(codec.UPCASTERS) == older


def test_an_older_event_passes_through_its_upcasters(monkeypatch: pytest.MonkeyPatch) -> None:
    event = ConfigApplied("hash", "operator", "limits raised")
    ((name, _, fields),) = json.loads(encode_events([event]))
    fields["digest"] = fields.pop("config_hash")
    monkeypatch.setattr(codec, "EVENT_VERSIONS", {name: 3})
    monkeypatch.setitem(codec.UPCASTERS, (name, 1), lambda old: {**old, "hash": old["digest"]})
    monkeypatch.setitem(codec.UPCASTERS, (name, 2), lambda old: {**old, "config_hash": old["hash"]})
    (again,) = decode_events(json.dumps([[name, 1, fields]]))
    assert fields_of(again) == fields_of(event)


@pytest.mark.parametrize("version", [2, 999, 0, -1, 1.5])
@pytest.mark.parametrize("kind", EVERY_EVENT)
def test_a_version_that_is_not_known_is_refused(kind: type[Any], version: float) -> None:
    with pytest.raises(InvalidInput, match="does not know it"):
        decode_events(json.dumps([[kind.__name__, version, {}]]))


@pytest.mark.parametrize(
    "document",
    ["", "{", "null", "1", '"x"', "[1]", "[[]]", '[["Canceled"]]', '[["Canceled", 1]]', '[["Canceled", 1, {}, 2]]',
     '[["NoSuchEvent", 1, {}]]', '[[[], 1, {}]]', '[[{}, 1, {}]]', '[[null, 1, {}]]', '[["Canceled", "1", {}]]',
     '[["Canceled", null, {}]]', '[["Canceled", 1, []]]', '[["Canceled", 1, {}]]', '[["Canceled", 1, {"reason": 5}]]',
     '[["FillApplied", 1, {"fill": {"price": "abc"}}]]', "[" * 100_000, b"\xff", "\ud800"],
    ids=lambda value: ascii(value[:40]),
)  # fmt: skip
def test_what_is_no_event_raises_one_error(document: bytes | str) -> None:
    with pytest.raises(InvalidInput):
        decode_events(document)


@settings(max_examples=500)
@given(
    st.text(max_size=60)
    | st.binary(max_size=60)
    | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(json.dumps)
)
def test_any_document_gives_events_or_one_error(document: bytes | str) -> None:
    try:
        events = decode_events(document)
    except InvalidInput:
        return
    assert events == ()


def test_an_intent_that_was_recorded_before_there_were_details_has_none() -> None:
    ((name, version, fields),) = msgspec.json.decode(encode_events([make_received(make_intent())]))
    del fields["intent"]["details"]
    (again,) = decode_events(msgspec.json.encode([(name, version, fields)]))
    assert isinstance(again, OrderReceived)
    assert again.intent.details is None


def test_details_come_back_as_they_were_recorded() -> None:
    received = make_received(make_intent(details={"offset": Decimal("2.5"), "of": ["a", 1]}))
    (again,) = decode_events(encode_events([received]))
    assert isinstance(again, OrderReceived)
    assert again.intent.details == {"offset": "2.5", "of": ["a", 1]}


def test_the_envelope_is_what_other_readers_expect() -> None:
    received = make_received(make_intent(metadata={"a": [1, None]}), parent_order_id=make_order_id(), ordinal=2)
    ((name, version, fields),) = msgspec.json.decode(encode_events([received]))
    assert (name, version) == ("OrderReceived", 1)
    assert set(fields) == {"intent", "operation_id", "content_hash", "principal", "parent_order_id", "ordinal"}
    assert fields["intent"]["quantity"] == "1.0"
