"""Alembic's environment: writes the statements of the asked revisions, which asyncpg runs in one transaction."""

from alembic import context

from liveexec.storage.schema import metadata
from liveexec.storage.schema_names import VERSION_TABLE

context.configure(
    # asyncpg's dialect leaves percent signs and literals in DDL as they are.
    dialect_name="postgresql+asyncpg",
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    literal_binds=True,
    # The caller's transaction holds all of it, together with the lock that keeps two upgrades apart.
    transactional_ddl=False,
)
context.run_migrations()
