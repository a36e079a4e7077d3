"""Rows as asyncpg returns them and events as the journal holds them, for every view."""

from decimal import Decimal
from typing import Any

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill, FillKey, Liquidity
from liveexec.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    OperationId,
    StrategyId,
    VenueOrderId,
    child_order_id,
    order_id_from_random,
)
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import AssetKind, SendPlan
from liveexec.domain.record import Event
from liveexec.domain.result import ExecutionResult
from liveexec.domain.stored import ShardStatus
from liveexec.presentation.formatting import Places, Precision
from liveexec.presentation.views.comparisons import Comparison
from liveexec.presentation.views.log import LoggedEvent
from liveexec.presentation.views.plugins import PluginRow

AT_NS = 1_765_189_800_123_456_789  # 2025-12-08T10:30:00.123456789Z
SECOND_NS = 1_000_000_000

ALPHA = InstrumentId("PAPER-ALPHA:PERPETUAL:BTC-USDT@LIN")
BETA = InstrumentId("PAPER-BETA:PERPETUAL:BTC-USDT@LIN")
SPOT = InstrumentId("PAPER-ALPHA:SPOT_PAIR:ETH-USDT")
TERMS = ContractTerms(ContractKind.LINEAR, "BTC", "USDT", "USDT")
TERMS_DOCUMENT = {
    "kind": "LINEAR",
    "base_asset": "BTC",
    "quote_asset": "USDT",
    "settlement_asset": "USDT",
    "multiplier": "1",
}
PARENT = order_id_from_random(AT_NS, 1_234_567_890_123)
PRECISION: Precision = {ALPHA: Places(1, 3), BETA: Places(2, 3), SPOT: Places(2, 4)}

Row = dict[str, Any]

ORDER_ROW: Row = {
    "order_id": PARENT,
    "operation_id": "OP-12345",
    "parent_order_id": None,
    "ordinal": None,
    "strategy_id": "momentum-btc-v1",
    "operation": "trade",
    "canonical_id": ALPHA,
    "product_id": "PERPETUAL:BTC-USDT@LIN",
    "asset": None,
    "source_token": None,
    "target_token": None,
    "side": "BUY",
    "quantity": Decimal("1.500000000000000000"),
    "order_type": "LIMIT",
    "price": Decimal("45000.000000000000000000"),
    "trigger_price": None,
    "odds": None,
    "selection": None,
    "time_in_force": "GTC",
    "flags": {},
    "exec_algorithm": "NORMAL",
    "exec_algorithm_params": None,
    "status": "PARTIALLY_FILLED",
    "is_open": True,
    "filled_quantity": Decimal("0.300000000000000000"),
    "average_price": Decimal("44999.833333333333333333"),
    "filled_cost": Decimal("13499.950000000000000000"),
    "rejection_reason": None,
    "error_message": None,
    "venue": "PAPER-ALPHA",
    "venue_type": "CEFI",
    "account_id": "PAPER-ALPHA-1",
    "client_order_id": "lx01KBYJ3M6V4F5QKX2Y8Z7W9T0A",
    "venue_order_id": "V-1",
    "source_venue": None,
    "target_venue": None,
    "max_slippage": None,
    "tx_hash": None,
    "gas_used": None,
    "gas_price_gwei": None,
    "max_gas_price_gwei": None,
    "contract_address": None,
    "potential_payout": None,
    "atomic_group_id": None,
    "sequence_in_group": None,
    "attempt": 1,
    "created_at": AT_NS,
    "updated_at": AT_NS + SECOND_NS,
    "expire_at": None,
    "principal": "demo",
    "last_sequence": 7,
    "expected_deltas": None,
    "metadata": None,
    "routing": None,
}


def order_row(**changes: Any) -> Row:
    unknown = changes.keys() - ORDER_ROW.keys()
    assert not unknown, unknown
    return ORDER_ROW | changes


