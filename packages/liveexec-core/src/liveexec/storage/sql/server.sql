-- What is asked of a server before it is trusted, and of its processes when one was lost.

-- name: backends
-- This connection's server process, and those of $1 (pids) that are still there.
SELECT pid, backend_start
  FROM pg_stat_activity
 WHERE pid = pg_backend_pid() OR pid = ANY($1::int[]);

-- name: end_backend
-- End a server process of ours and wait for its end, at most $3 milliseconds. No row: it has ended already.
SELECT pg_terminate_backend(pid, $3) AS ended
  FROM pg_stat_activity
 WHERE pid = $1 AND backend_start = $2;

-- name: settings
-- The settings without which an acknowledged commit may be lost, the server's version and the role.
SELECT current_setting('server_version_num')::int AS version,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       pg_is_in_recovery() AS is_standby,
       current_user::text AS role;

-- name: has_version_table
SELECT to_regclass('liveexec_schema_version') IS NOT NULL;

-- name: revision
SELECT version_num FROM liveexec_schema_version;

-- name: missing_rights
-- Which of the rights ($1 tables, $2 privileges) the role lacks.
SELECT wanted.relation, wanted.privilege
  FROM unnest($1::text[], $2::text[]) AS wanted(relation, privilege)
 WHERE NOT has_table_privilege(wanted.relation, wanted.privilege)
 ORDER BY wanted.relation, wanted.privilege;
