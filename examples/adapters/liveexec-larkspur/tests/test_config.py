"""A section that can't be used is refused whole, every fault with its path."""

from collections.abc import Sequence
from typing import Any

import pytest

from liveexec.domain.secret import Secret
from liveexec.domain.venue import AdapterManifest
from liveexec.errors import ConfigurationError
from liveexec.plugins.registrars import AdapterRegistration, Registry
from liveexec_larkspur.config import LarkspurAccount, LarkspurSection
from liveexec_larkspur.plugin import liveexec_register_adapters

OURS = LarkspurAccount("main", Secret("a-key-of-ours"), Secret("a-secret-of-ours"))


def section(**changes: Any) -> LarkspurSection:
    return LarkspurSection(**({"accounts": (OURS,)} | changes))


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        section(accounts=(), http_url="ftp://venue", stream_url="ws://10.0.0.1", answer_timeout_s=0, silence_s=-1)
    assert [fault.path for fault in refused.value.faults] == [
        "http_url",
        "stream_url",
        "answer_timeout_s",
        "silence_s",
        "accounts",
    ]


def test_an_account_is_there_once() -> None:
    with pytest.raises(ConfigurationError, match="main is there twice"):
        section(accounts=(OURS, OURS))


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://api.larkspur.example", True),
        ("http://127.0.0.1:8080", True),
        ("http://api.larkspur.example", False),
        ("https://user:password@api.larkspur.example", False),
        ("https://api.larkspur.example?key=1", False),
        ("api.larkspur.example", False),
    ],
)
def test_keys_leave_this_machine_encrypted_only(url: str, is_good: bool) -> None:
    if is_good:
        assert section(http_url=url).http_url == url
    else:
        with pytest.raises(ConfigurationError, match="http_url"):
            section(http_url=url)


def test_a_section_shows_no_secret() -> None:
    shown = repr(section())
    assert "a-key-of-ours" not in shown
    assert "a-secret-of-ours" not in shown


def test_the_factory_makes_an_adapter_for_each_account() -> None:
    other = LarkspurAccount("other", Secret("another-key"), Secret("another-secret"))
    registry: Registry[AdapterRegistration] = Registry("venue")
    liveexec_register_adapters(registry)
    registered = registry.close()["LARKSPUR"]
    assert registered.config is LarkspurSection
    adapters: Sequence[Any] = registered.factory(section(accounts=(OURS, other)))
    assert [each.accounts for each in adapters] == [("main",), ("other",)]
    assert all(isinstance(each.manifest, AdapterManifest) for each in adapters)
