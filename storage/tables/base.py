"""The root of the tables, and the columns that they are made of."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from storage.types import Json, UtcDateTime

# SQLite counts up only an INTEGER key; PostgreSQL needs the wide one.
Identity = BigInteger().with_variant(Integer, "sqlite")


class Base(SQLModel, registry=registry()):  # an own registry survives a reload of this module
    """Root of the tables."""

    __table__: ClassVar[Table]


def identity() -> Any:
    """Return a key that counts up."""
    return Field(default=None, sa_column=Column(Identity, primary_key=True, autoincrement=True))


def instant(*, nullable: bool = True) -> Any:
    """Return an instant, in UTC."""
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def long_text(*, nullable: bool = True) -> Any:
    """Return text of any length."""
    return Field(default=None, sa_column=Column(Text, nullable=nullable))


def word(length: int = 32, *, nullable: bool = True, key: bool = False) -> Any:
    """Return text of at most `length` characters."""
    return Field(default=None, sa_column=Column(String(length), nullable=nullable, primary_key=key))


def count(default: int | None = None) -> Any:
    """Return a whole number that may be large; without a default it may be missing."""
    return Field(default=default, sa_column=Column(BigInteger, nullable=default is None))


def required() -> Any:
    """Return a whole number that must be given."""
    return Field(sa_column=Column(BigInteger, nullable=False))


def only_where(condition: str) -> Any:
    """Return the options of an index that holds only some rows."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def document() -> Any:
    """Return a small JSON document."""
    return Field(default=None, sa_column=Column(Json, nullable=True))
