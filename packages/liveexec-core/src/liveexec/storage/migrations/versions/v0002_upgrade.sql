-- Frozen: a change of the schema is a new revision.

CREATE TABLE listings (
    canonical_id TEXT COLLATE "C" NOT NULL,
    tick NUMERIC(36, 18) NOT NULL,
    lot NUMERIC(36, 18) NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT listings_pkey PRIMARY KEY (canonical_id)
);
