-- What the projector writes. One statement is built of the parts that a batch has: each is a data-modifying CTE that
-- takes its rows from one JSON parameter (":rows" becomes its number) and its shard from "head", and returns a row for
-- each row that it wrote: where that is fewer than were given, a row was there for something else.

-- name: head
-- Move the head, $1 shard, $2 epoch, $3 from, $4 to, $5 time. Without a row nothing below writes anything.
-- The epoch is the copy that a takeover writes into this row, so this statement never waits for an append, and a
-- takeover that committed is always seen: the update rereads the row that it waited for. The journal's own head is
-- read without a lock: it only ever grows, and is compared to catch a projection of what is not durable.
UPDATE projection_head AS p
   SET projected_through = $4, updated_at = $5
 WHERE p.shard = $1 AND p.epoch = $2 AND p.projected_through = $3
   AND EXISTS (SELECT FROM journal_head AS j WHERE j.shard = $1 AND j.position >= $4)
RETURNING p.shard

-- name: head_of
-- Where the tables stand, and why a batch was not taken.
SELECT p.epoch, p.projected_through, j.position
  FROM projection_head AS p
  JOIN journal_head AS j USING (shard)
 WHERE p.shard = $1

-- name: orders
-- What an order was received with never changes; the rest is written whole.
INSERT INTO unified_orders AS o (
    order_id, shard, created_at, updated_at, last_sequence, attempt, ordinal, sequence_in_group, is_open, status,
    strategy_id, account_id, parent_order_id, operation, operation_id, principal, canonical_id, product_id, venue,
    venue_type, client_order_id, venue_order_id, side, order_type, time_in_force, expire_at, flags, quantity, price,
    trigger_price, exec_algorithm, exec_algorithm_params, filled_quantity, filled_cost, rejection_reason,
    error_message, tx_hash, max_gas_price_gwei, contract_address, source_token, target_token, max_slippage, asset,
    source_venue, target_venue, atomic_group_id, odds, selection, potential_payout, expected_deltas, routing, metadata
)
SELECT
    r.order_id, head.shard, r.created_at, r.updated_at, r.last_sequence, r.attempt, r.ordinal, r.sequence_in_group,
    r.is_open, r.status, r.strategy_id, r.account_id, r.parent_order_id, r.operation, r.operation_id, r.principal,
    r.canonical_id, r.product_id, r.venue, r.venue_type, r.client_order_id, r.venue_order_id, r.side, r.order_type,
    r.time_in_force, r.expire_at, r.flags, r.quantity, r.price, r.trigger_price, r.exec_algorithm,
    r.exec_algorithm_params, r.filled_quantity, r.filled_cost, r.rejection_reason, r.error_message, r.tx_hash,
    r.max_gas_price_gwei, r.contract_address, r.source_token, r.target_token, r.max_slippage, r.asset, r.source_venue,
    r.target_venue, r.atomic_group_id, r.odds, r.selection, r.potential_payout, r.expected_deltas, r.routing,
    r.metadata
  FROM head,
       json_to_recordset(:rows::json) AS r(
           order_id text, created_at bigint, updated_at bigint, last_sequence bigint, attempt int, ordinal int,
           sequence_in_group int, is_open boolean, status text, strategy_id text, account_id text,
           parent_order_id text, operation text, operation_id text, principal text, canonical_id text,
           product_id text, venue text, venue_type text, client_order_id text, venue_order_id text, side text,
           order_type text, time_in_force text, expire_at bigint, flags jsonb, quantity numeric, price numeric,
           trigger_price numeric, exec_algorithm text, exec_algorithm_params jsonb, filled_quantity numeric,
           filled_cost numeric, rejection_reason text, error_message text, tx_hash text, max_gas_price_gwei numeric,
           contract_address text, source_token text, target_token text, max_slippage numeric, asset text,
           source_venue text, target_venue text, atomic_group_id text, odds numeric, selection text,
           potential_payout numeric, expected_deltas jsonb, routing jsonb, metadata jsonb
       )
ON CONFLICT (order_id) DO UPDATE
   SET updated_at = excluded.updated_at,
       last_sequence = excluded.last_sequence,
       attempt = excluded.attempt,
       is_open = excluded.is_open,
       status = excluded.status,
       strategy_id = excluded.strategy_id,
       account_id = excluded.account_id,
       canonical_id = excluded.canonical_id,
       product_id = excluded.product_id,
       venue = excluded.venue,
       venue_type = excluded.venue_type,
       client_order_id = excluded.client_order_id,
       venue_order_id = excluded.venue_order_id,
       flags = excluded.flags,
       quantity = excluded.quantity,
       price = excluded.price,
       filled_quantity = excluded.filled_quantity,
       filled_cost = excluded.filled_cost,
       rejection_reason = excluded.rejection_reason,
       error_message = excluded.error_message,
       tx_hash = excluded.tx_hash,
       potential_payout = excluded.potential_payout,
       routing = coalesce(excluded.routing, o.routing)
 WHERE o.shard = excluded.shard
