"""Signals from files: parquet or JSON, every row checked, and everything that is wrong said at once.

Columns, or keys: ``timestamp``, ``instrument_key``, ``side``, ``quantity``, ``strategy_id``, and if need be
``order_type``, ``price``, ``exec_algorithm``, ``params``. JSON is a list of objects, an object with such a list under
``signals``, or one object a line. A row that has neither a side nor a quantity says that nothing changes in its
interval: it is counted and passed over.

Times are text of ISO 8601 with an offset, whole microseconds since 1970 as in tick files, or parquet's own timestamps
(without a zone they are UTC). Numbers may be text; of a double, the shortest decimal that reads back as it counts.
``params`` may be an object or the text of one.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec
from attrs import field, frozen

from liveexec.domain import checks
from liveexec.domain.money import parse_decimal
from liveexec.domain.object_store import ObjectStore
from liveexec.domain.operation import OrderType, Side
from liveexec.domain.recorded import MICROSECOND_NS
from liveexec.domain.signal import Signal
from liveexec.errors import Fault, InvalidInput
from liveexec.storage.objects.extra import needed

__all__ = ["Signals", "read_signals", "signals_of_rows"]

#: Faults that are listed one by one; more of them would hide the first.
MAX_FAULTS: Final = 100
_REQUIRED: Final = ("timestamp", "instrument_key", "side", "quantity", "strategy_id")
_OPTIONAL: Final = ("order_type", "price", "exec_algorithm", "params")
_KNOWN: Final = frozenset((*_REQUIRED, *_OPTIONAL))
#: 2000 to 2100 in microseconds: outside, it was another unit.
_EARLIEST_US: Final = 946_684_800_000_000
_LATEST_US: Final = 4_102_444_800_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Signals:
    """The signals of a file in the order of their times, and how many rows of it said that nothing changes."""

    signals: tuple[Signal, ...]
    unchanged: int = field(default=0)


def read_signals(store: ObjectStore, path: str) -> Signals:
    """The signals of a file in a store; what its name ends in, ``.parquet``, ``.json`` or ``.jsonl``, says what it is.

    Raises:
        ObjectNotFound: there is no such file.
        InvalidInput: with every fault and the row that it is in.
    """
    what = f"signals {store.url}/{path}"
    ending = path.rpartition(".")[2].lower()
    data = store.get(path)
    if ending == "parquet":
        return signals_of_rows(_parquet_rows(data, what), what)
    if ending in ("json", "jsonl", "ndjson"):
        return signals_of_rows(_json_rows(data, what), what)
    raise InvalidInput(what, [Fault("", "must be called .parquet, .json or .jsonl")])


def signals_of_rows(rows: Iterator[Any], what: str = "signals") -> Signals:
    """The signals of plain rows; ``what`` is what errors call them.

    Raises:
        InvalidInput: with every fault and the row that it is in, counted from 0.
    """
    found: list[Signal] = []
    faults: list[Fault] = []
    unchanged = 0
    for number, row in enumerate(rows):
        try:
            if _says_nothing(row):
                unchanged += 1
            else:
                found.append(_signal(row))
        except InvalidInput as error:
            faults += [
                Fault(f"[{number}]" + (f".{each.path}" if each.path else ""), each.message) for each in error.faults
            ]
    if faults:
        more = len(faults) - MAX_FAULTS
        shown = [*faults[:MAX_FAULTS], Fault("", f"and {more} more faults")] if more > 0 else faults
        raise InvalidInput(what, shown)
    # The sort is stable: signals of one moment stay in the order of the file.
    return Signals(tuple(sorted(found, key=lambda signal: signal.time_ns)), unchanged)


def _says_nothing(row: Any) -> bool:
    """Whether the row of an interval has no signal in it."""
    return (
        isinstance(row, Mapping)
        and row.get("side") is None
        and row.get("quantity") is None
        and not _key_faults(row)
        and "timestamp" in row
    )


def _signal(row: Any) -> Signal:
    if not isinstance(row, Mapping):
        raise InvalidInput("signal", [Fault("", f"must be an object, not {checks.shown(row)}")])
    faults = _key_faults(row)
    given: dict[str, Any] = {}
    for name, convert in _CONVERTERS.items():
        value = row.get(name)
        if value is None:
            if name in _REQUIRED:
                faults.append(Fault(name, "is required"))
            continue
        try:
            given[name] = convert(value)
        except ValueError as error:
            faults.append(Fault(name, str(error)))
    if faults:
        raise InvalidInput("signal", faults)
    return Signal(time_ns=given.pop("timestamp"), **given)


def _key_faults(row: Mapping[Any, Any]) -> list[Fault]:
    return [Fault(str(name)[:60], "is not known") for name in row if name not in _KNOWN]


def _time_ns(value: Any) -> int:
    match value:
        case bool():
            raise ValueError("must be a time, not true or false")
        case int():
            if not _EARLIEST_US <= value <= _LATEST_US:
                raise ValueError("must be microseconds since 1970, between 2000 and 2100")
            return value * MICROSECOND_NS
        case str():
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                raise ValueError(f"{value[:40]!r} is no time of ISO 8601") from None
            if moment.tzinfo is None:
                raise ValueError(f"{value[:40]!r} has no offset: write 2025-12-08T10:30:00Z")
            since = moment - _EPOCH
            return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * MICROSECOND_NS
        case _Nanoseconds():
            return value.count
        case _:
            raise ValueError(f"must be a time, not {type(value).__name__}")


def _amount(value: Any) -> Decimal:
    match value:
        case bool():
            raise ValueError("must be a number, not true or false")
        case int() | Decimal():
            return Decimal(value)
        case float():
            if not math.isfinite(value):
                raise ValueError("must be a finite number")
            return Decimal(repr(value))
        case str():
            return parse_decimal(value)
        case _:
            raise ValueError(f"must be a number, not {type(value).__name__}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {type(value).__name__}")  # noqa: TRY004  (collected as a fault)
    return value


def _member[T: StrEnum](kind: type[T]) -> Callable[[Any], T]:
    def member(value: Any) -> T:
        if not isinstance(value, str) or value.upper() not in list(kind):
            raise ValueError(f"must be one of {', '.join(kind)}, not {checks.shown(value)}")
        return kind(value.upper())

    return member


def _params(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            raise ValueError("is not the text of a JSON object") from None
    if isinstance(value, list) and all(_is_pair(each) for each in value):
        # A map of parquet is a list of pairs.
        value = dict(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"must be an object, not {type(value).__name__}")  # noqa: TRY004  (collected as a fault)
    # A struct of parquet has every key in every row.
    return {name: each for name, each in value.items() if each is not None}


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str)


_CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "timestamp": _time_ns,
    "instrument_key": _text,
    "side": _member(Side),
    "quantity": _amount,
    "strategy_id": _text,
    "order_type": _member(OrderType),
    "price": _amount,
    "exec_algorithm": _text,
    "params": _params,
}


@frozen
class _Nanoseconds:
    """A parquet timestamp, whatever its unit was."""

    count: int


def _json_rows(data: bytes, what: str) -> Iterator[Any]:
    try:
        text = data.decode()
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
            return iter([msgspec.json.decode(line) for line in lines])
        document = msgspec.json.decode(text)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(what, [Fault("", f"is not JSON: {error}")]) from None
    if isinstance(document, dict) and set(document) == {"signals"}:
        document = document["signals"]
    if isinstance(document, dict) and "timestamp" in document:
        # A file of one line.
        document = [document]
    if not isinstance(document, list):
        raise InvalidInput(what, [Fault("", "must be a list of signals, or an object with the key signals")])
    return iter(document)


def _parquet_rows(data: bytes, what: str) -> Iterator[Any]:
    pa, pq = needed("pyarrow", "reading signals"), needed("pyarrow.parquet", "reading signals")
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(what, [Fault("", f"can't be read as parquet: {str(error).splitlines()[0]}")]) from None
    faults = [Fault(name, "is no column") for name in _REQUIRED if name not in table.column_names]
    faults += [Fault(name[:60], "is not known") for name in table.column_names if name not in _KNOWN]
    if faults:
        raise InvalidInput(what, faults)
    columns = {name: table.column(name).to_pylist() for name in table.column_names if name != "timestamp"}
    columns["timestamp"] = _parquet_times(table.column("timestamp"))
    names = tuple(columns)
    return (dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True))


def _parquet_times(column: Any) -> list[Any]:
    """Times of any unit, exactly; whole numbers and text are read as in JSON."""
    pa = needed("pyarrow", "reading signals")
    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    counts = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_pylist()
    return [None if count is None else _Nanoseconds(count) for count in counts]
