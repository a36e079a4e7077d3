-- What recovery loads and hydration looks up. Lists of keys come as arrays, one for each column.

-- name: projected_through
SELECT projected_through FROM projection_head WHERE shard = $1;

-- name: open_orders
SELECT order_id FROM unified_orders WHERE is_open AND shard = $1 ORDER BY order_id;

-- name: positions
SELECT account_id, strategy_id, canonical_id, quantity, cost, realized_pnl, fees, terms, updated_at
  FROM unified_positions
 WHERE shard = $1
 ORDER BY account_id, strategy_id, canonical_id;

-- name: account_positions
SELECT account_id, canonical_id, quantity, cost, realized_pnl, fees, terms, updated_at
  FROM account_positions
 WHERE shard = $1
 ORDER BY account_id, canonical_id;

-- name: assets
SELECT account_id, asset, amount FROM account_assets WHERE shard = $1 ORDER BY account_id, asset;

-- name: controls
SELECT kind, scope_kind, scope_name, code, state, ours, theirs, principal, reason
  FROM control_state
 WHERE shard = $1
 ORDER BY kind, scope_kind, scope_name, code;

-- name: stream_heads
SELECT stream, next_sequence FROM stream_heads WHERE shard = $1 ORDER BY stream;

-- name: refs
SELECT r.account_id, r.kind, r.reference, r.order_id
  FROM unnest($2::text[], $3::text[], $4::text[]) AS k(account_id, kind, reference)
  JOIN order_refs AS r USING (account_id, kind, reference)
 WHERE r.shard = $1;

-- name: operations
SELECT o.principal, o.operation_id, o.kind, o.content_hash, o.order_id
  FROM unnest($2::text[], $3::text[]) AS k(principal, operation_id)
  JOIN operations AS o ON o.shard = $1 AND o.principal = k.principal AND o.operation_id = k.operation_id;

-- name: children
SELECT parent_order_id, order_id
  FROM unified_orders
 WHERE parent_order_id = ANY($2::text[]) AND shard = $1
 ORDER BY parent_order_id, ordinal;

-- name: asset_moves
SELECT m.account_id, m.reference
  FROM unnest($1::text[], $2::text[]) AS k(account_id, reference)
  JOIN asset_moves AS m USING (account_id, reference);

-- name: fills
SELECT f.fill_key
  FROM unnest($2::text[]) AS k(fill_key)
  JOIN fills AS f ON f.account_id = $1 AND f.fill_key = k.fill_key;

-- name: order_rows
-- The columns that liveexec.storage.rows.row_of makes.
SELECT order_id, created_at, updated_at, last_sequence, attempt, ordinal, sequence_in_group, is_open, status,
       strategy_id, account_id, parent_order_id, operation, operation_id, principal, canonical_id, product_id, venue,
       client_order_id, venue_order_id, side, order_type, time_in_force, expire_at, flags, quantity, price,
       trigger_price, exec_algorithm, exec_algorithm_params, filled_quantity, filled_cost, rejection_reason,
       error_message, tx_hash, max_gas_price_gwei, contract_address, source_token, target_token, max_slippage, asset,
       source_venue, target_venue, atomic_group_id, odds, selection, potential_payout, expected_deltas, metadata
  FROM unified_orders
 WHERE order_id = ANY($2::text[]) AND shard = $1;
