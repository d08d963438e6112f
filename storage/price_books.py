"""Versions of the price book: nothing is overwritten, and the newest one is in force."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select

from storage.prepared import Prepared
from storage.tables import PriceBookVersion, PriceRow

books = PriceBookVersion.__table__
rows = PriceRow.__table__

_newest = Prepared(select(func.max(books.c.id).label("id")))


def newest(connection: Connection) -> int | None:
    """Return the version that is in force; None while nobody needed one."""
    version: int | None = _newest.the_one(connection, {})["id"]
    return version


def add(connection: Connection, prices: Sequence[Mapping[str, Any]], **values: Any) -> int:
    """Write a version with its prices (columns of `price_row` but the version) and return its number: it is in force from now on."""
    version: int = connection.execute(insert(books).values(values).returning(books.c.id)).scalar_one()
    connection.execute(insert(rows), [{**price, "book_id": version} for price in prices])
    return version


def one(connection: Connection, version: int) -> RowMapping | None:
    """Return what is known of a version, without its prices, or None."""
    return connection.execute(select(books).where(books.c.id == version)).mappings().one_or_none()


def newest_named(connection: Connection, name: str) -> int | None:
    """Return the newest version of a book, or None."""
    found: int | None = connection.execute(select(func.max(books.c.id)).where(books.c.name == name)).scalar_one()
    return found


def prices_of(connection: Connection, version: int) -> Sequence[RowMapping]:
    """Return the prices of a version, by key."""
    query = select(*(column for column in rows.c if column.name != "book_id")).where(rows.c.book_id == version)
    return connection.execute(query.order_by(rows.c.key)).mappings().all()


def history(connection: Connection, *, limit: int = 50) -> Sequence[RowMapping]:
    """Return the newest versions first, without their prices."""
    return connection.execute(select(books).order_by(books.c.id.desc()).limit(limit)).mappings().all()
