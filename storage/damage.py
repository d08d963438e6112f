"""Lake files that were found missing or not what was published, until they are whole again or nobody reads them any more."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import Connection, RowMapping, delete, exists, or_, select

from storage.lake import files
from storage.tables import LakeDamage, LakeMember
from storage.upsert import upsert

damage = LakeDamage.__table__
members = LakeMember.__table__
_current = exists().where(files.c.path == damage.c.path, files.c.is_current)
_holds_current = exists().where(members.c.pack == damage.c.path, members.c.path == files.c.path, files.c.is_current)


class Damaged(Protocol):
    """What is noted of a file."""

    @property
    def path(self) -> str:
        """Where it lies."""
        ...

    @property
    def dataset(self) -> str:
        """What it belongs to."""
        ...

    @property
    def partition(self) -> date:
        """The date that it is of, the first of its month where it is a pack."""
        ...


def record(connection: Connection, version: Damaged, *, run_id: int | None, reason: str, at: datetime) -> None:
    """Note that a file is damaged."""
    row = {"path": version.path, "dataset": version.dataset, "partition": version.partition, "run_id": run_id}
    upsert(connection, damage, [row | {"reason": reason, "found_at": at}], key=["path"])


def forget(connection: Connection, path: str) -> None:
    """Note that a file is whole."""
    connection.execute(delete(damage).where(damage.c.path == path))


def known(connection: Connection, *, limit: int = 100) -> Sequence[RowMapping]:
    """Return the damaged files that are or hold what is current, oldest finding first; what was replaced since, nobody reads any more."""
    query = select(damage).where(or_(_current, _holds_current))
    return connection.execute(query.order_by(damage.c.found_at, damage.c.path).limit(limit)).mappings().all()


def paths(connection: Connection) -> frozenset[str]:
    """Return the paths of all files that are known to be damaged."""
    return frozenset(connection.execute(select(damage.c.path)).scalars())
