"""The tables, as SQLAlchemy states them: DDL and migrations only, the queries are in ``sql/``.

``journal`` is the truth, everything else but the heads and ``audit_log`` can be made anew from it. Money is
NUMERIC(36,18), times are BIGINT UTC nanoseconds (``liveexec_time`` turns one into a timestamptz for people).
Identifiers compare by their bytes (collation "C"), so that their order is the same on every server.

Indexes are those of the queries that exist (``sql/reads.sql``), each held by a test of its plan. None is on time alone:
the planner would walk it backwards in search of a rare strategy's rows; a list of everything merges the lists of all
operations, or of all strategies. The two on open orders have ``is_open`` in their predicates, which makes an order's
close a non-HOT update, paid once and only by orders that rest long enough to be written twice. Measured against a
narrow table of open orders beside this one, which costs an insert and a delete instead: 76 to 92 microseconds of the
server's CPU for an order that rests and fills, against 87 to 107.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

__all__ = ["metadata"]

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def _id(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text(collation="C"), nullable=nullable)


def _text(name: str, *, nullable: bool = True) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _money(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Numeric(36, 18), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _document(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, JSONB, nullable=nullable)


# A row that every batch updates: free space on its page keeps each update a HOT one.
_UPDATED_ALL_THE_TIME: Final = {"fillfactor": 10}

journal = Table(
    "journal",
    metadata,
    _id("shard"),
    _number("position"),
    _id("stream"),
    _number("sequence"),
    _number("epoch"),
    _number("recorded_at"),
    _text("cause", nullable=False),
    # JSON and not JSONB: what was written comes back letter by letter (the order of a document's keys, the spelling of
    # its numbers), so that a recovered engine iterates as the first one did; and an append costs the server two
    # thirds of the work.
    Column("events", JSON, nullable=False),
    PrimaryKeyConstraint("shard", "position"),
    UniqueConstraint("stream", "sequence"),
)

journal_head = Table(
    "journal_head",
    metadata,
    _id("shard"),
    _number("epoch"),
    _number("batch"),
    _number("position"),
    _number("lease_until"),
    _text("owner", nullable=False),
    PrimaryKeyConstraint("shard"),
    postgresql_with=_UPDATED_ALL_THE_TIME,
)

# The epoch is a copy, written by a takeover: so the projector is fenced by the row that it moves.
projection_head = Table(
    "projection_head",
    metadata,
    _id("shard"),
    _number("epoch"),
    _number("projected_through"),
    _number("updated_at"),
    PrimaryKeyConstraint("shard"),
    postgresql_with=_UPDATED_ALL_THE_TIME,
)

unified_orders = Table(
    "unified_orders",
    metadata,
    _id("order_id"),
    _id("shard"),
    _number("created_at"),
    _number("updated_at"),
    _number("last_sequence"),
    Column("attempt", Integer, nullable=False),
    Column("ordinal", Integer),
    Column("sequence_in_group", Integer),
    _flag("is_open"),
    _id("status"),
    _id("strategy_id"),
    _id("account_id", nullable=True),
    _id("parent_order_id", nullable=True),
    _id("operation"),
    _id("operation_id"),
    _text("principal", nullable=False),
    _id("canonical_id", nullable=True),
    _id("product_id", nullable=True),
    _id("venue", nullable=True),
    _id("venue_type", nullable=True),
    _id("client_order_id", nullable=True),
    _id("venue_order_id", nullable=True),
    _id("side", nullable=True),
    _id("order_type"),
    _id("time_in_force"),
    _number("expire_at", nullable=True),
    _document("flags", nullable=False),
    _money("quantity", nullable=False),
    _money("price"),
    _money("trigger_price"),
    _id("exec_algorithm"),
    _document("exec_algorithm_params"),
    _money("filled_quantity", nullable=False),
    _money("filled_cost", nullable=False),
    Column(
        "average_price",
        Numeric(36, 18),
        Computed("CASE WHEN filled_quantity <> 0 THEN round(filled_cost / filled_quantity, 18) END", persisted=True),
    ),
    _id("rejection_reason", nullable=True),
    _text("error_message"),
    _id("tx_hash", nullable=True),
    _money("gas_used"),
    _money("gas_price_gwei"),
    _money("max_gas_price_gwei"),
    _id("contract_address", nullable=True),
    _id("source_token", nullable=True),
    _id("target_token", nullable=True),
    _money("max_slippage"),
    _id("asset", nullable=True),
    _id("source_venue", nullable=True),
    _id("target_venue", nullable=True),
    _id("atomic_group_id", nullable=True),
    _money("odds"),
    _text("selection"),
    _money("potential_payout"),
    _document("expected_deltas"),
    _document("routing"),
    _document("metadata"),
    PrimaryKeyConstraint("order_id"),
    Index("unified_orders_strategy_time_idx", "strategy_id", "created_at"),
    Index("unified_orders_operation_time_idx", "operation", "created_at"),
    Index("unified_orders_open_strategy_idx", "strategy_id", "created_at", postgresql_where=text("is_open")),
    Index("unified_orders_open_venue_idx", "venue", "created_at", postgresql_where=text("is_open")),
    Index(
        "unified_orders_children_idx",
        "parent_order_id",
        "ordinal",
        postgresql_where=text("parent_order_id IS NOT NULL"),
    ),
    Index(
        "unified_orders_atomic_group_idx",
        "atomic_group_id",
        "sequence_in_group",
        postgresql_where=text("atomic_group_id IS NOT NULL"),
    ),
    Index("unified_orders_tx_hash_idx", "tx_hash", postgresql_where=text("tx_hash IS NOT NULL")),
    # Room for the later states of orders that rest.
    postgresql_with={"fillfactor": 80},
)

operations = Table(
    "operations",
    metadata,
    _id("shard"),
    _id("principal"),
    _id("operation_id"),
    _id("kind"),
    _id("content_hash"),
    _id("order_id"),
    _number("created_at"),
    PrimaryKeyConstraint("shard", "principal", "operation_id"),
)

order_refs = Table(
    "order_refs",
    metadata,
    _id("account_id"),
    _id("kind"),
    _id("reference"),
    _id("shard"),
    _id("order_id"),
    Column("attempt", Integer, nullable=False),
    PrimaryKeyConstraint("account_id", "kind", "reference"),
)

fills = Table(
    "fills",
    metadata,
    _id("account_id"),
    _id("fill_key"),
    _id("shard"),
    _id("order_id"),
    _id("strategy_id"),
    _id("canonical_id"),
    _id("product_id"),
    _id("venue"),
    _id("side"),
    _money("quantity", nullable=False),
    _money("price", nullable=False),
    _money("fee", nullable=False),
    _id("fee_asset"),
    _id("liquidity"),
    _flag("estimated"),
    _flag("busted"),
    _number("venue_time"),
    _number("applied_at"),
    PrimaryKeyConstraint("account_id", "fill_key"),
    Index("fills_order_idx", "order_id"),
    Index("fills_strategy_time_idx", "strategy_id", "applied_at"),
)


def _position_columns() -> tuple[Column[Any], ...]:
    return (
        _id("shard"),
        _id("canonical_id"),
        _id("product_id"),
        _id("venue"),
        _money("quantity", nullable=False),
        _money("cost", nullable=False),
        _money("average_price"),
        _money("realized_pnl", nullable=False),
        _money("unrealized_pnl"),
        _money("current_price"),
        _id("settlement_asset"),
        _document("fees", nullable=False),
        _document("terms", nullable=False),
        _number("updated_at"),
    )


unified_positions = Table(
    "unified_positions",
    metadata,
    _id("account_id"),
    _id("strategy_id"),
    *_position_columns(),
    PrimaryKeyConstraint("account_id", "strategy_id", "canonical_id"),
    Index("unified_positions_strategy_idx", "strategy_id"),
    postgresql_with={"fillfactor": 50},
)

# The account's net over strategies, with which the settlement asset moves.
account_positions = Table(
    "account_positions",
    metadata,
    _id("account_id"),
    *_position_columns(),
    PrimaryKeyConstraint("account_id", "canonical_id"),
    postgresql_with={"fillfactor": 50},
)

account_assets = Table(
    "account_assets",
    metadata,
    _id("account_id"),
    _id("asset"),
    _id("shard"),
    _money("amount", nullable=False),
    _number("updated_at"),
    PrimaryKeyConstraint("account_id", "asset"),
    postgresql_with={"fillfactor": 50},
)

asset_moves = Table(
    "asset_moves",
    metadata,
    _id("account_id"),
    _id("reference"),
    _id("shard"),
    _id("asset"),
    _money("amount", nullable=False),
    _id("kind"),
    _number("venue_time"),
    _number("applied_at"),
    PrimaryKeyConstraint("account_id", "reference"),
)

# Trading states, latches and drifts; ``kind`` tells which (STATE, LATCH, DRIFT).
control_state = Table(
    "control_state",
    metadata,
    _id("shard"),
    _id("kind"),
    _id("scope_kind"),
    _id("scope_name"),
    _id("code"),
    _id("state", nullable=True),
    _money("ours"),
    _money("theirs"),
    _text("principal"),
    _text("reason"),
    _number("updated_at"),
    PrimaryKeyConstraint("shard", "kind", "scope_kind", "scope_name", "code"),
)

# The next sequence of each account and control stream; orders have theirs in unified_orders.
stream_heads = Table(
    "stream_heads",
    metadata,
    _id("shard"),
    _id("stream"),
    _number("next_sequence"),
    PrimaryKeyConstraint("shard", "stream"),
    postgresql_with=_UPDATED_ALL_THE_TIME,
)

strategies = Table(
    "strategies",
    metadata,
    _id("shard"),
    _id("strategy_id"),
    _number("first_order_at"),
    PrimaryKeyConstraint("shard", "strategy_id"),
)

# One hash chain per shard; see liveexec.storage.audit.
audit_log = Table(
    "audit_log",
    metadata,
    _id("shard"),
    _number("sequence"),
    _number("position", nullable=True),
    _number("recorded_at"),
    _text("principal", nullable=False),
    _id("action"),
    _text("subject", nullable=False),
    _text("reason", nullable=False),
    _document("details", nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("shard", "sequence"),
    Index("audit_log_position_idx", "shard", "position"),
)
