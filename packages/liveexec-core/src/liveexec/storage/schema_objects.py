"""What the schema has beside tables: functions, triggers and the view, in the order in which they are made."""

from typing import Final

from sqlalchemy import create_mock_engine
from sqlalchemy.schema import ExecutableDDLElement

from liveexec.storage.schema import metadata

__all__ = ["SCHEMA_OBJECTS", "create_statements"]

#: Microseconds times an interval is exact: they stay below 2**53 until the year 2255.
TIME_FUNCTION: Final = """\
CREATE FUNCTION liveexec_time(ns bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (timestamp '1970-01-01' + (ns / 1000) * interval '1 microsecond') AT TIME ZONE 'UTC'"""

APPEND_ONLY_FUNCTION: Final = """\
CREATE FUNCTION liveexec_append_only() RETURNS trigger
    LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$"""

JOURNAL_TRIGGER: Final = """\
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION liveexec_append_only()"""

AUDIT_TRIGGER: Final = """\
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION liveexec_append_only()"""

#: A product's position over venues, accounts and strategies. Results add up within one settlement asset only.
PRODUCT_VIEW: Final = """\
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
 GROUP BY product_id, settlement_asset"""

SCHEMA_OBJECTS: Final = (TIME_FUNCTION, APPEND_ONLY_FUNCTION, JOURNAL_TRIGGER, AUDIT_TRIGGER, PRODUCT_VIEW)


def create_statements() -> list[str]:
    """The statements that make the whole schema in an empty database, in order."""
    statements: list[str] = []

    def note(element: ExecutableDDLElement, *_: object, **__: object) -> None:
        statements.append(str(element.compile(dialect=engine.dialect)).strip())

    engine = create_mock_engine("postgresql+asyncpg://", note)
    metadata.create_all(engine, checkfirst=False)
    return [*statements, *SCHEMA_OBJECTS]