RETURNING 1

-- name: operations
-- An operation id is used once: there is no update. One that is there already violates the primary key.
INSERT INTO operations (shard, principal, operation_id, kind, content_hash, order_id, created_at)
SELECT head.shard, r.principal, r.operation_id, r.kind, r.content_hash, r.order_id, r.created_at
  FROM head,
       json_to_recordset(:rows::json) AS r(
           principal text, operation_id text, kind text, content_hash text, order_id text, created_at bigint
       )
RETURNING 1

-- name: refs
-- A name at a venue belongs to one order.
INSERT INTO order_refs AS o (account_id, kind, reference, shard, order_id, attempt)
SELECT r.account_id, r.kind, r.reference, head.shard, r.order_id, r.attempt
  FROM head,
       json_to_recordset(:rows::json) AS r(
           account_id text, kind text, reference text, order_id text, attempt int
       )
ON CONFLICT (account_id, kind, reference) DO UPDATE
   SET attempt = excluded.attempt
 WHERE o.order_id = excluded.order_id
RETURNING 1

-- name: fills
-- A fill key belongs to one order. What may change is whom the fill belongs to, whether it counts, and what it says
-- where a correction keeps the key (increments of a cumulative report are named by the quantity reached).
INSERT INTO fills AS f (
    account_id, fill_key, shard, order_id, strategy_id, canonical_id, product_id, venue, side, quantity, price, fee,
    fee_asset, liquidity, estimated, busted, venue_time, applied_at
)
SELECT
    r.account_id, r.fill_key, head.shard, r.order_id, r.strategy_id, r.canonical_id, r.product_id, r.venue, r.side,
    r.quantity, r.price, r.fee, r.fee_asset, r.liquidity, r.estimated, r.busted, r.venue_time, r.applied_at
  FROM head,
       json_to_recordset(:rows::json) AS r(
           account_id text, fill_key text, order_id text, strategy_id text, canonical_id text, product_id text,
           venue text, side text, quantity numeric, price numeric, fee numeric, fee_asset text, liquidity text,
           estimated boolean, busted boolean, venue_time bigint, applied_at bigint
       )
ON CONFLICT (account_id, fill_key) DO UPDATE
   SET strategy_id = excluded.strategy_id,
       quantity = excluded.quantity,
       price = excluded.price,
       fee = excluded.fee,
       fee_asset = excluded.fee_asset,
       estimated = excluded.estimated,
       busted = excluded.busted,
       venue_time = excluded.venue_time
 WHERE f.order_id = excluded.order_id
RETURNING 1

-- name: positions
INSERT INTO unified_positions AS p (
    account_id, strategy_id, shard, canonical_id, product_id, venue, quantity, cost, average_price, realized_pnl,
    unrealized_pnl, current_price, settlement_asset, fees, terms, updated_at
)
SELECT
    r.account_id, r.strategy_id, head.shard, r.canonical_id, r.product_id, r.venue, r.quantity, r.cost,
    r.average_price, r.realized_pnl, r.unrealized_pnl, r.current_price, r.settlement_asset, r.fees, r.terms,
    r.updated_at
  FROM head,
       json_to_recordset(:rows::json) AS r(
           account_id text, strategy_id text, canonical_id text, product_id text, venue text, quantity numeric,
           cost numeric, average_price numeric, realized_pnl numeric, unrealized_pnl numeric, current_price numeric,
           settlement_asset text, fees jsonb, terms jsonb, updated_at bigint
       )
ON CONFLICT (account_id, strategy_id, canonical_id) DO UPDATE
   SET quantity = excluded.quantity,
       cost = excluded.cost,
       average_price = excluded.average_price,
       realized_pnl = excluded.realized_pnl,
       unrealized_pnl = excluded.unrealized_pnl,
       current_price = excluded.current_price,
       fees = excluded.fees,
       updated_at = excluded.updated_at
 WHERE p.shard = excluded.shard
RETURNING 1

-- name: account_positions
INSERT INTO account_positions AS p (
    account_id, shard, canonical_id, product_id, venue, quantity, cost, average_price, realized_pnl, unrealized_pnl,
    current_price, settlement_asset, fees, terms, updated_at
)
SELECT
    r.account_id, head.shard, r.canonical_id, r.product_id, r.venue, r.quantity, r.cost, r.average_price,
    r.realized_pnl, r.unrealized_pnl, r.current_price, r.settlement_asset, r.fees, r.terms, r.updated_at
  FROM head,
       json_to_recordset(:rows::json) AS r(
           account_id text, canonical_id text, product_id text, venue text, quantity numeric, cost numeric,
           average_price numeric, realized_pnl numeric, unrealized_pnl numeric, current_price numeric,
           settlement_asset text, fees jsonb, terms jsonb, updated_at bigint
       )
