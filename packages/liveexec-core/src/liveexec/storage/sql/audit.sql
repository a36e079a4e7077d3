-- The audit log, read to be verified: by the sequence of its chain, and by the journal positions that it tells of.

-- name: shards
-- Every shard that has a journal, or rows of audit_log without one. The names in audit_log are found one after the
-- other through its index, for the table may be long.
WITH RECURSIVE named AS (
    (SELECT shard FROM audit_log ORDER BY shard LIMIT 1)
    UNION ALL
    SELECT (SELECT a.shard FROM audit_log AS a WHERE a.shard > named.shard ORDER BY a.shard LIMIT 1)
      FROM named
     WHERE named.shard IS NOT NULL
)
SELECT shard FROM named WHERE shard IS NOT NULL
UNION
SELECT shard FROM journal_head
ORDER BY shard;

-- name: bounds
-- One statement, hence one moment: all that is projected then is in the chain then. What comes later is left out.
SELECT coalesce((SELECT position FROM journal_head WHERE shard = $1), 0) AS journal_end,
       coalesce((SELECT projected_through FROM projection_head WHERE shard = $1), 0) AS projected_through,
       coalesce((SELECT max(sequence) FROM audit_log WHERE shard = $1), 0) AS last_sequence;

-- name: chain
-- $1 shard, $2 from this sequence, $3 to that one, $4 at most so many.
SELECT sequence, position, recorded_at, principal, action, subject, reason, details, previous_hash, hash
  FROM audit_log
 WHERE shard = $1 AND sequence >= $2 AND sequence <= $3
 ORDER BY sequence
 LIMIT $4;

-- name: positions
-- $1 shard, $2 from this position, $3 to that one, $4 of the chain up to this sequence.
SELECT sequence, position, recorded_at, principal, action, subject, reason, details, previous_hash, hash
  FROM audit_log
 WHERE shard = $1 AND position >= $2 AND position <= $3 AND sequence <= $4
 ORDER BY position, sequence;
