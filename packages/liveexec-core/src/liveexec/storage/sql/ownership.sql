-- Who owns a shard. Validity is judged by the database's clock; the epoch in journal_head fences the old owner's
-- appends, its copy in projection_head the old owner's projections.

-- name: create_journal_head
INSERT INTO journal_head (shard, epoch, batch, position, lease_until, owner)
VALUES ($1, 0, 0, 0, 0, '')
ON CONFLICT (shard) DO NOTHING;

-- name: create_projection_head
INSERT INTO projection_head (shard, epoch, projected_through, updated_at)
VALUES ($1, 0, 0, 0)
ON CONFLICT (shard) DO NOTHING;

-- name: take
-- Raise the epoch, unless another owner's lease holds. $1 shard, $2 owner, $3 lease in nanoseconds.
UPDATE journal_head
   SET epoch = epoch + 1,
       owner = $2,
       lease_until = (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint + $3
 WHERE shard = $1
   AND (owner = $2 OR lease_until <= (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint)
RETURNING epoch, batch, position;

-- name: fence_projections
-- Waits for a projection that the old owner has under way, and refuses its next one.
UPDATE projection_head
   SET epoch = $2
 WHERE shard = $1;

-- name: holder
-- Who holds the shard, and for how many more seconds.
SELECT owner,
       round((lease_until - extract(epoch FROM clock_timestamp()) * 1000000000) / 1000000000, 1) AS remaining_s
  FROM journal_head
 WHERE shard = $1;

-- name: renew
-- $1 shard, $2 epoch, $3 lease in nanoseconds. A lease that ended may be renewed as long as nobody took over.
UPDATE journal_head
   SET lease_until = (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint + $3
 WHERE shard = $1 AND epoch = $2
RETURNING epoch;

-- name: release
UPDATE journal_head
   SET lease_until = 0
 WHERE shard = $1 AND epoch = $2;

-- name: shards
SELECT j.shard, j.epoch, j.owner, j.lease_until, j.batch, j.position, p.projected_through
  FROM journal_head AS j
  JOIN projection_head AS p USING (shard)
 ORDER BY j.shard;
