-- Empty what is projected of one shard ($1), by table. The journal, its heads and the audit log stay.

-- name: unified_orders
DELETE FROM unified_orders WHERE shard = $1;

-- name: operations
DELETE FROM operations WHERE shard = $1;

-- name: order_refs
DELETE FROM order_refs WHERE shard = $1;

-- name: fills
DELETE FROM fills WHERE shard = $1;

-- name: unified_positions
DELETE FROM unified_positions WHERE shard = $1;

-- name: account_positions
DELETE FROM account_positions WHERE shard = $1;

-- name: account_assets
DELETE FROM account_assets WHERE shard = $1;

-- name: asset_moves
DELETE FROM asset_moves WHERE shard = $1;

-- name: control_state
DELETE FROM control_state WHERE shard = $1;

-- name: stream_heads
DELETE FROM stream_heads WHERE shard = $1;

-- name: strategies
DELETE FROM strategies WHERE shard = $1;
