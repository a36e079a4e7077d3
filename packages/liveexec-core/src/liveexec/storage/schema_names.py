"""Names that both the schema and the statements that can't be written into ``sql/`` need."""

from typing import Final

__all__ = ["PROJECTED_TABLES", "VERSION_TABLE"]

#: Where the revision of the schema is kept: a name of our own, since a host may use alembic in the same database.
VERSION_TABLE: Final = "liveexec_schema_version"

#: What ``db rebuild`` empties and makes anew from the journal.
PROJECTED_TABLES: Final = (
    "unified_orders",
    "operations",
    "order_refs",
    "fills",
    "unified_positions",
    "account_positions",
    "account_assets",
    "asset_moves",
    "control_state",
    "stream_heads",
    "strategies",
)
