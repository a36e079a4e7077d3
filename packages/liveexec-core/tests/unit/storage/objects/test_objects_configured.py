"""Options of stores by their roots: which of them hold, and everything that is wrong with them at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.object_store import ObjectStore
from liveexec.domain.secret import Secret
from liveexec.storage.objects.configured import ConfiguredStores
from liveexec.storage.objects.opening import open_store
from support.canaries import canary


class Opened:
    """A plugin's factory, which notes what it is given."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, url: str, options: Mapping[str, Any]) -> ObjectStore:
        self.asked.append((url, options))
        return open_store("memory://opened")


SEGMENTS = st.lists(st.sampled_from(("a", "b", "ab")), max_size=3)


@given(st.lists(SEGMENTS, unique_by=tuple, max_size=6), SEGMENTS)
def test_the_longest_root_above_a_store_holds_and_nothing_else_is_mixed_in(
    roots: list[list[str]], place: list[str]
) -> None:
    opened = Opened()
    options = {f"vault://{'/'.join(each)}": {"root": "/".join(each), str(len(each)): 1} for each in roots}
    ConfiguredStores(options, factories={"vault": opened}).open(f"vault://{'/'.join(place) or 'a'}")
    place = place or ["a"]
    depth = max((len(each) for each in roots if place[: len(each)] == each), default=None)
    ((_, given_options),) = opened.asked
    assert given_options == ({"root": "/".join(place[:depth]), str(depth): 1} if depth is not None else {})


def test_a_plugin_is_given_its_options_as_they_are_written() -> None:
    opened = Opened()
    written = {"pool": {"size": 3}, "token": Secret(canary())}
    stores = ConfiguredStores({"vault://": written}, factories={"vault": opened})
    assert stores.faults() == []
    stores.open("vault://b/x")
    assert opened.asked == [("vault://b/x", written)]


def test_a_folder_and_memory_are_opened_without_any(tmp_path: Path) -> None:
    stores = ConfiguredStores({"s3://": {"region": "eu"}})
    for url in (tmp_path.as_uri(), "memory://configured"):
        stores.open(url).put("a", b"1")
        assert stores.open(url).get("a") == b"1"


def test_every_fault_of_every_root_is_named_and_no_value_of_a_secret() -> None:
    secret = canary()
    stores = ConfiguredStores(
        {
            "s3://ticks": {
                "nonsense": "x",
                "regin": "eu",
                "virtual_hosted_style_request": "maybe",
                "access_key_id": Secret(secret),
                "region": ["eu"],
            },
            "gs://": {"service_account_key": Secret("{" + secret), "base_url": "http://127.0.0.1:9"},
            "gs://runs/": {"skip_signature": True, "service_account": ""},
            "gs://runs": {},
            "memory://m": {"a": "1", "b": "2"},
            "file://": {"c": "3"},
            "ftp://x": {},
            "ticks": {},
            f"s3://user:{secret}@bucket": {},
        },
        retries=-1,
    )
    found = [(fault.path, fault.message) for fault in stores.faults()]
    assert [path for path, _ in found] == [
        "retries",
        "stores.s3://ticks.nonsense",
        "stores.s3://ticks.regin",
        "stores.s3://ticks.virtual_hosted_style_request",
        "stores.s3://ticks.access_key_id",
        "stores.s3://ticks.region",
        "stores.gs://.service_account_key",
        "stores.gs://runs",
        "stores.memory://m.a",
        "stores.memory://m.b",
        "stores.file://.c",
        "stores.ftp://x",
        "stores.ticks",
        "stores.***",
    ]
    said = dict(found)
    assert "'regin' is not valid" in said["stores.s3://ticks.regin"]
    assert "boolean" in said["stores.s3://ticks.virtual_hosted_style_request"]
    assert said["stores.gs://runs"] == "is the same root as gs://runs/"
    assert said["stores.ftp://x"].startswith("nobody has ftp://, there are gs://")
    assert secret not in str(found)


@pytest.mark.parametrize("name", ["endpoint", "endpoint_url", "aws_endpoint", "AWS_ENDPOINT_URL"])
def test_a_server_of_this_machine_may_be_asked_without_tls_however_its_address_is_called(name: str) -> None:
    # Nobody listens there, which is found out by asking.
    options = {"s3://b": {name: "http://127.0.0.1:9", "skip_signature": True}}
    stores = ConfiguredStores(options, retries=0)
    assert stores.faults() == []
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9") as caught:
        stores.open("s3://b/x").get("a")
    assert "scheme" not in str(caught.value)
