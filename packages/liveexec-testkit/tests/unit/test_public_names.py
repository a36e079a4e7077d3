"""What the package offers by name, loaded when it is asked for."""

import pytest

import liveexec_testkit


def test_every_public_name_is_there() -> None:
    for name in liveexec_testkit.__all__:
        assert getattr(liveexec_testkit, name).__name__ == name
        assert name in dir(liveexec_testkit)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = liveexec_testkit.nothing
