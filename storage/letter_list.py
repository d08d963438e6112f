"""Dead letters as pages and exports need them: those of one run, whole ones by id, and the files that they came in."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, RowMapping, bindparam, or_, select

from storage.lake import Version, as_version
from storage.tables import DeadLetter, LakeFile

letters = DeadLetter.__table__
files = LakeFile.__table__

_of_run = (
    letters.c.pipeline == bindparam("pipeline"),
    letters.c.partition == bindparam("partition"),
    or_(
        letters.c.run_id == bindparam("run_id"),
        letters.c.first_run_id == bindparam("run_id"),
        letters.c.resolved_run_id == bindparam("run_id"),
    ),
)
_touched = select(letters.c.id).where(*_of_run).order_by(letters.c.id).limit(bindparam("most"))
_bronze = (
    select(files)
    .where(files.c.dataset == "bronze", files.c.partition == bindparam("partition"), files.c.sha256 == bindparam("sha256"))
    .order_by(files.c.created_at.desc())
    .limit(1)
)


def of_run(connection: Connection, pipeline: str, partition: date, run_id: int, *, most: int) -> Sequence[int]:
    """Return the letters that a run found, saw again or resolved, by id."""
    asked = {"pipeline": pipeline, "partition": partition, "run_id": run_id, "most": most}
    return connection.execute(_touched, asked).scalars().all()


def whole(connection: Connection, ids: Sequence[int]) -> Sequence[RowMapping]:
    """Return these letters with all their bytes, newest first."""
    return connection.execute(select(letters).where(letters.c.id.in_(ids)).order_by(letters.c.id.desc())).mappings().all()


def bronze_of(connection: Connection, partition: date, sha256: str) -> Version | None:
    """Return the bytes of a date that have this checksum, current or not, or None."""
    row = connection.execute(_bronze, {"partition": partition, "sha256": sha256}).mappings().one_or_none()
    return None if row is None else as_version(row)
