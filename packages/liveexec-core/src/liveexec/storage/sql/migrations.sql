-- What an upgrade or downgrade of the schema runs beside the revisions themselves.

-- name: lock
-- Held until the transaction ends; the number is arbitrary and only ours.
SELECT pg_advisory_xact_lock(5480911530206517);

-- name: drop_version_table
DROP TABLE IF EXISTS liveexec_schema_version;
