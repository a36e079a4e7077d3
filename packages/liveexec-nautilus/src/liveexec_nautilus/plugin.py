"""What liveexec calls when it loads this distribution. Nothing here imports NautilusTrader; factories do."""

from collections.abc import Callable
from typing import Any, Final

from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import Registry

__all__ = ["LIVEEXEC_API", "liveexec_register_replay_hosts"]

#: The version of the plugin API that this was written for: hosts of replays came with 1.1.
LIVEEXEC_API: Final = (1, 1)


@hookimpl
def liveexec_register_replay_hosts(registry: Registry[Callable[[], Any]]) -> None:
    """The host of replays on NautilusTrader's backtest engine."""
    registry.add("nautilus", _backtest_host)


def _backtest_host() -> Any:
    from liveexec_nautilus.backtest.host import NautilusHost  # noqa: PLC0415 -- factories import the vendor's library

    return NautilusHost()
