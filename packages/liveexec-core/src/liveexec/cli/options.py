"""The options that commands share."""

from enum import StrEnum
from typing import Annotated, Any, Final

from attrs import frozen
from cyclopts import Parameter

__all__ = ["DatabaseOption", "LimitOption", "ListingOptions", "OutputFormat", "OutputOption", "ShardOption"]

#: Seconds between two rounds of ``--watch`` when none are given, and the bounds of what may be given.
WATCH_S: Final = 2.0
MIN_WATCH_S: Final = 0.1
MAX_WATCH_S: Final = 86_400.0
#: Rows that a listing may be asked for: they are all held in memory while the table is laid out.
MAX_LIMIT: Final = 100_000


class OutputFormat(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"


def _check_limit(_: Any, value: Any) -> None:
    """Raises ``ValueError`` for a number of rows that is none."""
    if not 1 <= value <= MAX_LIMIT:
        raise ValueError(f"Must be between 1 and {MAX_LIMIT}.")


def _check_watch(_: Any, value: Any) -> None:
    if value and not MIN_WATCH_S <= value[0] <= MAX_WATCH_S:
        raise ValueError(f"Must be between {MIN_WATCH_S:g} and {MAX_WATCH_S:g} seconds.")


DatabaseOption = Annotated[
    str | None,
    Parameter(
        name="--database",
        metavar="URL",
        help="postgresql://… of the database. Otherwise DATABASE_URL, otherwise the embedded server.",
    ),
]

OutputOption = Annotated[OutputFormat, Parameter(name=["--output", "-o"], help="How to print.")]
ShardOption = Annotated[str | None, Parameter(name="--shard", help="Only this shard; otherwise all of them.")]
LimitOption = Annotated[int, Parameter(name="--limit", validator=_check_limit, help="At most so many rows.")]


@Parameter(name="*")
@frozen
class ListingOptions:
    """What every listing takes."""

    output: Annotated[
        OutputFormat, Parameter(name=["--output", "-o"], help="How to print. All but table are for programs.")
    ] = OutputFormat.TABLE
    watch: Annotated[
        list[float] | None,
        Parameter(
            name="--watch",
            metavar="[SECS]",
            consume_multiple=(0, 1),
            negative=(),
            show_default=False,
            validator=_check_watch,
            help=f"Show it again every so many seconds ({WATCH_S:g} if none are given) until Ctrl-C.",
        ),
    ] = None
    database: DatabaseOption = None

    @property
    def watch_interval_s(self) -> float | None:
        """Seconds between two rounds; ``None`` to show it once."""
        if self.watch is None:
            return None
        return self.watch[0] if self.watch else WATCH_S
