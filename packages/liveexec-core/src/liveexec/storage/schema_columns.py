"""The columns that tables are made of, and what holds the tables together."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB

__all__ = [
    "document_column",
    "flag_column",
    "id_column",
    "metadata",
    "money_column",
    "number_column",
    "text_column",
]

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def id_column(name: str, *, nullable: bool = False) -> Column[str]:
    """An identifier."""
    return Column(name, Text(collation="C"), nullable=nullable)


def text_column(name: str, *, nullable: bool = True) -> Column[str]:
    """Text for people."""
    return Column(name, Text, nullable=nullable)


def money_column(name: str, *, nullable: bool = True) -> Column[Any]:
    """An amount, kept exactly or refused."""
    return Column(name, Numeric(36, 18), nullable=nullable)


def number_column(name: str, *, nullable: bool = False) -> Column[int]:
    """A count, a position or a time in nanoseconds."""
    return Column(name, BigInteger, nullable=nullable)


def flag_column(name: str) -> Column[bool]:
    """A yes or no."""
    return Column(name, Boolean, nullable=False)


def document_column(name: str, *, nullable: bool = True) -> Column[Any]:
    """JSON in its binary form."""
    return Column(name, JSONB, nullable=nullable)
