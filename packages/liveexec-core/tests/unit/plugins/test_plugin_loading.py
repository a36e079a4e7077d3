"""Plugins from throwaway distributions: built-ins come through the hooks, and whatever is wrong refuses to start."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from liveexec.errors import PluginError
from liveexec.plugins.adapter import API_VERSION
from liveexec.plugins.manager import load_plugins

Install = Callable[..., str]

GOOD = """
from liveexec.plugins.hookspecs import hookimpl
LIVEEXEC_API = (1, 0)

@hookimpl
def liveexec_register_routing_policies(registry):
    registry.add("coin_toss", lambda: None)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution whose plugin module holds this source; the name of the distribution is returned."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def make(source: str, name: str = "acme-routing", version: str = "2.7", points: str = "main = {module}") -> str:
        module = name.replace("-", "_").lower() + "_plugin"
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
        lines = points.format(module=module)
        (info / "entry_points.txt").write_text(f"[liveexec]\n{lines}\n", encoding="utf-8")
        return name

    yield make
    for module in modules:
        sys.modules.pop(module, None)


def test_what_is_built_in_registers_through_the_same_hooks() -> None:
    plugins = load_plugins(enabled=())
    assert (plugins.loaded[0].distribution, plugins.loaded[0].refused) == ("liveexec-core", None)
    assert set(plugins.adapters) == {"PAPER"}
    assert set(plugins.routing_policies) == {"pinned", "best_price", "lowest_fee", "split"}
    assert set(plugins.execution_algorithms) == {"NORMAL", "TWAP", "VWAP", "ICEBERG"}
    assert len(plugins.risk_rules) >= 16


def test_an_installed_plugin_adds_to_them(install: Install) -> None:
    install(GOOD)
    plugins = load_plugins()
    assert "coin_toss" in plugins.routing_policies
    assert ("acme-routing", "2.7", None) in [(each.distribution, each.version, each.refused) for each in plugins.loaded]


def test_registries_are_closed_after_loading(install: Install) -> None:
    source = GOOD.replace('registry.add("coin_toss", lambda: None)', "global kept; kept = registry")
    install(source)
    plugins = load_plugins()
    with pytest.raises(PluginError, match="not later"):
        sys.modules["acme_routing_plugin"].kept.add("late", lambda: None)
    with pytest.raises(TypeError):
        plugins.routing_policies["late"] = lambda: None  # type: ignore[index]  # what is handed out can't be changed


@pytest.mark.parametrize("enabled", [["other"], []])
def test_a_distribution_that_is_not_allowed_is_not_even_imported(install: Install, enabled: list[str]) -> None:
    install("raise RuntimeError('imported')")
    if enabled:
        install(GOOD, "other")
    plugins = load_plugins(enabled=enabled)
    assert "acme_routing_plugin" not in sys.modules
    # Packages of venues that are installed beside the library are not allowed here either.
    refused = {each.distribution: each.refused for each in plugins.loaded if each.refused}
    assert "plugins.enabled" in str(refused["acme-routing"])


@pytest.mark.parametrize("written", ["Acme_Routing", "acme.routing", "ACME-ROUTING"])
def test_names_of_distributions_are_compared_as_package_indexes_do(install: Install, written: str) -> None:
    install(GOOD)
    assert "coin_toss" in load_plugins(enabled=[written]).routing_policies


def test_an_allowed_distribution_that_is_not_installed_is_an_error() -> None:
    with pytest.raises(PluginError, match=r"acme-risk.*no such plugin is installed"):
        load_plugins(enabled=["acme-risk"])


HOOK = "from liveexec.plugins.hookspecs import hookimpl\nLIVEEXEC_API = (1, 0)\n@hookimpl\ndef "


@pytest.mark.parametrize(
    ("source", "points", "message"),
    [
        ("import no_such_vendor_library", "main = {module}", "can't be imported.*no_such_vendor_library"),
        ("raise RuntimeError('boom')", "main = {module}", "can't be imported.*boom"),
        ("def broken(:", "main = {module}", "can't be imported"),
        ("", "main = {module}", "declares no LIVEEXEC_API"),
        ("LIVEEXEC_API = 1", "main = {module}", "declares no LIVEEXEC_API"),
        ("LIVEEXEC_API = (1, '0')", "main = {module}", "declares no LIVEEXEC_API"),
        ("LIVEEXEC_API = (99, 0)", "main = {module}", r"written for plugin API 99\.0, this is 1\.1"),
        (f"LIVEEXEC_API = (1, {API_VERSION[1] + 1})", "main = {module}", "written for plugin API"),
        (HOOK + "liveexec_register_toasters(registry): pass", "main = {module}", "liveexec_register_toasters"),
        (HOOK + "liveexec_register_risk_rules(registry, toast): pass", "main = {module}", "toast"),
        (HOOK + "liveexec_register_risk_rules(registry): 1 / 0", "main = {module}", "risk_rules failed.*zero"),
        (HOOK + "liveexec_register_risk_rules(registry): pass", "main = {module}:LIVEEXEC_API", "must name a module"),
        (HOOK + "liveexec_register_risk_rules(registry): pass", "a = {module}\nb = {module}", "once"),
        (HOOK + "liveexec_register_risk_rules(registry): pass", "main = no_such_module_here", "can't be imported"),
    ],
)
def test_whatever_is_wrong_refuses_and_names_distribution_version_and_reason(
    install: Install, source: str, points: str, message: str
) -> None:
    install(source, points=points)
    with pytest.raises(PluginError, match=rf"(?s)acme-routing 2\.7.*{message}"):
        load_plugins()


@pytest.mark.parametrize("name", ["coin_toss", "best_price"])
def test_two_plugins_that_claim_one_name_are_both_named(install: Install, name: str) -> None:
    install(GOOD.replace("coin_toss", name))
    install(GOOD, "other", "3.1")
    with pytest.raises(PluginError) as caught:
        load_plugins()
    assert f"'{name}'" in str(caught.value)
    assert "acme-routing 2.7" in str(caught.value)
    assert ("other 3.1" if name == "coin_toss" else "liveexec-core") in str(caught.value)


def test_a_venue_that_is_registered_with_something_else_is_named(install: Install) -> None:
    install(
        """
from liveexec.plugins.hookspecs import hookimpl
LIVEEXEC_API = (1, 0)

@hookimpl
def liveexec_register_adapters(registry):
    registry.add("ODD", lambda section: ())
"""
    )
    with pytest.raises(PluginError, match=r"venue 'ODD' of acme-routing 2\.7 is registered with a function"):
        load_plugins(["acme-routing"])


def test_two_plugins_that_read_one_section_are_both_named(install: Install) -> None:
    source = """
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import AdapterRegistration
LIVEEXEC_API = (1, 0)

@hookimpl
def liveexec_register_adapters(registry):
    registry.add("{name}", AdapterRegistration(lambda section: (), None, "objects"))
"""
    install(source.format(name="ONE"))
    install(source.format(name="TWO"), "other", "3.1")
    with pytest.raises(PluginError, match=r"section 'objects' is claimed by acme-routing 2\.7 and by other 3\.1"):
        load_plugins()
