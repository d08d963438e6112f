"""Which versions lie in which pack, and every file that the catalog names, whatever kind it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, delete, exists, func, inspect, literal, null, select, union_all, update

from storage import cold, damage
from storage.lake import files
from storage.packing import Place
from storage.prepared import Prepared
from storage.tables import LakeMember, LakePack
from storage.upsert import upsert

packs = LakePack.__table__
members = LakeMember.__table__

_joined = members.join(packs, packs.c.path == members.c.pack).join(files, files.c.path == members.c.path)
_place = (packs.c.path.label("pack"), packs.c.sha256, packs.c.bytes, members.c.first_row, files.c.rows, packs.c.cold)
_by_path = Prepared(select(*_place).select_from(_joined).where(members.c.path == bindparam("path")))
_in_a_pack = exists().where(members.c.path == files.c.path)


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of the lake: a version by itself, or a pack."""

    path: str
    dataset: str
    partition: date  # of a version, the first day of a pack's month
    sha256: str
    bytes: int
    rows: int | None
    run_id: int | None  # that published it; None for a pack
    cold: str | None  # where a pack lies in the cold: then the lake need not have it


@dataclass(frozen=True, slots=True)
class Catalogued:
    """Where versions lie, as a database says (`Places`)."""

    reading: Callable[[], AbstractContextManager[Connection]]

    def place_of(self, path: str) -> Place | None:
        """Return where the version of that path lies as of now; None when it has a file of its own, or is not known."""
        with self.reading() as connection:
            return place_of(connection, path)

    def fetch(self, place: Place) -> bytes:
        """Return a pack out of the cold; raises `OSError` when it cannot be had now."""
        return cold.get(place.cold or "")


def place_of(connection: Connection, path: str) -> Place | None:
    """Return the place of a version in a pack, or None."""
    row = _by_path.one(connection, {"path": path})
    return None if row is None else Place(**row)


def places(connection: Connection, dataset: str) -> dict[str, Place]:
    """Return the places of all versions of a dataset that lie in packs, by their paths."""
    query = select(members.c.path, *_place).select_from(_joined).where(packs.c.dataset == dataset)
    return {row[0]: Place(*row[1:]) for row in connection.execute(query)}


def of_pack(connection: Connection, pack: str) -> Sequence[RowMapping]:
    """Return the catalog rows of the versions in a pack, in their order, each with its `first_row`."""
    query = select(files, members.c.first_row).select_from(_joined).where(packs.c.path == pack)
    return connection.execute(query.order_by(members.c.first_row, files.c.path)).mappings().all()


def one(connection: Connection, path: str) -> Stored | None:
    """Return a pack as a file of the lake, or None."""
    row = connection.execute(_as_files().where(packs.c.path == path)).one_or_none()
    return None if row is None else Stored(*row)


def listed(connection: Connection, *conditions: Any) -> Sequence[RowMapping]:
    """Return packs, oldest month first."""
    return connection.execute(select(packs).where(*conditions).order_by(packs.c.month, packs.c.path)).mappings().all()


def in_the_cold(connection: Connection, *, dataset: str | None = None, month: date | None = None) -> Sequence[RowMapping]:
    """Return the packs that lie in the cold, those of a dataset or of a month or all; oldest month first."""
    wanted: list[Any] = [packs.c.cold.is_not(None)]
    wanted += [packs.c.dataset == dataset] if dataset is not None else []
    wanted += [packs.c.month == month] if month is not None else []
    return listed(connection, *wanted)


def month_of(connection: Connection, dataset: str, since: date, before: date) -> Sequence[RowMapping]:
    """Return every version of a dataset with a partition in a month, oldest first, each with the pack that it lies in."""
    query = select(files, members.c.pack, members.c.first_row).select_from(files.outerjoin(members, members.c.path == files.c.path))
    query = query.where(files.c.dataset == dataset, files.c.partition >= since, files.c.partition < before)
    return connection.execute(query.order_by(files.c.partition, files.c.created_at, files.c.path)).mappings().all()


def placed(connection: Connection, before: date) -> Sequence[Any]:
    """Return path, dataset, partition, is_current, bytes and pack of every version before a date, one dataset after the other."""
    columns = (files.c.path, files.c.dataset, files.c.partition, files.c.is_current, files.c.bytes, members.c.pack)
    query = select(*columns).select_from(files.outerjoin(members, members.c.path == files.c.path)).where(files.c.partition < before)
    return connection.execute(query.order_by(files.c.dataset, files.c.partition)).all()


