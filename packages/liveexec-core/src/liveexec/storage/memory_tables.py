"""Tables of projections in memory, with the keys and the rules of ``sql/projections.sql``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from liveexec.errors import InvariantViolation
from liveexec.storage.audit import EMPTY_CHAIN, ChainEnd
from liveexec.storage.projections import Part
from liveexec.storage.refusals import rows_are_taken
from liveexec.storage.rows import Row

__all__ = ["Tables"]

Key = tuple[Any, ...]


@frozen
class _Rule:
    """A table's key, and the columns in which a row that is there must agree with one that replaces it.

    ``fixed`` are columns that every upsert leaves as they were inserted, ``kept`` those that one without a value does;
    ``insert_only`` refuses every upsert.
    """

    key: tuple[str, ...]
    agree: tuple[str, ...] = ("shard",)
    fixed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    insert_only: bool = False


#: What an order was received with.
_RECEIVED: Final = (
    "created_at",
    "ordinal",
    "sequence_in_group",
    "parent_order_id",
    "operation",
    "operation_id",
    "principal",
    "side",
    "order_type",
    "time_in_force",
    "expire_at",
    "trigger_price",
    "exec_algorithm",
    "exec_algorithm_params",
    "max_gas_price_gwei",
    "contract_address",
    "source_token",
    "target_token",
    "max_slippage",
    "asset",
    "source_venue",
    "target_venue",
    "atomic_group_id",
    "odds",
    "selection",
    "expected_deltas",
    "metadata",
)
_CONTROL_KEY: Final = ("shard", "kind", "scope_kind", "scope_name", "code")
_POSITION_NAMES: Final = ("product_id", "venue", "settlement_asset", "terms")
_RULES: Final[Mapping[str, _Rule]] = {
    "orders": _Rule(("order_id",), fixed=_RECEIVED, kept=("routing",)),
    "operations": _Rule(("shard", "principal", "operation_id"), insert_only=True),
    "refs": _Rule(("account_id", "kind", "reference"), agree=("order_id",), fixed=("shard",)),
    "fills": _Rule(
        ("account_id", "fill_key"),
        agree=("order_id",),
        fixed=("shard", "canonical_id", "product_id", "venue", "side", "liquidity", "applied_at"),
    ),
    "positions": _Rule(("account_id", "strategy_id", "canonical_id"), fixed=_POSITION_NAMES),
    "account_positions": _Rule(("account_id", "canonical_id"), fixed=_POSITION_NAMES),
    "assets": _Rule(("account_id", "asset")),
    "asset_moves": _Rule(("account_id", "reference"), insert_only=True),
    "controls": _Rule(_CONTROL_KEY),
    "stream_heads": _Rule(("shard", "stream")),
    "strategies": _Rule(("shard", "strategy_id"), fixed=("first_order_at",)),
    "audit": _Rule(("shard", "sequence"), insert_only=True),
}


@define(eq=False)
class Tables:
    """Rows by part and key."""

    _rows: dict[str, dict[Key, Row]] = field(factory=lambda: {name: {} for name in _RULES})

    def write(self, shard: str, parts: Sequence[Part]) -> None:
        """Write all parts or, when one contradicts what is there, none.

        Raises:
            InvariantViolation: a key is there for something else, or twice in one part.
        """
        changes = [(part.name, self._changes(shard, part)) for part in parts if part.name != "cleared_controls"]
        for name, rows in changes:
            self._rows[name].update(rows)
        for part in parts:
            if part.name == "cleared_controls":
                for row in part.rows:
                    self._rows["controls"].pop(_key_of(_CONTROL_KEY, {**row, "shard": shard}), None)

    def row(self, table: str, *key: object) -> Row | None:
        """One row by its key."""
        return self._rows[table].get(key)

    def rows(self, table: str, shard: str) -> Iterator[Row]:
        """A shard's rows in the order of their keys."""
        found = self._rows[table]
        return (found[key] for key in sorted(found) if found[key]["shard"] == shard)

    def chain_end(self, shard: str) -> ChainEnd:
        """Where the shard's audit log ends."""
        rows = list(self.rows("audit", shard))
        if not rows:
            return EMPTY_CHAIN
        positions = [row["position"] for row in rows if isinstance(row["position"], int)]
        last: Any = rows[-1]
        return ChainEnd(last["sequence"], bytes.fromhex(last["hash"]), max(positions, default=0))

    def clear(self, shard: str) -> None:
        """Take out everything of a shard that is projected."""
        for name, rows in self._rows.items():
            if name != "audit":
                for key in [key for key, row in rows.items() if row["shard"] == shard]:
                    del rows[key]

    def _changes(self, shard: str, part: Part) -> dict[Key, Row]:
        rule, present = _RULES[part.name], self._rows[part.name]
        changes: dict[Key, Row] = {}
        taken = 0
        for given in part.rows:
            row = {**given, "shard": shard}
            key = _key_of(rule.key, row)
            if key in changes:
                raise InvariantViolation(f"projecting {part.name}: {key} is there twice in one batch")
            old = present.get(key)
            if old is not None:
                taken += rule.insert_only or any(old.get(name) != row.get(name) for name in rule.agree)
                row = _upserted(rule, old, row)
            changes[key] = row
        if taken:
            raise rows_are_taken(part.name, taken, len(part.rows))
        return changes


def _upserted(rule: _Rule, old: Row, row: Row) -> Row:
    """What is stored when a row replaces one that is there."""
    changing = {name: value for name, value in row.items() if name not in rule.fixed}
    stays = (*rule.fixed, *(name for name in rule.kept if name not in row))
    return changing | {name: old[name] for name in stays if name in old}


def _key_of(columns: Sequence[str], row: Mapping[str, object]) -> Key:
    return tuple(row[name] for name in columns)
