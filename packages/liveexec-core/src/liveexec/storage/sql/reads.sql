-- Reads for people. ":where" is the conditions that a query's filter has, all of them on indexed ways into the table
-- or on what such a way leaves over; ":limit" the number of the last parameter. Newest first, so that a page costs
-- what it shows.

-- name: orders
SELECT order_id, shard, created_at, updated_at, last_sequence, attempt, ordinal, sequence_in_group, is_open, status,
       strategy_id, account_id, parent_order_id, operation, operation_id, principal, canonical_id, product_id, venue,
       venue_type, client_order_id, venue_order_id, side, order_type, time_in_force, expire_at, flags, quantity,
       price, trigger_price, exec_algorithm, exec_algorithm_params, filled_quantity, filled_cost, average_price,
       rejection_reason, error_message, tx_hash, gas_used, gas_price_gwei, max_gas_price_gwei, contract_address,
       source_token, target_token, max_slippage, asset, source_venue, target_venue, atomic_group_id, odds, selection,
       potential_payout, expected_deltas, routing, metadata
  FROM unified_orders
 WHERE :where
 ORDER BY created_at DESC, order_id DESC
 LIMIT :limit

-- name: orders_of_all
-- The newest of each operation ($1, all there are), merged: a list that no index of its own has to serve.
SELECT order_id, shard, created_at, updated_at, last_sequence, attempt, ordinal, sequence_in_group, is_open, status,
       strategy_id, account_id, parent_order_id, operation, operation_id, principal, canonical_id, product_id, venue,
       venue_type, client_order_id, venue_order_id, side, order_type, time_in_force, expire_at, flags, quantity,
       price, trigger_price, exec_algorithm, exec_algorithm_params, filled_quantity, filled_cost, average_price,
       rejection_reason, error_message, tx_hash, gas_used, gas_price_gwei, max_gas_price_gwei, contract_address,
       source_token, target_token, max_slippage, asset, source_venue, target_venue, atomic_group_id, odds, selection,
       potential_payout, expected_deltas, routing, metadata
  FROM unnest($1::text[]) AS each(of_operation)
 CROSS JOIN LATERAL (
    SELECT *
      FROM unified_orders
     WHERE operation = of_operation AND :where
     ORDER BY created_at DESC, order_id DESC
     LIMIT :limit
 ) AS o
 ORDER BY created_at DESC, order_id DESC
 LIMIT :limit

-- name: fills
SELECT account_id, fill_key, shard, order_id, strategy_id, canonical_id, product_id, venue, side, quantity, price,
       fee, fee_asset, liquidity, estimated, busted, venue_time, applied_at
  FROM fills
 WHERE :where
 ORDER BY applied_at DESC, fill_key DESC
 LIMIT :limit

-- name: fills_of_all
-- The newest of each strategy, merged.
SELECT account_id, fill_key, shard, order_id, strategy_id, canonical_id, product_id, venue, side, quantity, price,
       fee, fee_asset, liquidity, estimated, busted, venue_time, applied_at
  FROM (SELECT DISTINCT strategy_id AS of_strategy FROM strategies) AS each
 CROSS JOIN LATERAL (
    SELECT *
      FROM fills
     WHERE strategy_id = of_strategy AND :where
     ORDER BY applied_at DESC, fill_key DESC
     LIMIT :limit
 ) AS f
 ORDER BY applied_at DESC, fill_key DESC
 LIMIT :limit

-- name: refs
-- The names that an order had at its venue, by the account that it is at.
SELECT account_id, kind, reference, order_id, attempt
  FROM order_refs
 WHERE account_id = $1 AND order_id = $2
 ORDER BY attempt, kind, reference

-- name: positions
SELECT account_id, strategy_id, shard, canonical_id, product_id, venue, quantity, cost, average_price, realized_pnl,
       unrealized_pnl, current_price, settlement_asset, fees, terms, updated_at
  FROM unified_positions
 WHERE :where
 ORDER BY product_id, venue, account_id, strategy_id
 LIMIT :limit

-- name: account_positions
SELECT account_id, shard, canonical_id, product_id, venue, quantity, cost, average_price, realized_pnl,
       unrealized_pnl, current_price, settlement_asset, fees, terms, updated_at
  FROM account_positions
 WHERE :where
 ORDER BY product_id, venue, account_id
 LIMIT :limit

-- name: product_positions
SELECT product_id, settlement_asset, quantity, cost, realized_pnl, unrealized_pnl, updated_at, venue_positions
  FROM product_positions
 ORDER BY product_id, settlement_asset

-- name: assets
SELECT account_id, asset, shard, amount, updated_at
  FROM account_assets
 WHERE :where
 ORDER BY account_id, asset
 LIMIT :limit

-- name: controls
SELECT shard, kind, scope_kind, scope_name, code, state, ours, theirs, principal, reason, updated_at
  FROM control_state
 WHERE shard = $1
 ORDER BY kind, scope_kind, scope_name, code

-- name: strategies
SELECT shard, strategy_id, first_order_at FROM strategies ORDER BY strategy_id, shard

-- name: newest_events
-- The journal backwards from a position ($2, exclusive).
SELECT position, epoch, stream, sequence, recorded_at, cause, events
  FROM journal
 WHERE shard = $1 AND position < $2
 ORDER BY position DESC
 LIMIT $3

-- name: newest_events_of_stream
SELECT position, epoch, stream, sequence, recorded_at, cause, events
  FROM journal
 WHERE stream = $1 AND position < $2
 ORDER BY sequence DESC
 LIMIT $3

-- name: audit
SELECT shard, sequence, position, recorded_at, principal, action, subject, reason, details, previous_hash, hash
  FROM audit_log
 WHERE shard = $1
 ORDER BY sequence DESC
 LIMIT $2
