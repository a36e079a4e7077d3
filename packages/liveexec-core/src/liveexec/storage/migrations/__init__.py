"""The schema's revisions. They are applied by :mod:`liveexec.storage.migrate`, without an ini file."""

from typing import Final

__all__ = ["HEAD"]

#: The revision that this code needs. (Asking alembic for it would import it and SQLAlchemy wherever a store opens.)
HEAD: Final = "0002"
