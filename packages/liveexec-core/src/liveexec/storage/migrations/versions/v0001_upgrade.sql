-- Frozen: a change of the schema is a new revision.

CREATE TABLE journal (
    shard TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    cause TEXT NOT NULL,
    events JSON NOT NULL,
    CONSTRAINT journal_pkey PRIMARY KEY (shard, position),
    CONSTRAINT journal_stream_sequence_key UNIQUE (stream, sequence)
);

CREATE TABLE journal_head (
    shard TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    position BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    owner TEXT NOT NULL,
    CONSTRAINT journal_head_pkey PRIMARY KEY (shard)
) WITH (fillfactor = 10);

CREATE TABLE projection_head (
    shard TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    projected_through BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT projection_head_pkey PRIMARY KEY (shard)
) WITH (fillfactor = 10);

CREATE TABLE unified_orders (
    order_id TEXT COLLATE "C" NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    ordinal INTEGER,
    sequence_in_group INTEGER,
    is_open BOOLEAN NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    strategy_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C",
    parent_order_id TEXT COLLATE "C",
    operation TEXT COLLATE "C" NOT NULL,
    operation_id TEXT COLLATE "C" NOT NULL,
    principal TEXT NOT NULL,
    canonical_id TEXT COLLATE "C",
    product_id TEXT COLLATE "C",
    venue TEXT COLLATE "C",
    venue_type TEXT COLLATE "C",
    client_order_id TEXT COLLATE "C",
    venue_order_id TEXT COLLATE "C",
    side TEXT COLLATE "C",
    order_type TEXT COLLATE "C" NOT NULL,
    time_in_force TEXT COLLATE "C" NOT NULL,
    expire_at BIGINT,
    flags JSONB NOT NULL,
    quantity NUMERIC(36, 18) NOT NULL,
    price NUMERIC(36, 18),
    trigger_price NUMERIC(36, 18),
    exec_algorithm TEXT COLLATE "C" NOT NULL,
    exec_algorithm_params JSONB,
    filled_quantity NUMERIC(36, 18) NOT NULL,
    filled_cost NUMERIC(36, 18) NOT NULL,
    average_price NUMERIC(36, 18) GENERATED ALWAYS AS (
        CASE WHEN filled_quantity <> 0 THEN round(filled_cost / filled_quantity, 18) END
    ) STORED,
    rejection_reason TEXT COLLATE "C",
    error_message TEXT,
    tx_hash TEXT COLLATE "C",
    gas_used NUMERIC(36, 18),
    gas_price_gwei NUMERIC(36, 18),
    max_gas_price_gwei NUMERIC(36, 18),
    contract_address TEXT COLLATE "C",
    source_token TEXT COLLATE "C",
    target_token TEXT COLLATE "C",
    max_slippage NUMERIC(36, 18),
    asset TEXT COLLATE "C",
    source_venue TEXT COLLATE "C",
    target_venue TEXT COLLATE "C",
    atomic_group_id TEXT COLLATE "C",
    odds NUMERIC(36, 18),
    selection TEXT,
    potential_payout NUMERIC(36, 18),
    expected_deltas JSONB,
    routing JSONB,
    metadata JSONB,
    CONSTRAINT unified_orders_pkey PRIMARY KEY (order_id)
) WITH (fillfactor = 80);

CREATE INDEX unified_orders_atomic_group_idx
    ON unified_orders (atomic_group_id, sequence_in_group)
    WHERE atomic_group_id IS NOT NULL;

CREATE INDEX unified_orders_tx_hash_idx ON unified_orders (tx_hash) WHERE tx_hash IS NOT NULL;

CREATE INDEX unified_orders_open_strategy_idx ON unified_orders (strategy_id, created_at) WHERE is_open;

CREATE INDEX unified_orders_open_venue_idx ON unified_orders (venue, created_at) WHERE is_open;

CREATE INDEX unified_orders_operation_time_idx ON unified_orders (operation, created_at);

CREATE INDEX unified_orders_children_idx
    ON unified_orders (parent_order_id, ordinal)
    WHERE parent_order_id IS NOT NULL;

CREATE INDEX unified_orders_strategy_time_idx ON unified_orders (strategy_id, created_at);

CREATE TABLE operations (
    shard TEXT COLLATE "C" NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    operation_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    content_hash TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT operations_pkey PRIMARY KEY (shard, principal, operation_id)
);

CREATE TABLE order_refs (
    account_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    attempt INTEGER NOT NULL,
    CONSTRAINT order_refs_pkey PRIMARY KEY (account_id, kind, reference)
);

CREATE TABLE fills (
    account_id TEXT COLLATE "C" NOT NULL,
    fill_key TEXT COLLATE "C" NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    strategy_id TEXT COLLATE "C" NOT NULL,
    canonical_id TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL,
    venue TEXT COLLATE "C" NOT NULL,
    side TEXT COLLATE "C" NOT NULL,
    quantity NUMERIC(36, 18) NOT NULL,
    price NUMERIC(36, 18) NOT NULL,
    fee NUMERIC(36, 18) NOT NULL,
    fee_asset TEXT COLLATE "C" NOT NULL,
    liquidity TEXT COLLATE "C" NOT NULL,
    estimated BOOLEAN NOT NULL,
    busted BOOLEAN NOT NULL,
    venue_time BIGINT NOT NULL,
    applied_at BIGINT NOT NULL,
    CONSTRAINT fills_pkey PRIMARY KEY (account_id, fill_key)
);

