"""Who may ask and how often: tokens, signatures, scopes, and credits."""

import hashlib
import hmac
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec_deribit.loopback.auth import Authority
from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.config import AccountConfig, Credits, RateLimits, VenueConfig
from liveexec_deribit.loopback.credits import AccountCredits
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.params import Params
from liveexec_deribit.loopback.protocol import parse
from loopback_support.exchanges import STEADY

KEY = AccountConfig(
    client_id="key", client_secret="hidden-word", user_id=7, scope="account:read trade:read_write wallet:none"
)


def make_authority() -> tuple[Authority, VenueClock]:
    clock = VenueClock(lambda: 1_000_000_000_000_000_000)
    return Authority(VenueConfig(accounts=[KEY], token_lifetime_s=900), clock), clock


def test_a_secret_is_checked_and_never_shown() -> None:
    authority, _ = make_authority()
    assert authority.by_secret("key", "hidden-word") is KEY
    for client_id, secret in (("key", "wrong"), ("key", "hidden-wörd"), ("nobody", "hidden-word")):
        with pytest.raises(VenueError, match="13004 invalid_credentials"):
            authority.by_secret(client_id, secret)
    grant = authority.grant(KEY, "", None)
    assert "hidden-word" not in repr(KEY) + repr(grant)
    assert grant.access_token not in repr(grant)


def test_a_signature_is_of_what_was_signed_and_recent() -> None:
    authority, clock = make_authority()
    now = clock.now_ms()
    signed = f"{now}\nnonce\ndata"
    signature = hmac.new(b"hidden-word", signed.encode(), hashlib.sha256).hexdigest()
    assert authority.by_signature("key", now, signature, signed) is KEY
    for stamp, text in ((now, signed + "!"), (now - 61_000, signed), (now + 61_000, signed)):
        with pytest.raises(VenueError, match="13004"):
            authority.by_signature("key", stamp, signature, text)
    with pytest.raises(VenueError, match="13004"):
        authority.by_signature("key", now, "ä", signed)


def test_a_scope_of_no_level_is_refused() -> None:
    authority, _ = make_authority()
    with pytest.raises(VenueError, match="-32602 Invalid params"):
        authority.grant(KEY, "trade:everything", None)
    assert not authority.grants()


@pytest.mark.parametrize("value", ["1e21", "1e999999", "1e-999999", Decimal("1e30"), 10**40, "NaN", "Infinity", "x"])
def test_a_number_that_nothing_can_be_is_refused(value: object) -> None:
    with pytest.raises(VenueError, match="-32602 Invalid params"):
        Params({"amount": value}).decimal("amount")


@pytest.mark.parametrize("body", ["{", "[" * 200_000, b"\xff", ""])
def test_what_is_no_json_is_a_parse_error(body: bytes | str) -> None:
    with pytest.raises(VenueError, match="-32700 Parse error"):
        parse(body)


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        ("", "account:read connection mainaccount trade:read_write"),
        ("trade:read", "connection mainaccount trade:read"),
        ("trade:read_write account:read_write session:desk", "account:read mainaccount session:desk trade:read_write"),
        ("wallet:read_write", "connection mainaccount"),
    ],
)
def test_a_scope_is_at_most_the_keys(asked: str, scope: str) -> None:
    authority, _ = make_authority()
    assert authority.grant(KEY, asked, None).scope == scope


def test_tokens_expire_and_are_refreshed_once() -> None:
    authority, clock = make_authority()
    grant = authority.grant(KEY, "expires:60", 1)
    assert authority.by_token(grant.access_token, 1) is grant
    with pytest.raises(VenueError, match="13009 unauthorized"):
        authority.by_token(grant.access_token, 2)  # a connection's own
    clock.advance(60_000)
    with pytest.raises(VenueError, match="13009 unauthorized"):
        authority.by_token(grant.access_token, 1)
    fresh = authority.refresh(grant.refresh_token, 1)
    assert authority.by_token(fresh.access_token, 1) is fresh
    with pytest.raises(VenueError, match="13004"):
        authority.refresh(grant.refresh_token, 1)
    named = authority.grant(KEY, "session:desk", 1)
    assert authority.by_token(named.access_token, 2) is named


@STEADY
@given(
    st.integers(1, 20),
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=60),
)
def test_credits_never_allow_more_than_burst_and_rate(burst: int, rate: int, asks: list[tuple[int, bool]]) -> None:
    clock = VenueClock(lambda: 0)
    pool = Credits(burst=burst, rate_per_s=rate)
    limits = RateLimits(matching=pool, non_matching=Credits(burst=1, rate_per_s=0.001))
    account = AccountCredits(limits, clock)
    allowed: list[int] = []
    for wait_ms, matching in asks:
        clock.advance(wait_ms)
        taken = account.take("private/buy" if matching else "public/test")
        if matching and taken:
            allowed.append(clock.now_ms())
        assert account.ends_session != taken
    for first, start in enumerate(allowed):
        for count, end in enumerate(allowed[first:], 1):
            assert count <= burst + rate * (end - start) / 1_000 + 1e-6


def test_a_clock_that_is_set_back_takes_no_credits() -> None:
    clock = VenueClock(lambda: 0)
    account = AccountCredits(RateLimits(matching=Credits(burst=3, rate_per_s=1)), clock)
    clock.advance(-3_600_000)
    assert [account.take("private/buy") for _ in range(4)] == [True, True, True, False]
    clock.advance(1_000)
    assert account.take("private/buy")


def test_refusals_may_be_forgiven() -> None:
    clock = VenueClock(lambda: 0)
    limits = RateLimits(matching=Credits(burst=1, rate_per_s=1), refusals_before_end=2)
    account = AccountCredits(limits, clock)
    assert [account.take("private/buy") for _ in range(3)] == [True, False, False]
    assert not account.ends_session
    assert not account.take("private/buy")
    assert account.ends_session
    clock.advance(1_000)
    assert account.take("private/buy")
    assert not account.ends_session


def test_parameters_are_read_from_json_and_from_text() -> None:
    params = Params({"amount": "10.5", "count": "3", "on": "true", "off": False, "channels": '["a","b"]', "one": "c"})
    assert (params.decimal("amount"), params.integer("count")) == (Decimal("10.5"), 3)
    assert (params.boolean("on"), params.boolean("off", default=True), params.boolean("absent")) == (True, False, False)
    assert (params.texts("channels"), params.texts("one")) == (["a", "b"], ["c"])


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ({}, "decimal"),
        ({"it": "ten"}, "decimal"),
        ({"it": True}, "decimal"),
        ({"it": "NaN"}, "decimal"),
        ({"it": "Infinity"}, "decimal"),
        ({"it": "1.5"}, "integer"),
        ({"it": -1}, "integer"),
        ({"it": 1}, "text"),
        ({"it": "yes"}, "boolean"),
        ({"it": ["a", 1]}, "texts"),
        ({"it": "[1"}, "texts"),
        ({}, "texts"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(values: dict[str, object], read: str) -> None:
    with pytest.raises(VenueError) as refused:
        getattr(Params(values), read)("it")
    assert (refused.value.code, refused.value.data["param"]) == (-32602, "it")
    assert refused.value.data["reason"]


def test_what_is_left_out_is_refused() -> None:
    with pytest.raises(VenueError, match="10033 not_implemented"):
        Params({"max_show": 10}).refuse("display_amount", "max_show")
