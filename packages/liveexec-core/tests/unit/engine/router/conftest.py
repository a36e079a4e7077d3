"""These tests run in the decimal context that the engine enters for every input."""

from collections.abc import Iterator
from decimal import localcontext

import pytest

from liveexec.domain.money import MONEY


@pytest.fixture(autouse=True)
def exact_money() -> Iterator[None]:
    """Every sum and product is exact, or raises."""
    with localcontext(MONEY):
        yield
