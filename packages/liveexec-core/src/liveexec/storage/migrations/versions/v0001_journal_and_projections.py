"""The journal, its heads, and the tables that are projected from it."""

from importlib import resources
from typing import Final

from alembic import op

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.execute(_read("v0001_upgrade.sql"))


def downgrade() -> None:
    op.execute(_read("v0001_downgrade.sql"))


def _read(name: str) -> str:
    return resources.files("liveexec.storage.migrations").joinpath("versions", name).read_text(encoding="utf-8")
