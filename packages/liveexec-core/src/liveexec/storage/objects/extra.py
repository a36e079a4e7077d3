"""What the extra ``replay`` brings, imported when it is first needed: without it the library loads, and says so."""

from importlib import import_module
from types import ModuleType

from liveexec.errors import ObjectStoreError

__all__ = ["needed"]


def needed(module: str, purpose: str) -> ModuleType:
    """A module of the extra.

    Raises:
        ObjectStoreError: it is not installed; the message says what to install.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise ObjectStoreError(
            f"{purpose} needs {error.name}, which is not installed: install liveexec-core[replay]"
        ) from None