ON CONFLICT (account_id, canonical_id) DO UPDATE
   SET quantity = excluded.quantity,
       cost = excluded.cost,
       average_price = excluded.average_price,
       realized_pnl = excluded.realized_pnl,
       unrealized_pnl = excluded.unrealized_pnl,
       current_price = excluded.current_price,
       fees = excluded.fees,
       updated_at = excluded.updated_at
 WHERE p.shard = excluded.shard
RETURNING 1

-- name: assets
INSERT INTO account_assets AS a (account_id, asset, shard, amount, updated_at)
SELECT r.account_id, r.asset, head.shard, r.amount, r.updated_at
  FROM head,
       json_to_recordset(:rows::json) AS r(account_id text, asset text, amount numeric, updated_at bigint)
ON CONFLICT (account_id, asset) DO UPDATE
   SET amount = excluded.amount,
       updated_at = excluded.updated_at
 WHERE a.shard = excluded.shard
RETURNING 1

-- name: asset_moves
-- A movement counts once: there is no update. A reference that is there already violates the primary key.
INSERT INTO asset_moves (account_id, reference, shard, asset, amount, kind, venue_time, applied_at)
SELECT r.account_id, r.reference, head.shard, r.asset, r.amount, r.kind, r.venue_time, r.applied_at
  FROM head,
       json_to_recordset(:rows::json) AS r(
           account_id text, reference text, asset text, amount numeric, kind text, venue_time bigint,
           applied_at bigint
       )
RETURNING 1

-- name: controls
INSERT INTO control_state AS c (
    shard, kind, scope_kind, scope_name, code, state, ours, theirs, principal, reason, updated_at
)
SELECT
    head.shard, r.kind, r.scope_kind, r.scope_name, r.code, r.state, r.ours, r.theirs, r.principal, r.reason,
    r.updated_at
  FROM head,
       json_to_recordset(:rows::json) AS r(
           kind text, scope_kind text, scope_name text, code text, state text, ours numeric, theirs numeric,
           principal text, reason text, updated_at bigint
       )
ON CONFLICT (shard, kind, scope_kind, scope_name, code) DO UPDATE
   SET state = excluded.state,
       ours = excluded.ours,
       theirs = excluded.theirs,
       principal = excluded.principal,
       reason = excluded.reason,
       updated_at = excluded.updated_at
RETURNING 1

-- name: cleared_controls
-- What was set and cleared within one batch is not there, so fewer rows than given may go.
DELETE FROM control_state AS c
 USING head,
       json_to_recordset(:rows::json) AS r(kind text, scope_kind text, scope_name text, code text)
 WHERE c.shard = head.shard AND c.kind = r.kind AND c.scope_kind = r.scope_kind
   AND c.scope_name = r.scope_name AND c.code = r.code
RETURNING 1

-- name: stream_heads
INSERT INTO stream_heads (shard, stream, next_sequence)
SELECT head.shard, r.stream, r.next_sequence
  FROM head,
       json_to_recordset(:rows::json) AS r(stream text, next_sequence bigint)
ON CONFLICT (shard, stream) DO UPDATE
   SET next_sequence = excluded.next_sequence
RETURNING 1

-- name: strategies
-- Strategies are known by their first order.
INSERT INTO strategies (shard, strategy_id, first_order_at)
SELECT head.shard, r.strategy_id, r.first_order_at
  FROM head,
       json_to_recordset(:rows::json) AS r(strategy_id text, first_order_at bigint)
ON CONFLICT (shard, strategy_id) DO NOTHING
RETURNING 1

-- name: audit_head
-- The end of the shard's chain, and the last journal position that it tells of.
SELECT sequence, hash, (SELECT max(position) FROM audit_log WHERE shard = $1) AS position
  FROM audit_log
 WHERE shard = $1
 ORDER BY sequence DESC
 LIMIT 1

-- name: audit
INSERT INTO audit_log (
    shard, sequence, position, recorded_at, principal, action, subject, reason, details, previous_hash, hash
)
SELECT
    head.shard, r.sequence, r.position, r.recorded_at, r.principal, r.action, r.subject, r.reason, r.details,
    decode(r.previous_hash, 'hex'), decode(r.hash, 'hex')
  FROM head,
       json_to_recordset(:rows::json) AS r(
           sequence bigint, position bigint, recorded_at bigint, principal text, action text, subject text,
           reason text, details jsonb, previous_hash text, hash text
       )
RETURNING 1

-- name: count_shards
SELECT count(*) FROM projection_head

-- name: rewind
-- The tables of the shard are about to be made anew. $1 shard, $2 epoch.
UPDATE projection_head
   SET projected_through = 0
 WHERE shard = $1 AND epoch = $2
RETURNING shard
