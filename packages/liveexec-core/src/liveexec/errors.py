"""Every exception that liveexec raises on purpose.

The docstring of a class is what it means to the caller; the message says what happened this time. Errors that
leave an order's fate open say so in their name (:class:`OutcomeUnknown`), so that nobody takes them for a failure.
"""

from collections.abc import Iterable

from attrs import frozen

__all__ = [
    "AdapterError",
    "Busy",
    "ConfigurationError",
    "Draining",
    "Fault",
    "Fenced",
    "Halted",
    "InvalidInput",
    "InvariantViolation",
    "JournalConflict",
    "LiveExecError",
    "NotFound",
    "ObjectAccessDenied",
    "ObjectExists",
    "ObjectNotFound",
    "ObjectStoreError",
    "OperationConflict",
    "OutcomeUnknown",
    "PluginError",
    "StorageError",
    "TransientStorageError",
    "TransitionError",
    "UnsafeServer",
]


class LiveExecError(Exception):
    """Base of every error raised by liveexec."""


@frozen
class Fault:
    """One thing that is wrong with an input: where (a dotted path, empty for the whole) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidInput(LiveExecError):
    """The input is malformed; every fault is listed, nothing was recorded and nothing was sent."""

    def __init__(self, what: str, faults: Iterable[Fault]) -> None:
        self.what = what
        self.faults = tuple(faults)
        super().__init__(f"{what}: " + "; ".join(str(fault) for fault in self.faults))


class ConfigurationError(InvalidInput):
    """The configuration can't be used; every fault is listed with its path."""


class OperationConflict(LiveExecError):
    """The operation id was used before with other content; nothing was recorded and nothing was sent."""


class NotFound(LiveExecError):
    """There is no such order, account, venue or instrument here."""


class Busy(LiveExecError):
    """The queue of intents is full: nothing was recorded; try again later."""


class Draining(LiveExecError):
    """The orchestrator is shutting down and takes no more risk; cancels are still taken."""


class Halted(LiveExecError):
    """The journal can't write, so nothing that adds risk is taken until it can again."""


class Fenced(LiveExecError):
    """Another process owns the shard now; this one writes and sends nothing any more."""


class OutcomeUnknown(LiveExecError):
    """Whether the request took effect is not known yet; look the operation up before you repeat it."""


class StorageError(LiveExecError):
    """The database can't be used as it is; the message says what to do."""


class TransientStorageError(StorageError):
    """The database failed in a way that a retry of the identical batch may cure; the outcome is unknown."""


class JournalConflict(StorageError):
    """A record is in the journal already with other content: a broken invariant, never ignored."""


class UnsafeServer(StorageError):
    """A setting of the server would lose acknowledged writes (fsync, full_page_writes, synchronous_commit)."""


class TransitionError(LiveExecError):
    """The order state table has no transition for this event in this status."""


class InvariantViolation(LiveExecError):
    """Something that must always hold does not; the engine halts rather than trade on it."""


class PluginError(LiveExecError):
    """A plugin can't be used; the message names its distribution, its version and the reason."""


class AdapterError(LiveExecError):
    """A venue could not be reached or refused a request that carries no order outcome."""


class ObjectStoreError(LiveExecError):
    """An object store can't be reached or used; the message names the object and says what to do."""


class ObjectNotFound(ObjectStoreError, NotFound):
    """There is no such object in the store."""


class ObjectExists(ObjectStoreError):
    """The object is there already, and what is published once is never written over."""


class ObjectAccessDenied(ObjectStoreError):
    """The store refuses the credentials, or they may not do this; they are never quoted."""
