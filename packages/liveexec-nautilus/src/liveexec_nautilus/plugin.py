"""What liveexec calls when it loads this distribution. Nothing here imports NautilusTrader; factories do."""

from typing import Final

__all__ = ["LIVEEXEC_API"]

#: The version of the plugin API that this was written for.
LIVEEXEC_API: Final = (1, 0)
