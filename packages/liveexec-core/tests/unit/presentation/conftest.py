"""Every view in turn, or one of them by its name."""

from collections.abc import Callable

import pytest

from liveexec.domain.ids import OrderId
from liveexec.presentation.table_view import Report, TableView
from support.presented_rows import PARENT
from support.presented_views import VIEWS


@pytest.fixture(params=sorted(VIEWS))
def view_name(request: pytest.FixtureRequest) -> str:
    """Every view in turn."""
    name: str = request.param
    return name


@pytest.fixture
def shown(view_name: str) -> TableView | Report:
    """The view of that name."""
    return VIEWS[view_name]()


@pytest.fixture
def view_of() -> Callable[[str], TableView | Report]:
    """A view by its name."""
    return lambda name: VIEWS[name]()


@pytest.fixture
def order_id() -> OrderId:
    return PARENT