def stored(connection: Connection, *, after: str = "", limit: int | None = None) -> Sequence[Stored]:
    """Return the files that the catalog names, by path: versions that have one, and packs. A database of before packs has only the one."""
    kinds = [
        select(*(files.c[name] for name in ("path", "dataset", "partition", "sha256", "bytes", "rows", "run_id")), null().label("cold"))
    ]
    if inspect(connection).has_table(packs.name):
        kinds = [kinds[0].where(~_in_a_pack), _as_files()]
    query = union_all(*(kind.where(next(iter(kind.selected_columns)) > after) for kind in kinds)).order_by("path").limit(limit)
    return [Stored(*row) for row in connection.execute(query)]


def _as_files() -> Select[Any]:
    names = (packs.c.path, packs.c.dataset, packs.c.month.label("partition"), packs.c.sha256, packs.c.bytes, packs.c.rows)
    return select(*names, null().label("run_id"), packs.c.cold)


def astray(connection: Connection) -> Sequence[str]:
    """Return the paths of versions whose pack is none that the catalog has, or that the catalog does not have themselves."""
    if not inspect(connection).has_table(packs.name):
        return []
    known = exists().where(packs.c.path == members.c.pack) & exists().where(files.c.path == members.c.path)
    return connection.execute(select(members.c.path).where(~known)).scalars().all()


def count_stored(connection: Connection) -> int:
    """Return how many files the catalog names."""
    loose = select(func.count()).select_from(files).where(~_in_a_pack)
    return int(connection.execute(loose).scalar_one() + connection.execute(select(func.count()).select_from(packs)).scalar_one())


def packs_by_member(connection: Connection) -> dict[str, str]:
    """Return the pack of every version that has no file of its own, by its path."""
    return {row.path: row.pack for row in connection.execute(select(members.c.path, members.c.pack))}


def book(connection: Connection, pack: Mapping[str, Any], holds: Sequence[tuple[str, int]]) -> None:
    """Let versions lie in a new pack, each from its first row on, wherever they lay before; a pack that is left without any is gone."""
    connection.execute(packs.insert(), [dict(pack)])
    upsert(connection, members, [{"path": path, "pack": pack["path"], "first_row": first} for path, first in holds], key=["path"])
    for path, _ in holds:
        damage.forget(connection, path)
    clear(connection)


def unpack(connection: Connection, paths: Sequence[str]) -> None:
    """Let versions lie in files of their own again."""
    for path in paths:
        connection.execute(delete(members).where(members.c.path == path))
    clear(connection)


def clear(connection: Connection) -> None:
    """Forget packs in which no version lies any more."""
    empty = select(packs.c.path).where(~exists().where(members.c.pack == packs.c.path))
    for path in connection.execute(empty).scalars().all():
        connection.execute(delete(packs).where(packs.c.path == path))
        damage.forget(connection, path)


def cool(connection: Connection, path: str, *, location: str, step_id: int) -> None:
    """Say that a pack lies in the cold."""
    connection.execute(update(packs).where(packs.c.path == path).values(cold=location, cooled_by=step_id))


def warm(connection: Connection, path: str, *, at: datetime) -> None:
    """Say that a pack lies in the lake again."""
    connection.execute(update(packs).where(packs.c.path == path).values(cold=None, cooled_by=None, restored_at=at))


def sums(connection: Connection) -> Mapping[str, int]:
    """Return how much lies where: versions, files of their own with their bytes, packs with theirs, and of these what is in the cold."""
    loose = select(func.count(), func.coalesce(func.sum(files.c.bytes), 0)).where(~_in_a_pack)
    is_cold = func.coalesce(packs.c.cold, literal("")) != ""
    packed = select(
        func.count(),
        func.coalesce(func.sum(packs.c.bytes), 0),
        func.count().filter(is_cold),
        func.coalesce(func.sum(packs.c.bytes).filter(is_cold), 0),
    ).select_from(packs)
    names = ("files", "bytes", "packs", "pack_bytes", "cold_packs", "cold_bytes")
    first, second = connection.execute(loose).one(), connection.execute(packed).one()
    found = {"versions": int(connection.execute(select(func.count()).select_from(files)).scalar_one())}
    return found | {name: int(value) for name, value in zip(names, (*first, *second), strict=True)}
