"""Reads the lake again, slice by slice, and notes which files are missing or not what was published.

Between two slices it rests, so that reading the whole lake never takes a disk from those who need it now; where it was stopped it goes on.
At the end it removes what killed processes have left.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, select

from engine.backup.inspection import wrong
from engine.backup.manifest import Entry
from engine.runtime import Runtime
from storage import damage, runs
from storage.lake import as_version
from storage.lake import files as catalog

SLICE = 16 * 1024**2  # bytes that are read at once
RATE = 64 * 1024**2  # bytes a second at most, over all slices: half of a slow disk
UNCLAIMED = timedelta(days=1)  # a file without a row is removed when it is older
_MOST_FILES = 200  # of one slice: files are small


@dataclass(slots=True)
class Progress:
    """How far a scrub has come, and what it found."""

    after: str = ""  # the last path that was read
    files: int = 0
    bytes: int = 0
    findings: int = 0
    mended: int = 0  # found whole again
    of_files: int = 0
    removed: int = 0  # files that no row names

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def scrub(
    runtime: Runtime, *, resume: dict[str, Any] | None, tell: Callable[[dict[str, Any]], Any], rest: Callable[[float], Any]
) -> Progress:
    """Read every current file once, and the older versions behind them; `rest(seconds)` is called between slices, `tell` after each."""
    progress = Progress(**resume) if resume else Progress(of_files=_count(runtime))
    while piece := _slice(runtime, progress.after):
        size = _read(runtime, piece, progress)
        tell(progress.as_json())
        rest(size / RATE)
    progress.removed = clear_up(runtime)
    return progress


def clear_up(runtime: Runtime) -> int:
    """Remove the files that killed processes left in the lake, which no row names; return how many. Nothing while a run is at work.

    A run's file is in the lake before its row. So no file is taken that is younger than a day, and none that a run may still publish: what
    is listed before a look at the database that finds no run at work, no run is going to publish any more.
    """
    there = runtime.lake.files_before(runtime.clock.now() - UNCLAIMED)
    with runtime.database.reading() as connection:
        if runs.running(connection):
            return 0
        named = set(connection.execute(select(catalog.c.path)).scalars())
    left = there - named
    for path in left:
        (runtime.lake.folder / path).unlink(missing_ok=True)
    return len(left)


def _count(runtime: Runtime) -> int:
    with runtime.database.reading() as connection:
        return len(connection.execute(select(catalog.c.path)).all())


def _slice(runtime: Runtime, after: str) -> Sequence[RowMapping]:
    """Return the next files by path, as many as make up a slice."""
    query = select(catalog).where(catalog.c.path > after).order_by(catalog.c.path).limit(_MOST_FILES)
    with runtime.database.reading() as connection:
        rows = connection.execute(query).mappings().all()
    taken, size = 0, 0
    for row in rows:
        taken, size = taken + 1, size + row["bytes"]
        if size >= SLICE:
            break
    return rows[:taken]


def _read(runtime: Runtime, piece: Sequence[RowMapping], progress: Progress) -> int:
    """Compare the files of a slice, and write down what changed about them; return the bytes that were read."""
    with runtime.database.reading() as connection:
        known = damage.paths(connection)
    found = {row["path"]: wrong(runtime.lake.folder / row["path"], _entry(row)) for row in piece}
    changed = [row for row in piece if found[row["path"]] is not None or row["path"] in known]
    if changed:
        with runtime.database.transaction() as connection:
            for row in changed:
                what = found[row["path"]]
                if what is None:
                    damage.forget(connection, row["path"])
                else:
                    damage.record(connection, as_version(row), run_id=row["run_id"], reason=what, at=runtime.clock.now())
    size = sum(int(row["bytes"]) for row in piece)
    progress.after, progress.files, progress.bytes = piece[-1]["path"], progress.files + len(piece), progress.bytes + size
    progress.findings += sum(what is not None for what in found.values())
    progress.mended += sum(found[row["path"]] is None for row in changed)
    return size


def _entry(row: RowMapping) -> Entry:
    return Entry(row["path"], row["bytes"], row["sha256"], row["rows"])
