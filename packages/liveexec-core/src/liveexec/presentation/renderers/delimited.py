r"""CSV and TSV: one header line of column ids, then exact values; every column, also those that people don't see.

CSV follows RFC 4180 but for its line ends, which are ``\n``. TSV keeps each row on one line: tab, line feed, carriage
return and backslash inside a value become ``\t``, ``\n``, ``\r`` and ``\\``.

Programs read this, so values are exact: nothing is put before one that a spreadsheet would take for a formula (an
amount below zero begins with a minus as well). Who opens a file in a spreadsheet imports its columns as text.
"""

import csv
import io
from typing import Final

from liveexec.presentation.table_view import Report, TableView

__all__ = ["csv_text", "tsv_text"]

_TSV_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def csv_text(shown: TableView | Report) -> str:
    """The view as CSV; the tables of a report follow each other, an empty line between."""
    if isinstance(shown, Report):
        return "\n".join(csv_text(view) for view in shown.views)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(column.id for column in shown.columns)
    writer.writerows([cell.exact for cell in row] for row in shown.rows)
    return buffer.getvalue()


def tsv_text(shown: TableView | Report) -> str:
    """The view as TSV; the tables of a report follow each other, an empty line between."""
    if isinstance(shown, Report):
        return "\n".join(tsv_text(view) for view in shown.views)
    lines = ["\t".join(column.id for column in shown.columns)]
    lines += ["\t".join(cell.exact.translate(_TSV_ESCAPES) for cell in row) for row in shown.rows]
    return "\n".join(lines) + "\n"
