"""Rows of runs and of recorded ticks, as they are and as nobody wants them."""

from decimal import Decimal
from typing import Final

from liveexec.presentation.views.tick_data import PlannedRead, RewrittenFile
from support.presented_hostile import AMOUNTS, HUGE, LONG, TEXTS, TINY
from support.presented_rows import AT_NS, SECOND_NS, Row

RUN_ID: Final = "20251208T103000Z-momentum-3f9a1c2e-7k2mq"
OTHER_ID: Final = "20251208T113000Z-momentum-3f9a1c2e-p0w3z"
LOST_ID: Final = "20251208T123000Z-momentum-77d4e7f0-yb3tt"
VENUE: Final = "ALPHA"
INSTRUMENT: Final = f"{VENUE}:SPOT_PAIR:BTC-USDT"
ORDER_ID: Final = "ORD-01M82Z3MH9HN18KKJQBXEY458Y"


def run_row(**changes: object) -> Row:
    """A run's summary as plain values."""
    row: Row = {
        "run_id": RUN_ID,
        "is_complete": True,
        "kind": "replay",
        "engine": "paper",
        "version": "0.1.0",
        "config_hash": "3f9a1c2e" * 8,
        "covers_from": AT_NS - 3_600 * SECOND_NS,
        "covers_to": AT_NS,
        "currency": "USDT",
        "initial_value": Decimal(100_000),
        "final_value": Decimal("100070.5"),
        "realized_pnl": Decimal(25),
        "unrealized_pnl": Decimal(50),
        "fees": Decimal("4.5"),
        "max_drawdown": Decimal("2.25"),
        "orders": 12,
        "orders_by_status": "CANCELED 2, FILLED 10",
        "fills": 17,
        "strategies": "momentum",
        "instruments": INSTRUMENT,
        "notes": None,
        "bytes_read": 15_400_000,
        "bytes_of_full_read": 270_000_000,
        "signals": 12,
        "windows": 11,
    }
    return row | changes


def run_rows() -> list[Row]:
    """A run that gained, one that lost and read no ticks, and one that was never finished."""
    lost = run_row(run_id=OTHER_ID, kind="live", engine="live", final_value=Decimal("99770.5"), config_hash="77" * 32)
    lost = {name: value for name, value in lost.items() if name not in ("bytes_read", "bytes_of_full_read")}
    return [run_row(), lost, {"run_id": LOST_ID, "is_complete": False}]


def order_rows() -> list[Row]:
    common: Row = {"strategy_id": "momentum", "venue": VENUE, "instrument_id": INSTRUMENT, "exec_algorithm": "NORMAL"}
    filled: Row = common | {
        "id": ORDER_ID,
        "timestamp": AT_NS,
        "side": "BUY",
        "price": Decimal(45_000),
        "amount": Decimal("0.5"),
        "status": "FILLED",
        "filled_amount": Decimal("0.5"),
        "average_price": Decimal("44999.25"),
        "rejection_reason": None,
    }
    refused = {"status": "REJECTED", "filled_amount": Decimal(0), "average_price": None, "price": None}
    return [
        filled,
        filled | refused | {"timestamp": AT_NS + SECOND_NS, "rejection_reason": "ORDER_SIZE", "side": "SELL"},
    ]


def fill_rows() -> list[Row]:
    return [
        {
            "timestamp": AT_NS,
            "order_id": ORDER_ID,
            "venue": VENUE,
            "instrument_id": INSTRUMENT,
            "side": "BUY",
            "quantity": Decimal("0.5"),
            "price": Decimal("44999.25"),
            "fee": Decimal("2.25"),
            "fee_asset": "USDT",
            "liquidity": "TAKER",
        }
    ]


def position_rows() -> list[Row]:
    held: Row = {
        "timestamp": AT_NS,
        "strategy_id": "momentum",
        "venue": VENUE,
        "instrument_id": INSTRUMENT,
        "quantity": Decimal("0.5"),
        "avg_entry_price": Decimal("44999.25"),
        "current_price": Decimal(45_100),
        "unrealized_pnl": Decimal("50.375"),
        "realized_pnl": Decimal(0),
        "settlement_asset": "USDT",
    }
    flat = {"quantity": Decimal(0), "avg_entry_price": None, "unrealized_pnl": Decimal(0), "realized_pnl": Decimal(-7)}
    return [held, held | flat | {"timestamp": AT_NS + SECOND_NS}]


def equity_rows() -> list[Row]:
    return [
        {
            "timestamp": AT_NS,
            "portfolio_value": Decimal("99997.75"),
            "realized_pnl": Decimal(0),
            "unrealized_pnl": Decimal(0),
            "fees": Decimal("2.25"),
            "instrument_id": INSTRUMENT,
            "position": Decimal("0.5"),
            "price": Decimal("44999.25"),
        }
    ]


def compared_rows() -> list[Row]:
    return [
        {"run_id": OTHER_ID, "operation_id": "OP-1", "column": "status", "first": "FILLED", "other": "CANCELED"},
        {"run_id": OTHER_ID, "operation_id": "OP-2", "column": "status", "first": None, "other": "FILLED"},
    ]


def rewritten_files() -> list[RewrittenFile]:
    return [
        RewrittenFile(INSTRUMENT, "data_type-book_snapshot_5", 12_000_000, 120, 1_440, 366_000_000, 270_000_000, True),
        RewrittenFile(INSTRUMENT, "data_type-trades", 900_000, 200, 200, 9_000_000, 9_000_000, False),
    ]


def planned_reads() -> list[PlannedRead]:
    day, books, trades = "2025-12-08", "data_type-book_snapshot_5", "data_type-trades"
    return [
        PlannedRead(day, INSTRUMENT, books, 11, (60, 1_440), 2_700_000, 12_700_000, 270_000_000, True),
        PlannedRead(day, INSTRUMENT, trades, 11, (8, 20), 16_384, 3_000_000, 9_000_000, False),
        PlannedRead(day, "VAULT:SPOT_PAIR:ETH-USDT", trades, 11, None, 0, None, 9_000_000, None),
    ]


def hostile_run_rows() -> list[Row]:
    texts = ("run_id", "kind", "engine", "version", "config_hash", "currency")
    more = ("orders_by_status", "strategies", "instruments", "notes")
    amounts = ("realized_pnl", "unrealized_pnl", "fees", "max_drawdown")
    return [
        run_row()
        | dict.fromkeys((*texts, *more), text)
        | dict.fromkeys(amounts, amount)
        | {"initial_value": TINY, "final_value": HUGE, "orders": 2**62, "bytes_read": 2**60}
        for text, amount in zip(TEXTS, AMOUNTS, strict=True)
    ]


def hostile_rows(usual: list[Row]) -> list[Row]:
    """The first of the rows with every text, but a status, and every amount as nobody wants it."""
    return [
        {
            name: text
            if isinstance(value, str) and name != "status"
            else amount
            if isinstance(value, Decimal)
            else value
            for name, value in usual[0].items()
        }
        for text, amount in zip(TEXTS, AMOUNTS, strict=True)
    ]


def hostile_files() -> list[RewrittenFile]:
    return [RewrittenFile(text, text, 2**62, 0, 2**31, 0, 2**62, True) for text in TEXTS]


def hostile_reads() -> list[PlannedRead]:
    return [PlannedRead(text, text, LONG, 2**31, (2**31, 2**31), 2**62, 2**62, 1, None) for text in TEXTS]