def order_rows() -> list[Row]:
    return [
        order_row(),
        order_row(
            order_id=order_id_from_random(AT_NS + SECOND_NS, 2),
            operation_id="OP-12346",
            canonical_id=None,
            venue=None,
            account_id=None,
            order_type="MARKET",
            price=None,
            exec_algorithm="TWAP",
            exec_algorithm_params={"horizon_secs": 300, "interval_secs": 30},
            status="FILLED",
            is_open=False,
            filled_quantity=Decimal("1.500000000000000000"),
            average_price=Decimal("45000.123456789012345678"),
            created_at=AT_NS + SECOND_NS,
        ),
        order_row(
            order_id=order_id_from_random(AT_NS + 2 * SECOND_NS, 3),
            operation_id="OP-12347",
            canonical_id=SPOT,
            product_id="SPOT_PAIR:ETH-USDT",
            side="SELL",
            quantity=Decimal("10.000000000000000000"),
            price=Decimal("2500.050000000000000000"),
            flags={"post_only": True, "pending_cancel": "REQUESTED"},
            status="REJECTED",
            is_open=False,
            filled_quantity=Decimal(0),
            filled_cost=Decimal(0),
            average_price=None,
            rejection_reason="PRICE_TOLERANCE",
            error_message="price 2500.05 is 12.3 % away from 2225.9, at most 5 % are allowed",
            created_at=AT_NS + 2 * SECOND_NS,
        ),
        order_row(
            order_id=order_id_from_random(AT_NS + 3 * SECOND_NS, 4),
            operation_id="OP-12348",
            status="UNKNOWN",
            filled_quantity=Decimal(0),
            filled_cost=Decimal(0),
            average_price=None,
            quantity=Decimal("0.001230000000000000"),
            created_at=AT_NS + 3 * SECOND_NS,
        ),
    ]


def child_rows() -> list[Row]:
    return [
        order_row(
            order_id=child_order_id(PARENT, ordinal),
            parent_order_id=PARENT,
            ordinal=ordinal,
            operation_id=f"{PARENT}/{ordinal}",
            quantity=Decimal("0.5"),
            filled_quantity=filled,
            average_price=Decimal("44999.9") if filled else None,
            status="FILLED" if filled else "ACCEPTED",
            canonical_id=instrument,
            venue=instrument.partition(":")[0],
        )
        for ordinal, filled, instrument in ((2, Decimal(0), BETA), (1, Decimal("0.5"), ALPHA), (3, Decimal(0), ALPHA))
    ]


def fill_row(**changes: Any) -> Row:
    row: Row = {
        "applied_at": AT_NS,
        "order_id": PARENT,
        "account_id": "PAPER-ALPHA-1",
        "strategy_id": "momentum-btc-v1",
        "venue": "PAPER-ALPHA",
        "canonical_id": ALPHA,
        "product_id": "PERPETUAL:BTC-USDT@LIN",
        "side": "BUY",
        "quantity": Decimal("0.100000000000000000"),
        "price": Decimal("45000.100000000000000000"),
        "fee": Decimal("2.250005000000000000"),
        "fee_asset": "USDT",
        "liquidity": "TAKER",
        "busted": False,
        "estimated": False,
        "venue_time": AT_NS - 5_000_000,
        "fill_key": f"{ALPHA}|V-1|BUY|T-1",
    }
    assert not changes.keys() - row.keys()
    return row | changes


def fill_rows() -> list[Row]:
    return [
        fill_row(),
        fill_row(
            applied_at=AT_NS + SECOND_NS,
            fee=Decimal("-0.000012000000000000"),
            fee_asset="BNB",
            liquidity="MAKER",
            estimated=True,
            fill_key=f"{ALPHA}|V-1|BUY|T-2",
        ),
        fill_row(applied_at=AT_NS + 2 * SECOND_NS, busted=True, fill_key=f"{ALPHA}|V-1|BUY|T-3"),
    ]


