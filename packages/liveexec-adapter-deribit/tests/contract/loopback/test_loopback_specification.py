"""The loopback venue's own traffic fits the venue's OpenAPI and AsyncAPI documents, but for their known slips."""

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import attrs
import pytest

from liveexec_deribit.loopback.methods.registry import method_names
from liveexec_deribit.loopback.server import serve
from loopback_support.specification import Fault, document, faults_of, faults_of_answer, recorded
from loopback_support.traffic import every_method
from loopback_support.wire_client import WireClient

pytestmark = pytest.mark.anyio


@attrs.frozen
class Slip:
    """A place where the specification contradicts the venue: a glob of methods, the path, and the rule that is wrong.

    ``at_venue`` says whether the specification's own examples or the recorded payloads show it; ``why`` is the rest.
    """

    methods: str
    path: str
    rule: str
    why: str
    at_venue: bool = True

    def covers(self, fault: Fault) -> bool:
        """Whether a fault is this one."""
        return fnmatchcase(fault.method, self.methods) and (fault.path, fault.rule) == (self.path, self.rule)


SLIPS = (
    Slip("public/get_order_book", "result", "required", "the schema of a result is that of an error"),
    Slip("public/ticker", "result", "required", "the schema of a result is that of an error"),
    Slip("private/*", "result.trades.*.matching_id", "type", "is null unless it was requested"),
    Slip("private/*", "result.trades.*.post_only", "type", "a boolean that is described as a string"),
    Slip("private/*", "result.trades.*.reduce_only", "type", "a boolean that is described as a string"),
    Slip("public/get_instruments", "result.*.tick_size_steps", "type", "a list whose item is described instead"),
    Slip("public/get_instrument", "result.tick_size_steps", "type", "a list whose item is described instead"),
    Slip("public/get_instruments", "result.*.quote_currency", "enum", "options quote in coins, linear ones in USDC"),
    Slip(
        "public/get_instruments", "result.*.contract_size", "type",
        "is below one for linear contracts and spot", at_venue=False,
    ),
    Slip(
        "public/get_instruments", "result.*.settlement_currency", "enum",
        "linear contracts settle in USDC", at_venue=False,
    ),
    Slip("public/get_instruments", "result.*.counter_currency", "enum", "spot pairs such as ETH_BTC", at_venue=False),
    Slip("public/get_book_summary_by_*", "result.*.bid_price", "type", "is null where nobody bids"),
    Slip("public/get_book_summary_by_*", "result.*.ask_price", "type", "is null where nobody asks"),
    Slip("public/get_book_summary_by_*", "result.*.mid_price", "type", "is null where a side is empty"),
    Slip("public/get_book_summary_by_*", "result.*.last", "type", "is null where nothing traded"),
    Slip("public/get_book_summary_by_*", "result.*.high", "type", "is null where nothing traded"),
    Slip("public/get_book_summary_by_*", "result.*.low", "type", "is null where nothing traded"),
    Slip(
        "public/get_book_summary_by_*", "result.*.price_change", "type",
        "is null where nothing traded (its description says so)", at_venue=False,
    ),
    Slip("public/get_expirations", "result", "type", "an object, as in its example and the recordings"),
    Slip("private/get_account_summar*", "result.referrer_id", "type", "is null without one"),
    Slip("private/get_account_summar*", "result.self_trading_extended_to_subaccounts", "type", "a boolean"),
    Slip("private/get_account_summaries", "result.block_rfq_self_match_prevention", "type", "a boolean"),
    Slip("private/get_settlement_history_by_*", "result", "type", "an object with a list, as in its example"),
    Slip("private/get_transaction_log", "result.logs.*.info", "type", "is a string for trades"),
    Slip(
        "private/*", "result.order.order_type", "enum",
        "names four of the eight types that private/buy takes", at_venue=False,
    ),
    Slip(
        "private/*", "result.*.order_type", "enum",
        "names four of the eight types that private/buy takes", at_venue=False,
    ),
    Slip(
        "private/get_transaction_log", "result.continuation", "type",
        "is null on the last page (its schema's name says so)", at_venue=False,
    ),
)  # fmt: skip

