"""A folder of daily files as a source, with the optional folders of reference tables beside them."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from engine.clock import Clock
from engine.errors import FileUnsettled, SourceMisconfigured, SourceUnavailable
from engine.market.reference import Reference
from engine.market.unpack import MAX_BYTES, too_large
from engine.sources import reference_files
from engine.sources.source import SourceFile

_DATED = re.compile(r"(\d{4})[_-](\d{2})[_-](\d{2})\.csv(\.gz)?")

# Part of the reference -> where its table stands, and what reads it.
_TABLES: Mapping[str, tuple[str, Callable[[Path], Mapping[Any, Any]]]] = {
    "calendar": ("calendar/trading_calendar.csv", reference_files.calendar),
    "control": ("control/market_summary.csv", reference_files.control),
    "index": ("index/nepse_index.csv", reference_files.index),
    "securities": ("securities/company_info.csv", reference_files.securities),
    "book_closures": ("corporate_actions/dividends.csv", reference_files.book_closures),
}

SETTLES = timedelta(seconds=2)  # whoever writes a file on this or another machine writes something in that time
_Stamp = tuple[int, int]  # time of change and size: what tells that a file is another


class DailyFolder:
    """Daily files named `YYYY_MM_DD.csv.gz` (or `YYYY-MM-DD`, or not packed) in `daily/` under a root.

    Files may be added while it is in use. Beside `daily/` each of the reference tables is optional.
    """

    name: ClassVar[str] = "files"
    simulated: ClassVar[bool] = False

    def __init__(self, root: Path, clock: Clock | None = None) -> None:
        self._root = root
        self._clock = clock  # with one, a file that was changed a moment ago is not taken yet
        self._was_there = False
        self._daily = root / "daily"
        self._parts = {part: (root / where, read) for part, (where, read) in _TABLES.items()}
        self._tables: dict[str, tuple[_Stamp, Mapping[Any, Any]]] = {}
        self._reference: Reference | None = None

    def daily_file(self, day: date) -> SourceFile | None:
        """Return the file dated `day`, or None; raises `SourceMisconfigured` where two files claim the date or there never was a `daily/`.

        Raises `FileUnsettled` for one that is still being written: it changes between two looks, or was changed a moment ago.
        """
        with self._disk():
            found = [path for path in _candidates(self._daily, day) if path.is_file()]
            if not found:
                self._require_daily()
                return None
            _refuse_two(day, found)
            self._was_there = True
            return self._settled(found[0])

    def span(self) -> tuple[date, date] | None:
        """Return the first and the last date that a file is named for, or None; other files in `daily/` are none of its business."""
        with self._disk():
            self._require_daily()
            dated: dict[date, Path] = {}
            for path in sorted(self._daily.iterdir()):
                if day := _date_of(path):
                    _refuse_two(day, [dated.setdefault(day, path), path] if day in dated else [path])
                    dated[day] = path
        return (min(dated), max(dated)) if dated else None

    def reference(self) -> Reference:
        """Return what stands beside the daily files; a table is read again only when its time of change or size is another.

        Raises `SourceMisconfigured` naming file, line and column of a cell that cannot be read.
        """
        with self._disk():
            changed = [self._refresh(part) for part in _TABLES]
        if self._reference is None or any(changed):
            self._reference = Reference(**{part: table for part, (_, table) in self._tables.items()})
        return self._reference

    def _refresh(self, part: str) -> bool:
        path, read = self._parts[part]
        try:
            stat = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return self._tables.pop(part, None) is not None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if part in self._tables and self._tables[part][0] == stamp:
            return False
        self._tables[part] = (stamp, read(path))
        return True

    def _settled(self, path: Path) -> SourceFile:
        before = _stamp(path)
        file = read_daily_file(path)
        after = _stamp(path)
        age = abs(self._clock.now().timestamp() - after[0] / 1e9) if self._clock else None
        if before != after or (age is not None and age < SETTLES.total_seconds()):
            raise FileUnsettled(f"{path.name} is still being written")
        return file

    def _require_daily(self) -> None:
        if self._daily.is_dir():
            self._was_there = True
        else:
            missing = self._daily if self._root.is_dir() else self._root
            if self._was_there:
                raise SourceUnavailable(f"The folder {missing} was there and is gone. Is it mounted?")
            raise SourceMisconfigured(
                f"There is no folder {missing}. Set NEPSE_SOURCE_DIR to the folder that holds daily/YYYY_MM_DD.csv.gz."
            )

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SourceUnavailable(f"The folder {self._root} cannot be read now ({error}). Is it mounted and readable?") from error


@lru_cache(maxsize=16)  # a run asks twice
def _candidates(folder: Path, day: date) -> tuple[Path, ...]:
    return tuple(folder / f"{day:%Y{by}%m{by}%d}.csv{packed}" for by in "_-" for packed in (".gz", ""))


def read_daily_file(path: Path) -> SourceFile:
    """Read a file, but no more of it than a daily file can have: raises `UnreadableFile` for a larger one, and `OSError` as it comes."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise too_large(content, path.name)
    return SourceFile(path.name, content)


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _date_of(path: Path) -> date | None:
    match = _DATED.fullmatch(path.name)
    if match is None:
        return None
    try:
        return date(*map(int, match.groups()[:3]))
    except ValueError as error:
        raise SourceMisconfigured(f"{path} is named for a date that does not exist. Rename it.") from error


def _refuse_two(day: date, paths: list[Path]) -> None:
    if len(paths) > 1:
        raise SourceMisconfigured(f"Two files claim {day}: {paths[0]} and {paths[1]}. Take one of them away.")
