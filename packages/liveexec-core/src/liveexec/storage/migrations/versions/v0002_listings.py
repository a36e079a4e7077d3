"""How venues list instruments, for readers of the tables."""

from importlib import resources
from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.execute(_read("v0002_upgrade.sql"))


def downgrade() -> None:
    op.execute(_read("v0002_downgrade.sql"))


def _read(name: str) -> str:
    return resources.files("liveexec.storage.migrations").joinpath("versions", name).read_text(encoding="utf-8")