#: Schemas of what channels carry; the AsyncAPI document's payloads are plain objects.
CHANNEL_SCHEMAS = {
    "user.orders.*": "order",
    "user.trades.*": "user_trade",
    "trades.*": "public_trade",
}
#: Fields of old examples that the venue no longer sends, or only sometimes.
OPTIONAL = {"max_show", "original_order_type", "prev_change_id", "average_price", "filled_amount"}


@pytest.fixture(scope="module")
async def traffic() -> WireClient:
    """Everything that one long session got."""
    document("deribit_openapi.json")
    async with serve() as server:
        return await every_method(server)


async def test_every_method_is_asked_and_every_answer_fits(traffic: WireClient) -> None:
    answers = [(method, message) for method, message in traffic.traffic if "result" in message]
    left_out = set(method_names()) - {method for method, _ in answers}
    assert left_out == {"private/logout"}  # it has no answer
    wrong = [
        fault
        for method, message in answers
        for fault in faults_of_answer(method, message)
        if not any(slip.covers(fault) for slip in SLIPS)
    ]
    assert wrong == []


def test_every_slip_is_needed_and_shown_by_the_venue_itself(traffic: WireClient) -> None:
    ours = [fault for method, message in traffic.traffic if "result" in message
            for fault in faults_of_answer(method, message)]  # fmt: skip
    assert [slip for slip in SLIPS if not any(slip.covers(fault) for fault in ours)] == []
    theirs = list(_venue_faults())
    assert [slip for slip in SLIPS if slip.at_venue and not any(_alike(slip, fault) for fault in theirs)] == []


async def test_errors_have_the_shape_that_the_venue_recorded(traffic: WireClient) -> None:
    known = recorded("ws_error")["error"]
    refused = [message["error"] for _, message in traffic.traffic if "error" in message]
    assert refused
    for error in refused:
        assert {"code", "message"} <= set(error) <= set(known)
        assert isinstance(error["code"], int)


async def test_notifications_fit_the_asyncapi_document(traffic: WireClient) -> None:
    channels = document("deribit_asyncapi.json")["channels"]
    seen = set()
    for name, message in traffic.traffic:
        if message.get("method") != "subscription":
            continue
        assert set(message) == {"jsonrpc", "method", "params"}
        assert message["params"]["channel"] == name
        described = _described(channels, name)
        example = described["messages"]["subscription_message"]["examples"][-1]["payload"]
        data = message["params"]["data"]
        assert isinstance(data, type(example)), name
        for carried in data if isinstance(data, list) else [data]:
            wanted = example[0] if isinstance(example, list) else example
            assert set(wanted) - set(carried) <= OPTIONAL, name
        seen.add(described["address"])
    assert len(seen) >= 15


async def test_orders_and_trades_on_channels_fit_their_schemas(traffic: WireClient) -> None:
    checked = 0
    for name, message in traffic.traffic:
        for glob, schema in CHANNEL_SCHEMAS.items():
            if not fnmatchcase(name, glob):
                continue
            data = message["params"]["data"]
            for carried in data if isinstance(data, list) else [data]:
                wrong = [
                    fault
                    for fault in faults_of(schema, carried)
                    if not (_is_trade_slip(fault) or _is_order_slip(fault))
                ]
                assert wrong == []
                checked += 1
    assert checked > 20


