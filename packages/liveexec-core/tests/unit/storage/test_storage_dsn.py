"""Addresses: read, changed, and shown without their password."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.errors import StorageError
from liveexec.storage.dsn import Dsn
from support.canaries import canary


def test_the_url_stays_as_it_was_for_the_driver() -> None:
    url = "postgresql://anna:s3cr%40t@db.example:6432/live?sslmode=require"
    assert Dsn(url).url == url
    assert Dsn("postgres://u@h/d").url == "postgres://u@h/d"
    assert Dsn(" postgresql+asyncpg://u@h/d\n").url == "postgresql://u@h/d"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://anna:SECRET@h:5432/d", "postgresql://anna:***@h:5432/d"),
        ("postgresql://anna@h/d?password=SECRET&sslmode=require", "postgresql://anna@h/d?password=***&sslmode=require"),
        ("postgresql://anna:SECRET@h/d?sslmode=SECRET", "postgresql://anna:***@h/d?sslmode=***"),
        ("postgresql://anna:@h/d", "postgresql://anna:***@h/d"),
        ("postgresql://u@/d?host=%2Ftmp%2Fx", "postgresql://u@/d?host=%2Ftmp%2Fx"),
    ],
)
def test_it_is_shown_without_its_password(url: str, shown: str) -> None:
    dsn = Dsn(url.replace("SECRET", canary()))
    assert str(dsn) == shown
    assert repr(dsn) == f"Dsn({shown!r})"
    assert f"{dsn}" == shown


@given(st.text(min_size=3).filter(lambda text: text.isprintable() and text.strip("*")))
def test_no_password_survives_in_what_is_shown(password: str) -> None:
    spelled = quote(password, safe="", errors="replace")
    dsn = Dsn(f"postgresql://user@host/database?password={spelled}")
    message = f"could not log in with <<{password}>> or <<{spelled}>>"
    assert dsn.redact(message) == "could not log in with <<***>> or <<***>>"


def test_another_database_of_the_same_server() -> None:
    dsn = Dsn("postgresql://u:p@h/one?sslmode=require").with_database("two/three")
    assert dsn.url == "postgresql://u:p@h/two%2Fthree?sslmode=require"
    assert dsn.database == "two/three"


def test_equal_addresses_are_equal() -> None:
    assert Dsn("postgresql://u@h/d") == Dsn("postgresql://u@h/d ")
    assert len({Dsn("postgresql://u@h/d"), Dsn("postgresql://u@h/d"), Dsn("postgresql://u@h/e")}) == 2


@pytest.mark.parametrize("url", ["", "mysql://u:SECRET@h/d", "SECRET", "SECRET@h/d", "postgresql://u:SECRET@h:port/d"])
def test_what_is_no_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(StorageError, match="the database's address can't be used") as caught:
        Dsn(url.replace("SECRET", canary()))
    assert canary() not in str(caught.value)
    assert caught.value.__context__ is None
