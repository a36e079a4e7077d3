-- Everything that a shard ($1) has in a table, to be compared with the fold of its journal.

-- name: unified_orders
SELECT order_id FROM unified_orders WHERE shard = $1 ORDER BY order_id;

-- name: operations
SELECT principal, operation_id, kind, content_hash, order_id
  FROM operations
 WHERE shard = $1
 ORDER BY principal, operation_id;

-- name: order_refs
SELECT account_id, kind, reference, order_id, attempt
  FROM order_refs
 WHERE shard = $1
 ORDER BY account_id, kind, reference;

-- name: fills
SELECT account_id, fill_key, order_id, strategy_id, canonical_id, side, quantity, price, fee, fee_asset, estimated,
       busted, venue_time
  FROM fills
 WHERE shard = $1
 ORDER BY account_id, fill_key;
