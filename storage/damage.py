"""Lake files that were found missing or not what was published, until they are whole again or nobody reads them any more."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, select

from storage.lake import Version, files
from storage.tables import LakeDamage
from storage.upsert import upsert

damage = LakeDamage.__table__


def record(connection: Connection, version: Version, *, run_id: int | None, reason: str, at: datetime) -> None:
    """Note that a file is damaged."""
    row = {"path": version.path, "dataset": version.dataset, "partition": version.partition, "run_id": run_id}
    upsert(connection, damage, [row | {"reason": reason, "found_at": at}], key=["path"])


def forget(connection: Connection, path: str) -> None:
    """Note that a file is whole."""
    connection.execute(delete(damage).where(damage.c.path == path))


def known(connection: Connection, *, limit: int = 100) -> Sequence[RowMapping]:
    """Return the damaged files that are current, oldest finding first; of one that was replaced since, nobody reads any more."""
    query = select(damage).join(files, files.c.path == damage.c.path).where(files.c.is_current)
    return connection.execute(query.order_by(damage.c.found_at, damage.c.path).limit(limit)).mappings().all()


def paths(connection: Connection) -> frozenset[str]:
    """Return the paths of all files that are known to be damaged."""
    return frozenset(connection.execute(select(damage.c.path)).scalars())