def position_row(**changes: Any) -> Row:
    row: Row = {
        "account_id": "PAPER-ALPHA-1",
        "strategy_id": "momentum-btc-v1",
        "canonical_id": ALPHA,
        "product_id": "PERPETUAL:BTC-USDT@LIN",
        "venue": "PAPER-ALPHA",
        "quantity": Decimal("0.5"),
        "cost": Decimal("22500.05"),
        "average_price": Decimal("45000.1"),
        "realized_pnl": Decimal("-12.345678901234567890"),
        "unrealized_pnl": Decimal("3.2"),
        "current_price": Decimal("45006.5"),
        "settlement_asset": "USDT",
        "fees": {"USDT": "11.25"},
        "terms": TERMS_DOCUMENT,
        "updated_at": AT_NS,
    }
    assert not changes.keys() - row.keys()
    return row | changes


def position_rows() -> list[Row]:
    return [
        position_row(),
        position_row(strategy_id="mean-reversion", quantity=Decimal("-0.2"), cost=Decimal(-9000), fees={"BNB": "0.01"}),
        position_row(
            account_id="PAPER-BETA-1",
            canonical_id=BETA,
            venue="PAPER-BETA",
            quantity=Decimal("0.25"),
            cost=Decimal("11250.01"),
            average_price=Decimal("45000.04"),
            realized_pnl=Decimal(0),
            unrealized_pnl=None,
            current_price=None,
            fees={},
        ),
    ]


def product_rows() -> list[Row]:
    return [
        {
            "product_id": "PERPETUAL:BTC-USDT@LIN",
            "settlement_asset": "USDT",
            "quantity": Decimal("0.550000000000000000"),
            "cost": Decimal("24750.060000000000000000"),
            "realized_pnl": Decimal("-24.691357802469135780"),
            "unrealized_pnl": None,
            "updated_at": AT_NS,
            "venue_positions": {
                "PAPER-BETA": {
                    "quantity": "0.250000000000000000",
                    "cost": "11250.010000000000000000",
                    "realized_pnl": "0.000000000000000000",
                    "unrealized_pnl": None,
                },
                "PAPER-ALPHA": {
                    "quantity": "0.300000000000000000",
                    "cost": "13500.050000000000000000",
                    "realized_pnl": "-24.691357802469135780",
                    "unrealized_pnl": "6.4",
                },
            },
        }
    ]


def asset_rows() -> list[Row]:
    return [
        {"account_id": "PAPER-BETA-1", "asset": "USDT", "amount": Decimal("-0.5"), "updated_at": AT_NS},
        {
            "account_id": "PAPER-ALPHA-1",
            "asset": "USDT",
            "amount": Decimal("1250.750000000000000000"),
            "updated_at": AT_NS,
        },
        {"account_id": "PAPER-ALPHA-1", "asset": "BNB", "amount": Decimal("-0.000012"), "updated_at": AT_NS},
    ]


def routed() -> ev.Routed:
    def candidate(instrument_id: InstrumentId, account_id: str | None, **parts: str) -> ev.RouteCandidate:
        amounts = {name: Decimal(value) for name, value in parts.items() if name != "left_out"}
        names = ("price", "fee", "slippage", "latency_penalty", "score")
        return ev.RouteCandidate(
            instrument_id,
            AccountId(account_id) if account_id else None,
            **{name: amounts.get(name) for name in names},
            left_out=parts.get("left_out"),
        )

    return ev.Routed(
        policy="best_price",
        legs=(ev.RouteLeg(BETA, AccountId("PAPER-BETA-1"), Decimal("1.5"), TERMS),),
        candidates=(
            candidate(
                ALPHA,
                "PAPER-ALPHA-1",
                price="45000.1",
                fee="22.50005",
                slippage="0.05",
                latency_penalty="0.9",
                score="45023.55005",
            ),
            candidate(
                BETA,
                "PAPER-BETA-1",
                price="45000.52",
                fee="9.000104",
                slippage="0",
                latency_penalty="0.45",
                score="45009.970104",
            ),
            candidate(
                InstrumentId("PAPER-GAMMA:PERPETUAL:BTC-USDT@LIN"), None, left_out="no account of this strategy there"
            ),
        ),
    )


