"""What a replay's specification may say about this host: its ``host_options``."""

from collections.abc import Mapping
from typing import Any

from attrs import fields, frozen

from liveexec.errors import ConfigurationError, Fault

__all__ = ["NautilusOptions", "option_faults"]


@frozen
class NautilusOptions:
    """How the backtest engine fills.

    ``liquidity_consumption``: what was taken of a displayed level is not there again until the recording changes it.
    ``queue_position``: an order that rests waits until what was displayed at its price before it has traded.
    Both are on, since both are how a venue works; the library's own default is off.
    """

    liquidity_consumption: bool = True
    queue_position: bool = True

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> "NautilusOptions":
        """Read the options.

        Raises:
            ConfigurationError: with every fault.
        """
        if faults := option_faults(options):
            raise ConfigurationError("host_options", faults)
        return cls(**options)


def option_faults(options: Mapping[str, Any]) -> list[Fault]:
    """Everything that is wrong with ``host_options``."""
    known = [attribute.name for attribute in fields(NautilusOptions)]
    faults = [Fault(name, f"is not known; there are {', '.join(known)}") for name in options if name not in known]
    faults += [
        Fault(name, f"must be true or false, not {value!r}")
        for name, value in options.items()
        if name in known and not isinstance(value, bool)
    ]
    return faults
