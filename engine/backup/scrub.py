"""Reads the lake again, slice by slice, and notes which files are missing or not what was published.

Between two slices it rests, so that reading the whole lake never takes a disk from those who need it now; where it was stopped it goes on.
At the end it removes what killed processes have left.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from engine.backup.inspection import entry_of, wrong, wrong_in_cold
from engine.lifecycle.tidying import tidy
from engine.runtime import Runtime
from storage import damage, packs, runs
from storage.packs import Stored

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
    while True:
        with runtime.lake.kept():  # a month that is packed between the look and the reading is no damage
            piece = _slice(runtime, progress.after)
            size = _read(runtime, piece, progress) if piece else 0
        if not piece:
            break
        tell(progress.as_json())
        rest(size / RATE)
    progress.removed = clear_up(runtime)
    return progress


def clear_up(runtime: Runtime) -> int:
    """Remove the files that killed processes left in the lake, which no row names; return how many. Nothing while a run is at work.

    A run's file is in the lake before its row. So no file is taken that is younger than a day, and none that a run may still publish: what
    is listed before a look at the database that finds no run at work, no run is going to publish any more.
    """
    removed = tidy(runtime, patience=0).files  # of the lifecycle: that of versions in packs, and packs without a row
    there = runtime.lake.files_before(runtime.clock.now() - UNCLAIMED)
    with runtime.database.reading() as connection:
        if runs.running(connection):
            return removed
        named = {file.path for file in packs.stored(connection)} | packs.packs_by_member(connection).keys()
    left = there - named
    for path in left:
        (runtime.lake.folder / path).unlink(missing_ok=True)
    return len(left) + removed


def _count(runtime: Runtime) -> int:
    with runtime.database.reading() as connection:
        return packs.count_stored(connection)


def _slice(runtime: Runtime, after: str) -> Sequence[Stored]:
    """Return the next files by path, as many as make up a slice."""
    with runtime.database.reading() as connection:
        rows = packs.stored(connection, after=after, limit=_MOST_FILES)
    taken, size = 0, 0
    for row in rows:
        taken, size = taken + 1, size + row.bytes
        if size >= SLICE:
            break
    return rows[:taken]


def _read(runtime: Runtime, piece: Sequence[Stored], progress: Progress) -> int:
    """Compare the files of a slice, and write down what changed about them; return the bytes that were read."""
    with runtime.database.reading() as connection:
        known = damage.paths(connection)
    found = {file.path: _wrong(runtime, file) for file in piece}
    changed = [file for file in piece if found[file.path] is not None or file.path in known]
    if changed:
        with runtime.database.transaction() as connection:
            for file in changed:
                what = found[file.path]
                if what is None:
                    damage.forget(connection, file.path)
                else:
                    damage.record(connection, file, run_id=file.run_id, reason=what, at=runtime.clock.now())
    size = sum(file.bytes for file in piece)
    progress.after, progress.files, progress.bytes = piece[-1].path, progress.files + len(piece), progress.bytes + size
    progress.findings += sum(what is not None for what in found.values())
    progress.mended += sum(found[file.path] is None for file in changed)
    return size


def _wrong(runtime: Runtime, file: Stored) -> str | None:
    place = runtime.lake.folder / file.path
    return wrong_in_cold(file) if file.cold is not None and not place.is_file() else wrong(place, entry_of(file))
