"""The named statements."""

import re
from importlib import resources
from pathlib import Path

import pytest

from liveexec.storage.schema import metadata
from liveexec.storage.sql import statements

FILES = sorted(
    entry.name.removesuffix(".sql")
    for entry in resources.files("liveexec.storage.sql").iterdir()
    if entry.name.endswith(".sql")
)


def test_every_file_is_read() -> None:
    assert {
        "audit",
        "journal",
        "projections",
        "lookups",
        "listings",
        "reads",
        "ownership",
        "server",
        "rebuild",
        "verify",
        "migrations",
    } == set(FILES)
    assert all(statements(file) for file in FILES)


def test_comments_and_the_last_semicolon_are_not_sent() -> None:
    for file in FILES:
        for statement in statements(file).values():
            assert "--" not in statement
            assert not statement.endswith(";")


def test_an_unknown_file_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        statements("nothing")


@pytest.mark.parametrize(
    "text", ["SELECT 1;\n-- name: one\nSELECT 2", "-- name: one\n-- only a comment\n", "-- name: a\nX\n-- name: a\nY"]
)
def test_what_is_not_named_once_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrong.sql").write_text(text)
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    with pytest.raises(ValueError, match=r"wrong\.sql"):
        statements.__wrapped__("wrong")


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def test_an_orders_row_is_written_and_read_with_all_its_columns() -> None:
    columns = {column.name for column in metadata.tables["unified_orders"].columns}
    written = statements("projections")["orders"]
    generated_or_not_told = {"average_price", "gas_used", "gas_price_gwei"}
    assert columns - words(written[written.index("(") : written.index(")")]) == generated_or_not_told
    for file, name in (("reads", "orders"), ("reads", "orders_of_all")):
        assert columns <= words(statements(file)[name])
