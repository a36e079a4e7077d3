"""The comparison with recorded messages notices what it is there for."""

import pytest

from nautilus_loopback.recorded import differences

THEIRS = {"name": "x", "rows": [{"price": "1", "note": None}, {"price": "2", "extra": 1}], "is_open": True}


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        ({"name": "y", "rows": [{"price": "3", "note": "text"}], "is_open": False}, []),
        ({"name": "y", "rows": [], "is_open": False}, []),
        ({"rows": [], "is_open": False}, [".name: lacks"]),
        ({"name": 1, "rows": [], "is_open": False}, [".name: number instead of text"]),
        ({"name": "y", "rows": [], "is_open": 1}, [".is_open: number instead of boolean"]),
        ({"name": "y", "rows": [], "is_open": True, "more": 1}, [".more: too many"]),
        ({"name": "y", "rows": [{"extra": 1}], "is_open": True}, [".rows[].price: lacks"]),
        ({"name": "y", "rows": [{"price": 1}], "is_open": True}, [".rows[].price: number instead of text"]),
    ],
)
def test_differences(ours: object, found: list[str]) -> None:
    assert differences(ours, THEIRS) == found


def test_what_is_documented_or_gone_is_named() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 1, "c": 3}, more={"b"}, less={"c"}) == []
