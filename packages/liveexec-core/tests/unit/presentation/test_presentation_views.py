"""What the views compute and choose, beyond how it looks."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.codec import encode_json
from liveexec.domain.order_event import Routed
from liveexec.presentation.formatting import Places
from liveexec.presentation.table_view import Report, TableView
from liveexec.presentation.views.audit import audit_view
from liveexec.presentation.views.comparisons import Comparison, verification_view
from liveexec.presentation.views.positions import PositionsBy, positions_by_view
from liveexec.presentation.views.routes import route_view, routed_from_document
from liveexec.presentation.views.row_columns import RowPlaces
from liveexec.storage import schema

TERMS = {"kind": "LINEAR", "base_asset": "BTC", "quote_asset": "USDT", "settlement_asset": "USDT", "multiplier": "10"}
ViewOf = Callable[[str], TableView | Report]


def ids_of(view: TableView | Report) -> set[str]:
    assert isinstance(view, TableView)
    return {column.id for column in view.columns}


def test_orders_have_every_column_of_the_table(view_of: ViewOf) -> None:
    stored = set(schema.unified_orders.columns.keys()) - {"shard"}
    assert ids_of(view_of("order")) == stored
    assert ids_of(view_of("orders")) == ids_of(view_of("children")) == stored - {"routing"}


def test_fills_have_every_column_of_the_table(view_of: ViewOf) -> None:
    assert ids_of(view_of("fills")) == set(schema.fills.columns.keys()) - {"shard"}


def test_the_audit_log_has_every_column_of_the_table(view_of: ViewOf) -> None:
    assert ids_of(view_of("audit")) == set(schema.audit_log.columns.keys())


def test_details_of_the_audit_log_are_shown_whatever_somebody_made_of_them() -> None:
    row = {"recorded_at": 0, "previous_hash": b"", "hash": b""}
    assert values(audit_view([row | {"details": [1, "x"]}, row | {"details": None}]), "details") == ["[1, 'x']", None]


def test_rows_may_leave_out_what_is_null() -> None:
    bare = {name: value for name, value in position().items() if value is not None}
    assert values(positions_by_view([bare], PositionsBy.VENUE, {}), "current_price") == [None]


def test_children_stand_in_the_order_of_their_ordinals(view_of: ViewOf) -> None:
    view = view_of("children")
    assert isinstance(view, TableView)
    assert [cell.value for cell in view.column_cells(view.index_of("ordinal"))] == [1, 2, 3]


def position(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "account_id": "A-1",
        "strategy_id": "s",
        "canonical_id": "A:PERPETUAL:BTC-USDT@LIN",
        "product_id": "PERPETUAL:BTC-USDT@LIN",
        "venue": "A",
        "quantity": Decimal(1),
        "cost": Decimal(100),
        "average_price": Decimal(10),
        "realized_pnl": Decimal(0),
        "unrealized_pnl": Decimal(0),
        "current_price": None,
        "settlement_asset": "USDT",
        "fees": {},
        "terms": TERMS,
        "updated_at": 0,
    }
    return row | changes


def values(view: TableView, column_id: str) -> list[Any]:
    return [cell.value for cell in view.column_cells(view.index_of(column_id))]


STORABLE = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=18)


@given(st.lists(st.tuples(st.sampled_from("ab"), STORABLE, STORABLE), min_size=1, max_size=8))
def test_sums_over_strategies_are_exact_and_lose_no_row(parts: list[tuple[str, Decimal, Decimal]]) -> None:
    rows = [
        position(account_id=account, strategy_id=f"s{number}", quantity=quantity, cost=cost)
        for number, (account, quantity, cost) in enumerate(parts)
    ]
    view = positions_by_view(rows, PositionsBy.ACCOUNT, {})
    for account, quantity in zip(values(view, "account_id"), values(view, "quantity"), strict=True):
        assert Fraction(quantity) == sum(Fraction(each) for owner, each, _ in parts if owner == account)
    assert values(view, "account_id") == sorted({account for account, _, _ in parts})


def test_average_of_a_sum_follows_the_contract_and_not_the_mean() -> None:
    rows = [
        position(strategy_id="s1", quantity=Decimal(3), cost=Decimal(3 * 10 * 100), average_price=Decimal(100)),
        position(strategy_id="s2", quantity=Decimal(1), cost=Decimal(1 * 10 * 200), average_price=Decimal(200)),
    ]
    view = positions_by_view(rows, PositionsBy.VENUE, {})
    assert values(view, "average_price") == [Decimal(125)]


def test_unrealised_result_is_unknown_where_a_part_of_it_is() -> None:
    rows = [position(strategy_id="s1"), {key: value for key, value in position().items() if key != "unrealized_pnl"}]
    view = positions_by_view(rows, PositionsBy.VENUE, {})
    assert values(view, "unrealized_pnl") == [None]


def test_fees_are_summed_by_asset() -> None:
    rows = [
        position(strategy_id="s1", fees={"USDT": "1.10", "BNB": "0.5"}),
        position(strategy_id="s2", fees={"USDT": "0.90"}),
    ]
    view = positions_by_view(rows, PositionsBy.VENUE, {})
    (cell,) = view.column_cells(view.index_of("fees"))
    assert cell.text == "0.5 BNB, 2 USDT"


def test_stored_routing_document_gives_the_same_view_as_the_event(view_of: ViewOf) -> None:
    direct = view_of("route")
    assert isinstance(direct, TableView)
    document = {
        "policy": "pinned",
        "legs": [
            {
                "instrument_id": "A:PERPETUAL:BTC-USDT@LIN",
                "account_id": "A-1",
                "quantity": "1.50",
                "terms": TERMS,
            }
        ],
        "candidates": [],
    }
    routed = routed_from_document(document)
    assert msgspec.json.decode(encode_json(routed)) == document
    assert isinstance(routed, Routed)
    view = route_view(routed, {})
    # A leg that was never a candidate is not lost.
    assert values(view, "sent") == [Decimal("1.5")]
    assert [column.id for column in view.columns] == [column.id for column in direct.columns]


def test_order_without_an_instrument_takes_the_finest_places_of_its_product() -> None:
    places = RowPlaces(
        {"A:PERPETUAL:BTC-USDT@LIN": Places(price=1, quantity=3), "B:PERPETUAL:BTC-USDT@LIN": Places(2, 2)}
    )
    assert places.of({"canonical_id": None, "product_id": "PERPETUAL:BTC-USDT@LIN"}) == Places(2, 3)
    assert places.of({"canonical_id": "B:PERPETUAL:BTC-USDT@LIN"}) == Places(2, 2)
    assert places.of({"canonical_id": "C:PERPETUAL:BTC-USDT@LIN"}) is None
    assert places.of({}) is None


def test_verification_says_in_words_how_it_came_out() -> None:
    equal = Comparison("asset", "A-1", "USDT", Decimal("1.0"), Decimal(1))
    other = Comparison("asset", "A-1", "BNB", Decimal(1), None)
    assert verification_view([equal], {}).footer == "1 compared, no difference"
    assert verification_view([equal, other], {}).footer == "2 compared, 1 difference"
    assert verification_view([], {}).footer is None


def test_busted_fills_cost_no_fees(view_of: ViewOf) -> None:
    view = view_of("fills")
    assert isinstance(view, TableView)
    assert view.footer == "3 fills, fees -0.000012 BNB, 2.250005 USDT"
