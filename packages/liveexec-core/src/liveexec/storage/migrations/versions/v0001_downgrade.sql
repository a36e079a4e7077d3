-- Everything that v0001_upgrade.sql made, last first.

DROP VIEW product_positions;

DROP TABLE audit_log;
DROP TABLE strategies;
DROP TABLE stream_heads;
DROP TABLE control_state;
DROP TABLE asset_moves;
DROP TABLE account_assets;
DROP TABLE account_positions;
DROP TABLE unified_positions;
DROP TABLE fills;
DROP TABLE order_refs;
DROP TABLE operations;
DROP TABLE unified_orders;
DROP TABLE projection_head;
DROP TABLE journal_head;
DROP TABLE journal;

DROP FUNCTION liveexec_append_only();

DROP FUNCTION liveexec_time(bigint);
