"""The configuration section: every fault at once, and no secret in any of them."""

import json
from decimal import Decimal
from typing import Any

import pytest

from deribit_support import payloads
from liveexec.domain.secret import Secret
from liveexec.errors import ConfigurationError
from liveexec.plugins.manager import load_plugins
from liveexec.structuring import strict_converter, structured
from liveexec_deribit.adapter import DeribitAdapter
from liveexec_deribit.config import CURRENCIES, DeribitAccount, DeribitSection, Endpoints


def faults(**changes: Any) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as refusal:
        payloads.section(**changes)
    return {each.path: each.message for each in refusal.value.faults}


def test_the_defaults_are_the_live_venue_with_a_signed_login() -> None:
    section = payloads.section()
    assert section.endpoints == Endpoints("wss://www.deribit.com/ws/api/v2", "https://www.deribit.com/api/v2")
    assert payloads.section(testnet=True).endpoints.websocket == "wss://test.deribit.com/ws/api/v2"
    assert section.authentication == "client_signature"
    assert section.rate_limit.cancel_lane == 5


def test_other_endpoints_go_together() -> None:
    section = payloads.section(websocket_url="ws://127.0.0.1:8/ws/api/v2/", http_url="http://127.0.0.1:8/api/v2")
    assert section.endpoints == Endpoints("ws://127.0.0.1:8/ws/api/v2", "http://127.0.0.1:8/api/v2")
    assert set(faults(websocket_url="http://127.0.0.1")) == {"websocket_url", "http_url"}


def test_with_spot_every_currency_is_asked_by() -> None:
    assert set(payloads.section(currencies=("USDC",)).asked_currencies) == set(CURRENCIES)
    assert payloads.section(currencies=("USDC",), kinds=("future",)).asked_currencies == ("USDC",)
    assert payloads.section(currencies=("NEW", "BTC")).asked_currencies == ("NEW", "BTC", "ETH", "USDC", "USDT", "EURR")


def test_every_fault_is_named() -> None:
    twice = (DeribitAccount("A", "c", Secret("aaaa-1")), DeribitAccount("A", " ", Secret("bbbb-2")))
    found = faults(
        accounts=twice,
        venue="no venue",
        currencies=(),
        kinds=(),
        heartbeat_s=1,
        book_depth=0,
        requests_per_second=Decimal(0),
        request_burst=1,
        cancel_lane=1,
        query_burst=0,
        log_query_burst=0,
        log_queries_per_second=Decimal(0),
        page_size=1_001,
        queries_per_second=Decimal(-1),
        request_timeout_s=Decimal("Infinity"),
    )
    assert set(found) == {
        "accounts[1].client_id",
        "accounts[1].account_id",
        "venue",
        "currencies",
        "kinds",
        "heartbeat_s",
        "book_depth",
        "requests_per_second",
        "cancel_lane",
        "query_burst",
        "log_query_burst",
        "log_queries_per_second",
        "page_size",
        "queries_per_second",
        "request_timeout_s",
    }
    assert "accounts" in faults(accounts=())


def test_a_document_makes_a_session_per_account() -> None:
    registration = load_plugins().adapters["DERIBIT"]
    assert registration.config is DeribitSection
    document = {
        "accounts": [
            {"account_id": "D-1", "client_id": "one", "client_secret": "secret-of-one"},
            {"account_id": "D-2", "client_id": "two", "client_secret": "secret-of-two"},
        ],
        "testnet": True,
        "requests_per_second": "20",
    }
    section = structured(strict_converter(texts=True), document, DeribitSection, "a document")
    adapters = registration.factory(section)
    assert all(isinstance(each, DeribitAdapter) for each in adapters)
    assert [each.accounts for each in adapters] == [("D-1",), ("D-2",)]
    assert {each.manifest.venue for each in adapters} == {"DERIBIT"}
    assert "secret-of-one" not in repr(section)
    with pytest.raises(ConfigurationError, match="client_secret"):
        structured(
            strict_converter(),
            json.loads('{"accounts": [{"account_id": "a", "client_id": "b"}]}'),
            DeribitSection,
            "it",
        )
