"""Ties a database to the lake whose files its catalog names: both carry one random id, given when they are first opened together."""

from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert, select

from storage.database import Database
from storage.durable import put
from storage.lake import files
from storage.tables import LakeIdentity

FILE = "identity"  # inside the lake: it goes where the files go, into a backup as onto a file system that machines share
LOOKED_FOR = 10  # a file or two of a lake may be lost
identities = LakeIdentity.__table__

_own = select(identities.c.id)


class ForeignLake(Exception):
    """The lake is not the one that the catalog in the database speaks of; the text says how that shows."""


def tie(database: Database, lake: Path) -> None:
    """Make sure that a database and a lake belong together, and tie those that were never opened before.

    A lake may be given a new database (its files are then unknown to it); a database is never given another lake. Raises `ForeignLake`.
    """
    with database.reading() as connection:
        own = connection.execute(_own).scalar_one_or_none()
    if own is None:
        own = _tie_first(database, lake)
    found = _read(lake)  # after the database: whoever ties the two writes the file first
    if found is None:
        raise ForeignLake(
            f"the database belongs to the lake {own}, and {lake} has no file {FILE!r}: it is another lake, or the files are gone"
        )
    if found != own:
        raise ForeignLake(f"the database belongs to the lake {own}, and {lake} is the lake {found}")


def _tie_first(database: Database, lake: Path) -> str:
    """Give both the same id, that of the lake if it has one; return it."""
    with database.transaction() as connection:
        database.serialise(connection, "identity")
        own = connection.execute(_own).scalar_one_or_none()
        if own is not None:  # another process was faster
            return str(own)
        listed = connection.execute(select(files.c.path).where(files.c.is_current).limit(LOOKED_FOR)).scalars().all()
        if listed and not any((lake / path).exists() for path in listed):  # it was filled before databases had an identity
            raise ForeignLake(f"the database lists {listed[0]} and others, and {lake} does not hold them")
        found = _read(lake)
        if found is None:
            found = uuid4().hex
            put(lake, FILE, f"{found}\n".encode())  # on the disk before the database speaks of it
        connection.execute(insert(identities).values(id=found))
        return found


def _read(lake: Path) -> str | None:
    try:
        return (lake / FILE).read_text(encoding="ascii", errors="replace").strip() or None
    except FileNotFoundError:
        return None