async def test_an_order_has_every_field_that_the_venue_recorded(traffic: WireClient) -> None:
    placed = next(m["result"]["order"] for name, m in traffic.traffic if name == "private/buy" and "result" in m)
    recording = recorded("ws_order_buy_response")["result"]["order"]
    assert set(recording) <= set(placed)
    stop = next(m["result"]["order"] for name, m in traffic.traffic if name == "private/sell" and "result" in m)
    recording = recorded("ws_order_stop_market_no_filled_amount")["result"]["order"]
    assert set(recording) <= set(stop)
    assert stop["price"] == recording["price"] == "market_price"
    assert stop["order_state"] == recording["order_state"] == "untriggered"


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("book.BTC-PERPETUAL.raw", "ws_book_snapshot"),
        ("book.BTC-PERPETUAL.none.10.100ms", "ws_book_grouped_snapshot"),
        ("quote.BTC-PERPETUAL", "ws_quote"),
        ("ticker.BTC-PERPETUAL.raw", "ws_ticker"),
        ("trades.BTC-PERPETUAL.raw", "ws_trades"),
        ("chart.trades.BTC-PERPETUAL.1", "ws_chart"),
        ("user.portfolio.any", "ws_portfolio"),
    ],
)
async def test_a_notification_has_every_field_that_the_venue_recorded(
    traffic: WireClient, channel: str, name: str
) -> None:
    ours = next(message["params"]["data"] for seen, message in traffic.traffic if seen == channel)
    theirs = recorded(name)["params"]["data"]
    if isinstance(theirs, list):
        ours, theirs = ours[0], theirs[-1]
    assert set(theirs) - set(ours) <= OPTIONAL | {"combo_trade_id"}


@pytest.mark.parametrize("name", ["http_get_instrument", "http_get_instrument_option", "http_get_order_book"])
async def test_an_answer_has_every_field_that_the_venue_recorded(traffic: WireClient, name: str) -> None:
    theirs = recorded(name)["result"]
    if name == "http_get_order_book":
        ours = next(m["result"] for asked, m in traffic.traffic if asked == "public/get_order_book")
    else:
        listed = next(m["result"] for asked, m in traffic.traffic if asked == "public/get_instruments")
        ours = next(
            each for each in listed
            if (each["kind"], each["instrument_type"]) == (theirs["kind"], theirs["instrument_type"])
        )  # fmt: skip
    assert set(theirs) - set(ours) <= {"max_non_default_leverage", "delivery_price", "underlying_index"}


def _venue_faults() -> Iterator[Fault]:
    """Where the specification's own examples, and what was recorded at the venue, do not fit the specification."""
    for path, item in document("deribit_openapi.json")["paths"].items():
        method = path.removeprefix("/")
        if method not in method_names():
            continue
        contents = item["get"]["responses"]["200"].get("content", {}).get("application/json", {})
        for example in contents.get("examples", {}).values():
            yield from faults_of_answer(method, example["value"])
    for name, method in (
        ("http_get_instruments", "public/get_instruments"),
        ("http_get_instrument", "public/get_instrument"),
        ("http_get_account_summaries", "private/get_account_summaries"),
    ):
        yield from faults_of_answer(method, recorded(name))


def _alike(slip: Slip, fault: Fault) -> bool:
    """The same fault; one of a list's items is that of a single one."""
    return slip.covers(fault) or (
        (slip.rule == fault.rule)
        and slip.path.replace("result.*", "result") == fault.path.replace("result.*", "result")
    )


def _is_trade_slip(fault: Fault) -> bool:
    return fault.rule == "type" and fault.path in {"matching_id", "post_only", "reduce_only"}


def _is_order_slip(fault: Fault) -> bool:
    return (fault.rule, fault.path) == ("enum", "order_type")


def _described(channels: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The channel of the document that a name belongs to; the one with the fewest blanks if several fit."""
    fitting = [
        channel
        for address, channel in channels.items()
        if re.fullmatch(re.sub(r"\\\(\w+\\\)", "[^.]+", re.escape(address)), name)
    ]
    assert fitting, f"{name} is no channel of the venue"
    found: dict[str, Any] = json.loads(json.dumps(min(fitting, key=lambda each: each["address"].count("("))))
    return found
