-- The journal: appended by one writer per shard, fenced by journal_head.

-- name: append
-- One batch as one statement. $1 shard, $2 epoch, $3 batch, $4 first position, $5 last position, $6 the records.
-- The update comes first and takes the row: an owner that took over in the meantime has changed the epoch, the update
-- then finds no row and nothing is inserted. (A plain read of the epoch would not wait for it.)
WITH head AS (
    UPDATE journal_head
       SET batch = $3, position = $5
     WHERE shard = $1 AND epoch = $2 AND batch = $3 - 1 AND position = $4 - 1
    RETURNING shard, epoch
)
INSERT INTO journal (shard, position, stream, sequence, epoch, recorded_at, cause, events)
SELECT head.shard, r.position, r.stream, r.sequence, head.epoch, r.recorded_at, r.cause, r.events
  FROM head,
       json_to_recordset($6::json) AS r(
           position bigint, stream text, sequence bigint, recorded_at bigint, cause text, events json
       );

-- name: append_one
-- The same for a batch of one record, which needs no document around it: $1 to $4 as above, $5 stream, $6 sequence,
-- $7 when it was recorded, $8 its cause, $9 its events.
WITH head AS (
    UPDATE journal_head
       SET batch = $3, position = $4
     WHERE shard = $1 AND epoch = $2 AND batch = $3 - 1 AND position = $4 - 1
    RETURNING shard, epoch, position
)
INSERT INTO journal (shard, position, stream, sequence, epoch, recorded_at, cause, events)
SELECT head.shard, head.position, $5, $6, head.epoch, $7, $8, $9
  FROM head;

-- name: head
SELECT epoch, batch, position
  FROM journal_head
 WHERE shard = $1;

-- name: head_for_update
-- Waits for a statement that has the row and has not ended yet.
SELECT epoch, batch, position
  FROM journal_head
 WHERE shard = $1
   FOR UPDATE;

-- name: read_after
SELECT position, epoch, stream, sequence, recorded_at, cause, events
  FROM journal
 WHERE shard = $1 AND position > $2
 ORDER BY position
 LIMIT $3;

-- name: read_streams
SELECT position, epoch, stream, sequence, recorded_at, cause, events
  FROM journal
 WHERE stream = ANY($2::text[]) AND shard = $1
 ORDER BY stream, sequence;
