"""The manifest and the plugin: what an adapter says of itself, against what it is."""

import ast
import subprocess
import sys

from liveexec.domain.operation import Operation
from liveexec.domain.venue import ReplaceMode
from liveexec.plugins.adapter import API_VERSION, Replaces
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.needs import PLUGIN
from liveexec_testkit.conformance.trial import Trial

__all__ = ["DeclarationCases"]

#: Imports the plugin as the library does, and tells which of the vendor's modules came with it.
_PROBE = """
import importlib, sys
module = importlib.import_module(sys.argv[1])
api = getattr(module, "LIVEEXEC_API", None)
hooks = [name for name in vars(module) if name.startswith("liveexec_")]
vendor = [name for name in sys.argv[2:] if name in sys.modules]
print(repr((api, hooks, vendor)))
"""


class DeclarationCases(CaseGroup):
    """What the manifest declares, the adapter is."""

    subject = "Manifest and plugin"

    @case(
        9,
        "The manifest agrees with the adapter",
        proves="Same API major as the library, at least one operation, order type and time in force, the harness's "
        "account among the adapter's, and replaces declared only where the adapter implements them.",
    )
    async def test_lx009_manifest(self, trial: Trial) -> None:
        adapter = trial.venue.adapter()
        manifest = adapter.manifest
        assert manifest.api_version[0] == API_VERSION[0], f"written for API {manifest.api_version}"
        assert manifest.operations, "no operation is declared"
        if Operation.TRADE in manifest.operations:
            assert manifest.order_types, "no order type is declared"
            assert manifest.time_in_force, "no time in force is declared"
        assert trial.venue.account_id in adapter.accounts, "the adapter does not serve the harness's account"
        if manifest.replace is not ReplaceMode.NONE:
            assert isinstance(adapter, Replaces), (
                f"the manifest says replace={manifest.replace}, and the adapter does not implement Replaces"
            )
        assert manifest.visibility_lag_ns >= 0, "a lag can't be negative"

    @case(
        10,
        "The plugin registers and imports no vendor library",
        proves="In a fresh interpreter the plugin's module imports, declares LIVEEXEC_API with the library's major "
        "and at least one hook, and has not imported the vendor's library.",
        needs=(PLUGIN,),
    )
    async def test_lx010_plugin(self, trial: Trial) -> None:
        plugin = trial.venue.plugin
        assert plugin is not None
        done = subprocess.run(  # noqa: S603, ASYNC221  (our own probe; nothing else runs meanwhile)
            [sys.executable, "-c", _PROBE, plugin, *trial.venue.vendor_modules],
            capture_output=True,
            text=True,
            check=False,
            timeout=trial.venue.patience_s * 3,
        )
        assert done.returncode == 0, f"importing {plugin} failed: {done.stderr}"
        api, hooks, vendor = _read(done.stdout)
        assert isinstance(api, tuple), f"{plugin} declares LIVEEXEC_API = {api!r}"
        assert api[0] == API_VERSION[0], f"{plugin} declares LIVEEXEC_API = {api!r}"
        assert hooks, f"{plugin} implements no hook"
        assert not vendor, f"importing {plugin} imports {vendor}"


def _read(text: str) -> tuple[object, list[str], list[str]]:
    api, hooks, vendor = ast.literal_eval(text.strip().splitlines()[-1])
    return api, hooks, vendor
