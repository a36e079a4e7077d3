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

    ``kept`` are columns that an upsert without a value leaves as they are; ``insert_only`` refuses every upsert.
    """

    key: tuple[str, ...]
    agree: tuple[str, ...] = ("shard",)
    kept: tuple[str, ...] = ()
    insert_only: bool = False


_CONTROL_KEY: Final = ("shard", "kind", "scope_kind", "scope_name", "code")
_RULES: Final[Mapping[str, _Rule]] = {
    "orders": _Rule(("order_id",), kept=("routing",)),
    "operations": _Rule(("shard", "principal", "operation_id"), insert_only=True),
    "refs": _Rule(("account_id", "kind", "reference"), agree=("order_id",)),
    "fills": _Rule(("account_id", "fill_key"), agree=("order_id",)),
    "positions": _Rule(("account_id", "strategy_id", "canonical_id")),
    "account_positions": _Rule(("account_id", "canonical_id")),
    "assets": _Rule(("account_id", "asset")),
    "asset_moves": _Rule(("account_id", "reference"), insert_only=True),
    "controls": _Rule(_CONTROL_KEY),
    "stream_heads": _Rule(("shard", "stream")),
    "strategies": _Rule(("shard", "strategy_id"), kept=("first_order_at",)),
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
                row.update({name: old[name] for name in rule.kept if name in old and name not in given})
            changes[key] = row
        if taken:
            raise rows_are_taken(part.name, taken, len(part.rows))
        return changes


def _key_of(columns: Sequence[str], row: Mapping[str, object]) -> Key:
    return tuple(row[name] for name in columns)