def make_fill(**changes: Any) -> Fill:
    fields: Row = {
        "key": FillKey(f"{ALPHA}|V-1|BUY|T-1"),
        "instrument_id": ALPHA,
        "side": Side.BUY,
        "quantity": Decimal("0.3"),
        "price": Decimal(45000),
        "fee": Decimal("6.75"),
        "fee_asset": "USDT",
        "liquidity": Liquidity.TAKER,
        "venue_time_ns": AT_NS,
    }
    return Fill(**(fields | changes))


def logged() -> list[LoggedEvent]:
    intent = OrderIntent(
        operation=Operation.TRADE,
        quantity=Decimal("1.50"),
        strategy_id=StrategyId("momentum-btc-v1"),
        instrument_key="PERPETUAL:BTC-USDT@LIN",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal(45000),
        time_in_force=TimeInForce.GTC,
    )
    plan = SendPlan(ClientOrderId("lx01KBYJ3M6V"), AT_NS + 5 * SECOND_NS)
    events: list[Event] = [
        ev.OrderReceived(intent, OperationId("OP-12345"), "00ff", "demo"),
        ev.RiskApproved(ev.RiskStage.PARENT, Decimal("45000.0")),
        routed(),
        ev.SubmitRequested(1, plan, Decimal("1.5"), Decimal(45000)),
        ev.Accepted(VenueOrderId("V-1"), AT_NS),
        ev.FillApplied(make_fill()),
        ev.VenueRejected("-2010", "no \x1b[31mred\x1b[0m\nmargin", None),
    ]
    of_order = [
        LoggedEvent(PARENT, sequence, AT_NS + sequence * 1_000_000, "submit:OP-12345", event)
        for sequence, event in enumerate(events, start=1)
    ]
    moved = acc.AssetMoved(AccountId("PAPER-ALPHA-1"), "USDT", Decimal("-0.5"), AssetKind.FUNDING, "F-1", AT_NS)
    return [*of_order, LoggedEvent("PAPER-ALPHA-1", 1, AT_NS + SECOND_NS, "report", moved)]


def comparisons() -> list[Comparison]:
    return [
        Comparison("fills", "PAPER-ALPHA-1", "fills", Decimal(12), Decimal(12)),
        Comparison("position", "PAPER-ALPHA-1", ALPHA, Decimal("0.3"), Decimal("0.300"), ALPHA),
        Comparison("position", "PAPER-BETA-1", BETA, Decimal("0.25"), Decimal("0.2"), BETA),
        Comparison("asset", "PAPER-BETA-1", "USDT", Decimal("-0.5"), None),
    ]


def of_parent() -> list[LoggedEvent]:
    """What happened to the one order."""
    return [each for each in logged() if each.stream == PARENT]


def difference_rows() -> list[Row]:
    return [
        {
            "shard": "demo",
            "table": "unified_orders",
            "key": PARENT,
            "column": "status",
            "journal": "FILLED",
            "stored": "ACCEPTED",
        },
        {
            "shard": "demo",
            "table": "unified_positions",
            "key": "PAPER-ALPHA-1 / momentum-btc-v1",
            "column": "quantity",
            "journal": "0.3",
            "stored": "0.2",
        },
    ]


def shard_statuses() -> list[ShardStatus]:
    return [ShardStatus("demo", 3, "host:42", AT_NS, 17, 40, 38), ShardStatus("other", 1, "", 0, 2, 5, 5)]


def plugin_rows() -> list[PluginRow]:
    return [
        PluginRow("liveexec-core", "0.1.0", "1", "4 policies, 19 rules, 4 algorithms, 1 kind of venue", None),
        PluginRow("liveexec-acme", "2.0.1", None, "", "is not among plugins.enabled"),
    ]


