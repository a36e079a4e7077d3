"""A run's tables as parquet and back. The schema is told by the rows' class and nothing else."""

from collections.abc import Sequence
from typing import Any, Final

from liveexec.domain import money
from liveexec.errors import Fault, InvalidInput
from liveexec.storage.objects.extra import needed
from liveexec.storage.results.rows import ColumnKind, ResultColumn, result_columns

__all__ = ["arrow_schema", "read_rows", "table_bytes"]

_COMPRESSION: Final = "zstd"


def arrow_schema(kind: type[Any]) -> Any:
    """The pyarrow schema of the file that rows of a class make."""
    pa = needed("pyarrow", "writing results")
    types = {
        ColumnKind.TIME: pa.timestamp("ns", "UTC"),
        ColumnKind.AMOUNT: pa.decimal128(38, money.STORED_PLACES),
        ColumnKind.TEXT: pa.string(),
        ColumnKind.FLAG: pa.bool_(),
    }
    return pa.schema(
        [
            pa.field(each.name, types[each.kind], each.nullable, metadata={"says": each.says})
            for each in result_columns(kind)
        ]
    )


def table_bytes(kind: type[Any], rows: Sequence[Any]) -> bytes:
    """Rows of a class as a parquet file.

    Raises:
        InvalidInput: an amount needs more than 18 digits after its point, or 20 before it; the first one is named.
    """
    pa, pq = needed("pyarrow", "writing results"), needed("pyarrow.parquet", "writing results")
    schema = arrow_schema(kind)
    arrays = []
    for each in result_columns(kind):
        values = [getattr(row, each.name) for row in rows]
        try:
            arrays.append(_array(pa, each, values, schema.field(each.name).type))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InvalidInput(kind.__name__, [Fault(each.name, str(error).splitlines()[0])]) from None
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression=_COMPRESSION)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def read_rows(kind: type[Any], data: bytes, what: str) -> list[Any]:
    """The rows of a parquet file. Columns that a later version added are passed over, those that may be empty may be
    missing.

    Raises:
        InvalidInput: it is no such file; every fault is named.
    """
    pa, pq = needed("pyarrow", "reading results"), needed("pyarrow.parquet", "reading results")
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(what, [Fault("", f"can't be read as parquet: {str(error).splitlines()[0]}")]) from None
    schema, faults = arrow_schema(kind), []
    columns = [each for each in result_columns(kind) if each.name in table.column_names or not each.nullable]
    for each in columns:
        if each.name not in table.column_names:
            faults.append(Fault(each.name, "is no column"))
        elif table.schema.field(each.name).type != schema.field(each.name).type:
            faults.append(Fault(each.name, f"is {table.schema.field(each.name).type}, not {each.kind}"))
    if faults:
        raise InvalidInput(what, faults)
    values = [_values(pa, each, table.column(each.name)) for each in columns]
    names = [each.name for each in columns]
    return [kind(**dict(zip(names, row, strict=True))) for row in zip(*values, strict=True)]


def _array(pa: Any, column: ResultColumn, values: list[Any], kind: Any) -> Any:
    if column.kind is ColumnKind.TIME:
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


def _values(pa: Any, column: ResultColumn, found: Any) -> list[Any]:
    if column.kind is ColumnKind.TIME:
        return list(found.cast(pa.int64()).to_pylist())
    values: list[Any] = found.to_pylist()
    if column.kind is ColumnKind.AMOUNT:
        return [money.shortest(each) if each is not None else None for each in values]
    return values
