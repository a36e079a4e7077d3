"""Bugs in the stores: fencing, batches, uniqueness; in memory and in the SQL that PostgreSQL runs."""

from typing import Final

from mutants.mutant import Mutant

__all__ = ["STORAGE_BUGS"]

_JOURNAL: Final = ("contract/storage/test_store_journal.py",)
_OWNERSHIP: Final = ("contract/storage/test_store_ownership.py",)
_PROJECTIONS: Final = ("contract/storage/test_store_projections.py",)

STORAGE_BUGS: Final = (
    Mutant(
        "in memory, an old owner's epoch is not looked at",
        "storage/memory.py",
        "if found is None or found.epoch != epoch:",
        "if found is None:",
        _JOURNAL,
        only="memory",
    ),
    Mutant(
        "in memory, a batch that does not follow is taken",
        "storage/memory.py",
        "if (shard.batch, len(shard.journal)) != (batch.batch - 1, batch.first_position - 1):",
        "if shard.batch >= batch.batch:",
        _JOURNAL,
        only="memory",
    ),
    Mutant(
        "in memory, a projection is written that nobody's journal holds",
        "storage/memory.py",
        "if shard.projected_through != batch.after or len(shard.journal) < batch.through:",
        "if shard.projected_through != batch.after:",
        _PROJECTIONS,
        only="memory",
    ),
    Mutant(
        "in memory, a repeated projection writes what was folded meanwhile",
        "storage/memory.py",
        "        if batch.prepared is None:",
        "        if True:",
        _PROJECTIONS,
        only="memory",
    ),
    Mutant(
        "in memory, a lease is held against its own owner only",
        "storage/memory.py",
        "if found.owner != owner and found.lease_until_ns > now_ns:",
        "if found.owner == owner and found.lease_until_ns > now_ns:",
        _OWNERSHIP,
        only="memory",
    ),
    Mutant(
        "a batch is compared by the number of its records",
        "storage/journal_entries.py",
        "return len(asked) == len(kept) and all(map(_is_same, asked, kept))",
        "return len(asked) == len(kept)",
        _JOURNAL,
        only="memory",
    ),
    Mutant(
        "an old owner's appends are taken",
        "storage/sql/journal.sql",
        """SET batch = $3, position = $5
     WHERE shard = $1 AND epoch = $2 AND batch""",
        """SET batch = $3, position = $5
     WHERE shard = $1 AND $2::bigint > 0 AND batch""",
        _JOURNAL,
        only="embedded",
    ),
    Mutant(
        "an old owner's single record is taken",
        "storage/sql/journal.sql",
        """SET batch = $3, position = $4
     WHERE shard = $1 AND epoch = $2 AND batch""",
        """SET batch = $3, position = $4
     WHERE shard = $1 AND $2::bigint > 0 AND batch""",
        _JOURNAL,
        only="embedded",
    ),
    Mutant(
        "a batch is appended wherever the journal ends",
        "storage/sql/journal.sql",
        """AND batch = $3 - 1 AND position = $4 - 1
    RETURNING shard, epoch
""",
        """AND batch = $3 - 1 AND $4::bigint > 0
    RETURNING shard, epoch
""",
        _JOURNAL,
        only="embedded",
    ),
    Mutant(
        "a single record is appended wherever the journal ends",
        "storage/sql/journal.sql",
        """AND batch = $3 - 1 AND position = $4 - 1
    RETURNING shard, epoch, position
""",
        """AND batch = $3 - 1 AND $4::bigint > 0
    RETURNING shard, epoch, position
""",
        _JOURNAL,
        only="embedded",
    ),
    Mutant(
        "settling takes the last batch for absent",
        "storage/journal_writer.py",
        'if head["batch"] < batch.batch:',
        'if head["batch"] <= batch.batch:',
        _JOURNAL,
        only="embedded",
    ),
    Mutant(
        "settling believes that what it finds is the batch",
        "storage/journal_writer.py",
        "    if not is_in(batch, [entry_of(row) for row in rows]):",
        "    if not rows:",
        _JOURNAL,
        only="embedded",
    ),
    Mutant(
        "a shard is taken from an owner whose lease holds",
        "storage/sql/ownership.sql",
        "   AND (owner = $2 OR lease_until <= (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint)\n",
        "",
        _OWNERSHIP,
        only="embedded",
    ),
    Mutant(
        "an owner that was fenced gives its successor's lease up",
        "storage/sql/ownership.sql",
        "   SET lease_until = 0\n WHERE shard = $1 AND epoch = $2;",
        "   SET lease_until = 0\n WHERE shard = $1 AND $2::bigint > 0;",
        _OWNERSHIP,
        only="embedded",
    ),
    Mutant(
        "an old owner's projections are taken",
        "storage/sql/projections.sql",
        "WHERE p.shard = $1 AND p.epoch = $2 AND p.projected_through = $3",
        "WHERE p.shard = $1 AND $2::bigint > 0 AND p.projected_through = $3",
        _PROJECTIONS,
        only="embedded",
    ),
    Mutant(
        "a projection is taken that does not follow the tables",
        "storage/sql/projections.sql",
        "WHERE p.shard = $1 AND p.epoch = $2 AND p.projected_through = $3",
        "WHERE p.shard = $1 AND p.epoch = $2 AND $3::bigint >= 0",
        _PROJECTIONS,
        only="embedded",
    ),
    Mutant(
        "a projection is ahead of the journal",
        "storage/sql/projections.sql",
        "AND j.position >= $4)",
        "AND $4::bigint >= 0)",
        _PROJECTIONS,
        only="embedded",
    ),
    Mutant(
        "a fill key of another order is overwritten",
        "storage/sql/projections.sql",
        " WHERE f.order_id = excluded.order_id\n",
        "",
        _PROJECTIONS,
        only="embedded",
    ),
    Mutant(
        "rows that were not written are not missed",
        "storage/projection_writer.py",
        "if part.is_complete_when_written and written[part.name] != len(part.rows):",
        "if False:",
        _PROJECTIONS,
        only="embedded",
    ),
    Mutant(
        "an order's routing is lost with its next projection",
        "storage/sql/projections.sql",
        "routing = coalesce(excluded.routing, o.routing)",
        "routing = excluded.routing",
        ("integration/storage/test_storage_queries.py", "contract/storage/test_store_machine.py"),
    ),
    Mutant(
        "amounts that do not fit are rounded",
        "storage/projections.py",
        "or not value.is_finite()) and not is_storable(value)",
        "or not value.is_finite()) and False",
        _PROJECTIONS,
        only="embedded",
    ),
)