def status_row() -> Row:
    return {
        "shard": "main",
        "pid": 4242,
        "mode": "paper",
        "trading": "REDUCING",
        "journal": "WRITING",
        "position": 1_234,
        "behind": 0,
        "in_flight": 2,
        "orders": 17,
        "open": 5,
        "unknown": 1,
        "latches": 0,
        "drifts": 0,
        "venues": "1 ACTIVE, 1 CONNECTING",
        "error": None,
    }


def venue_rows() -> list[Row]:
    return [
        {
            "venue": "PAPER-ALPHA",
            "account_id": "PAPER-ALPHA-1",
            "session": "ACTIVE",
            "phase": "ACTIVE",
            "listings": 9,
            "open": 5,
            "unknown": 1,
            "error": None,
        },
        {
            "venue": "PAPER-BETA",
            "account_id": "PAPER-BETA-1",
            "session": "CONNECTING",
            "phase": "",
            "listings": 0,
            "open": 0,
            "unknown": 0,
            "error": "AdapterError: nobody listens there",
        },
    ]


def risk_document() -> Row:
    return {
        "held": [
            {"scope": "GLOBAL", "what": "REDUCING", "by": "desk", "reason": "the close"},
            {"scope": "ACCOUNT:PAPER-BETA-1", "what": "latch OVERFILL", "by": None, "reason": "1 more than was sent"},
        ],
        "exposure": [
            {
                "product_id": "PERPETUAL:BTC-USDT@LIN",
                "net": "-0.55",
                "working_buys": "1.5",
                "working_sells": "0",
                "orders": 3,
            }
        ],
    }


def execution_result(**changes: Any) -> ExecutionResult:
    fields: Row = {
        "operation_id": OperationId("OP-12345"),
        "order_id": PARENT,
        "status": OrderStatus.PARTIALLY_FILLED,
        "filled_quantity": Decimal("0.3"),
        "average_price": Decimal("45000.123456789"),
        "rejection_reason": None,
        "message": None,
        "fills": (make_fill(),),
    }
    return ExecutionResult(**(fields | changes))


def audit_rows() -> list[Row]:
    common: Row = {
        "shard": "demo",
        "principal": "anna",
        "details": {},
        "previous_hash": bytes(32),
        "hash": b"\xa5" * 32,
    }
    return [
        common
        | {
            "sequence": 3,
            "position": 41,
            "recorded_at": AT_NS + 2 * SECOND_NS,
            "action": "accept drift",
            "subject": f"position:{ALPHA}",
            "reason": "bought by hand, seen at \x1b[31mthe venue\x1b[0m\nby two of us",
            "details": {"account": "PAPER-ALPHA-1", "theirs": "0.25"},
        },
        # No journal record tells of it: its position is NULL, which rows leave out.
        common
        | {
            "sequence": 2,
            "principal": "root",
            "recorded_at": AT_NS + SECOND_NS,
            "action": "restore",
            "subject": "demo",
            "reason": "",
        },
        common
        | {
            "sequence": 1,
            "position": 17,
            "recorded_at": AT_NS,
            "action": "state HALTED",
            "subject": "GLOBAL",
            "reason": "drill",
        },
    ]


def audit_findings() -> list[Row]:
    return [
        {
            "shard": "demo",
            "sequence": 2,
            "position": 17,
            "problem": "changed",
            "detail": "reason is 'nothing', the journal has 'drill'",
        },
        {"shard": "demo", "sequence": 4, "position": None, "problem": "missing", "detail": "row 4 is not there"},
        {
            "shard": "other",
            "sequence": None,
            "position": 41,
            "problem": "missing",
            "detail": "anna: clear OVERFILL GLOBAL",
        },
    ]


def left_open_rows() -> list[Row]:
    return [
        {"what": "UNKNOWN", "account_id": "PAPER-ALPHA-1", "instrument_id": ALPHA, "order": PARENT},
        {"what": "would cancel", "account_id": "PAPER-ALPHA-1", "instrument_id": SPOT, "order": "lx01KBYR5M20"},
        {"what": "would query", "account_id": "PAPER-BETA-1", "instrument_id": BETA, "order": None},
    ]