CREATE INDEX fills_strategy_time_idx ON fills (strategy_id, applied_at);

CREATE INDEX fills_order_idx ON fills (order_id);

CREATE TABLE unified_positions (
    account_id TEXT COLLATE "C" NOT NULL,
    strategy_id TEXT COLLATE "C" NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    canonical_id TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL,
    venue TEXT COLLATE "C" NOT NULL,
    quantity NUMERIC(36, 18) NOT NULL,
    cost NUMERIC(36, 18) NOT NULL,
    average_price NUMERIC(36, 18),
    realized_pnl NUMERIC(36, 18) NOT NULL,
    unrealized_pnl NUMERIC(36, 18),
    current_price NUMERIC(36, 18),
    settlement_asset TEXT COLLATE "C" NOT NULL,
    fees JSONB NOT NULL,
    terms JSONB NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT unified_positions_pkey PRIMARY KEY (account_id, strategy_id, canonical_id)
) WITH (fillfactor = 50);

CREATE INDEX unified_positions_strategy_idx ON unified_positions (strategy_id);

CREATE TABLE account_positions (
    account_id TEXT COLLATE "C" NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    canonical_id TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL,
    venue TEXT COLLATE "C" NOT NULL,
    quantity NUMERIC(36, 18) NOT NULL,
    cost NUMERIC(36, 18) NOT NULL,
    average_price NUMERIC(36, 18),
    realized_pnl NUMERIC(36, 18) NOT NULL,
    unrealized_pnl NUMERIC(36, 18),
    current_price NUMERIC(36, 18),
    settlement_asset TEXT COLLATE "C" NOT NULL,
    fees JSONB NOT NULL,
    terms JSONB NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT account_positions_pkey PRIMARY KEY (account_id, canonical_id)
) WITH (fillfactor = 50);

CREATE TABLE account_assets (
    account_id TEXT COLLATE "C" NOT NULL,
    asset TEXT COLLATE "C" NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    amount NUMERIC(36, 18) NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT account_assets_pkey PRIMARY KEY (account_id, asset)
) WITH (fillfactor = 50);

CREATE TABLE asset_moves (
    account_id TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    asset TEXT COLLATE "C" NOT NULL,
    amount NUMERIC(36, 18) NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    venue_time BIGINT NOT NULL,
    applied_at BIGINT NOT NULL,
    CONSTRAINT asset_moves_pkey PRIMARY KEY (account_id, reference)
);

CREATE TABLE control_state (
    shard TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    scope_kind TEXT COLLATE "C" NOT NULL,
    scope_name TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C",
    ours NUMERIC(36, 18),
    theirs NUMERIC(36, 18),
    principal TEXT,
    reason TEXT,
    updated_at BIGINT NOT NULL,
    CONSTRAINT control_state_pkey PRIMARY KEY (shard, kind, scope_kind, scope_name, code)
);

CREATE TABLE stream_heads (
    shard TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    next_sequence BIGINT NOT NULL,
    CONSTRAINT stream_heads_pkey PRIMARY KEY (shard, stream)
) WITH (fillfactor = 10);

CREATE TABLE strategies (
    shard TEXT COLLATE "C" NOT NULL,
    strategy_id TEXT COLLATE "C" NOT NULL,
    first_order_at BIGINT NOT NULL,
    CONSTRAINT strategies_pkey PRIMARY KEY (shard, strategy_id)
);

CREATE TABLE audit_log (
    shard TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT,
    recorded_at BIGINT NOT NULL,
    principal TEXT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    details JSONB NOT NULL,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (shard, sequence)
);

CREATE INDEX audit_log_position_idx ON audit_log (shard, position);

CREATE FUNCTION liveexec_time(ns bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (timestamp '1970-01-01' + (ns / 1000) * interval '1 microsecond') AT TIME ZONE 'UTC';

CREATE FUNCTION liveexec_append_only() RETURNS trigger
    LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION liveexec_append_only();

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION liveexec_append_only();

CREATE VIEW product_positions AS
SELECT product_id,
       settlement_asset,
       sum(quantity) AS quantity,
       sum(cost) AS cost,
       sum(realized_pnl) AS realized_pnl,
       CASE WHEN count(unrealized_pnl) = count(*) THEN sum(unrealized_pnl) END AS unrealized_pnl,
       max(updated_at) AS updated_at,
       jsonb_object_agg(
           venue,
           jsonb_build_object(
               'quantity', trim_scale(quantity)::text,
               'cost', trim_scale(cost)::text,
               'realized_pnl', trim_scale(realized_pnl)::text,
               'unrealized_pnl', trim_scale(unrealized_pnl)::text
           )
       ) AS venue_positions
  FROM (SELECT product_id,
               settlement_asset,
               venue,
               sum(quantity) AS quantity,
               sum(cost) AS cost,
               sum(realized_pnl) AS realized_pnl,
               CASE WHEN count(unrealized_pnl) = count(*) THEN sum(unrealized_pnl) END AS unrealized_pnl,
               max(updated_at) AS updated_at
          FROM unified_positions
         GROUP BY product_id, settlement_asset, venue) AS by_venue
 GROUP BY product_id, settlement_asset;
