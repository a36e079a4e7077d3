"""The tables, as SQLAlchemy states them: DDL and migrations only, the queries are in ``sql/``.

``journal`` is the truth, everything else but the heads, ``audit_log`` and ``listings`` can be made anew from it. Money
is NUMERIC(36,18), times are BIGINT UTC nanoseconds (``liveexec_time`` turns one into a timestamptz for people).
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
    Column,
    Computed,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from liveexec.storage.schema_columns import (
    document_column,
    flag_column,
    id_column,
    metadata,
    money_column,
    number_column,
    text_column,
)

__all__ = ["metadata"]

# A row that every batch updates: free space on its page keeps each update a HOT one.
_UPDATED_ALL_THE_TIME: Final = {"fillfactor": 10}

journal = Table(
    "journal",
    metadata,
    id_column("shard"),
    number_column("position"),
    id_column("stream"),
    number_column("sequence"),
    number_column("epoch"),
    number_column("recorded_at"),
    text_column("cause", nullable=False),
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
    id_column("shard"),
    number_column("epoch"),
    number_column("batch"),
    number_column("position"),
    number_column("lease_until"),
    text_column("owner", nullable=False),
    PrimaryKeyConstraint("shard"),
    postgresql_with=_UPDATED_ALL_THE_TIME,
)

# The epoch is a copy, written by a takeover: so the projector is fenced by the row that it moves.
projection_head = Table(
    "projection_head",
    metadata,
    id_column("shard"),
    number_column("epoch"),
    number_column("projected_through"),
    number_column("updated_at"),
    PrimaryKeyConstraint("shard"),
    postgresql_with=_UPDATED_ALL_THE_TIME,
)

unified_orders = Table(
    "unified_orders",
    metadata,
    id_column("order_id"),
    id_column("shard"),
    number_column("created_at"),
    number_column("updated_at"),
    number_column("last_sequence"),
    Column("attempt", Integer, nullable=False),
    Column("ordinal", Integer),
    Column("sequence_in_group", Integer),
    flag_column("is_open"),
    id_column("status"),
    id_column("strategy_id"),
    id_column("account_id", nullable=True),
    id_column("parent_order_id", nullable=True),
    id_column("operation"),
    id_column("operation_id"),
    text_column("principal", nullable=False),
    id_column("canonical_id", nullable=True),
    id_column("product_id", nullable=True),
    id_column("venue", nullable=True),
    id_column("venue_type", nullable=True),
    id_column("client_order_id", nullable=True),
    id_column("venue_order_id", nullable=True),
    id_column("side", nullable=True),
    id_column("order_type"),
    id_column("time_in_force"),
    number_column("expire_at", nullable=True),
    document_column("flags", nullable=False),
    money_column("quantity", nullable=False),
    money_column("price"),
    money_column("trigger_price"),
    id_column("exec_algorithm"),
    document_column("exec_algorithm_params"),
    money_column("filled_quantity", nullable=False),
    money_column("filled_cost", nullable=False),
    Column(
        "average_price",
        Numeric(36, 18),
        Computed("CASE WHEN filled_quantity <> 0 THEN round(filled_cost / filled_quantity, 18) END", persisted=True),
    ),
    id_column("rejection_reason", nullable=True),
    text_column("error_message"),
    id_column("tx_hash", nullable=True),
    money_column("gas_used"),
    money_column("gas_price_gwei"),
    money_column("max_gas_price_gwei"),
    id_column("contract_address", nullable=True),
    id_column("source_token", nullable=True),
    id_column("target_token", nullable=True),
    money_column("max_slippage"),
    id_column("asset", nullable=True),
    id_column("source_venue", nullable=True),
    id_column("target_venue", nullable=True),
    id_column("atomic_group_id", nullable=True),
    money_column("odds"),
    text_column("selection"),
    money_column("potential_payout"),
    document_column("expected_deltas"),
    document_column("routing"),
    document_column("metadata"),
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
    id_column("shard"),
    id_column("principal"),
    id_column("operation_id"),
    id_column("kind"),
    id_column("content_hash"),
    id_column("order_id"),
    number_column("created_at"),
    PrimaryKeyConstraint("shard", "principal", "operation_id"),
)

order_refs = Table(
    "order_refs",
    metadata,
    id_column("account_id"),
    id_column("kind"),
    id_column("reference"),
    id_column("shard"),
    id_column("order_id"),
    Column("attempt", Integer, nullable=False),
    PrimaryKeyConstraint("account_id", "kind", "reference"),
)

fills = Table(
    "fills",
    metadata,
    id_column("account_id"),
    id_column("fill_key"),
    id_column("shard"),
    id_column("order_id"),
    id_column("strategy_id"),
    id_column("canonical_id"),
    id_column("product_id"),
    id_column("venue"),
    id_column("side"),
    money_column("quantity", nullable=False),
    money_column("price", nullable=False),
    money_column("fee", nullable=False),
    id_column("fee_asset"),
    id_column("liquidity"),
    flag_column("estimated"),
    flag_column("busted"),
    number_column("venue_time"),
    number_column("applied_at"),
    PrimaryKeyConstraint("account_id", "fill_key"),
    Index("fills_order_idx", "order_id"),
    Index("fills_strategy_time_idx", "strategy_id", "applied_at"),
)


def _position_columns() -> tuple[Column[Any], ...]:
    return (
        id_column("shard"),
        id_column("canonical_id"),
        id_column("product_id"),
        id_column("venue"),
        money_column("quantity", nullable=False),
        money_column("cost", nullable=False),
        money_column("average_price"),
        money_column("realized_pnl", nullable=False),
        money_column("unrealized_pnl"),
        money_column("current_price"),
        id_column("settlement_asset"),
        document_column("fees", nullable=False),
        document_column("terms", nullable=False),
        number_column("updated_at"),
    )


unified_positions = Table(
    "unified_positions",
    metadata,
    id_column("account_id"),
    id_column("strategy_id"),
    *_position_columns(),
    PrimaryKeyConstraint("account_id", "strategy_id", "canonical_id"),
    Index("unified_positions_strategy_idx", "strategy_id"),
    postgresql_with={"fillfactor": 50},
)

# The account's net over strategies, with which the settlement asset moves.
account_positions = Table(
    "account_positions",
    metadata,
    id_column("account_id"),
    *_position_columns(),
    PrimaryKeyConstraint("account_id", "canonical_id"),
    postgresql_with={"fillfactor": 50},
)

account_assets = Table(
    "account_assets",
    metadata,
    id_column("account_id"),
    id_column("asset"),
    id_column("shard"),
    money_column("amount", nullable=False),
    number_column("updated_at"),
    PrimaryKeyConstraint("account_id", "asset"),
    postgresql_with={"fillfactor": 50},
)

asset_moves = Table(
    "asset_moves",
    metadata,
    id_column("account_id"),
    id_column("reference"),
    id_column("shard"),
    id_column("asset"),
    money_column("amount", nullable=False),
    id_column("kind"),
    number_column("venue_time"),
    number_column("applied_at"),
    PrimaryKeyConstraint("account_id", "reference"),
)

# Trading states, latches and drifts; ``kind`` tells which (STATE, LATCH, DRIFT).
control_state = Table(
    "control_state",
    metadata,
    id_column("shard"),
    id_column("kind"),
    id_column("scope_kind"),
    id_column("scope_name"),
    id_column("code"),
    id_column("state", nullable=True),
    money_column("ours"),
    money_column("theirs"),
    text_column("principal"),
    text_column("reason"),
    number_column("updated_at"),
    PrimaryKeyConstraint("shard", "kind", "scope_kind", "scope_name", "code"),
)

# The next sequence of each account and control stream; orders have theirs in unified_orders.
stream_heads = Table(
    "stream_heads",
    metadata,
    id_column("shard"),
    id_column("stream"),
    number_column("next_sequence"),
    PrimaryKeyConstraint("shard", "stream"),
    postgresql_with=_UPDATED_ALL_THE_TIME,
)

strategies = Table(
    "strategies",
    metadata,
    id_column("shard"),
    id_column("strategy_id"),
    number_column("first_order_at"),
    PrimaryKeyConstraint("shard", "strategy_id"),
)

# How venues list instruments, noted by whoever owns a shard there, so that readers show amounts with their places. No
# projection: the journal does not hold it, and nothing is decided by it.
listings = Table(
    "listings",
    metadata,
    id_column("canonical_id"),
    money_column("tick", nullable=False),
    money_column("lot", nullable=False),
    number_column("updated_at"),
    PrimaryKeyConstraint("canonical_id"),
)

# One hash chain per shard; see liveexec.storage.audit.
audit_log = Table(
    "audit_log",
    metadata,
    id_column("shard"),
    number_column("sequence"),
    number_column("position", nullable=True),
    number_column("recorded_at"),
    text_column("principal", nullable=False),
    id_column("action"),
    text_column("subject", nullable=False),
    text_column("reason", nullable=False),
    document_column("details", nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("shard", "sequence"),
    Index("audit_log_position_idx", "shard", "position"),
)
