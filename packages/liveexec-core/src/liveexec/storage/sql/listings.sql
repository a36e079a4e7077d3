-- How venues list instruments: what whoever reads the tables needs to show prices and quantities.

-- name: save
-- In the order of their keys, so that two hosts that save the same ones wait for each other and never in a circle.
-- $1 instruments, $2 ticks, $3 lots, $4 now.
INSERT INTO listings AS known (canonical_id, tick, lot, updated_at)
SELECT canonical_id, tick, lot, $4
  FROM unnest($1::text[], $2::numeric[], $3::numeric[]) AS given (canonical_id, tick, lot)
 ORDER BY canonical_id COLLATE "C"
    ON CONFLICT (canonical_id) DO UPDATE
   SET tick = excluded.tick,
       lot = excluded.lot,
       updated_at = excluded.updated_at
 WHERE (known.tick, known.lot) IS DISTINCT FROM (excluded.tick, excluded.lot);

-- name: all
SELECT canonical_id, tick, lot
  FROM listings
 ORDER BY canonical_id;
