"""Replays a session's floorsheet in the order in which it was traded."""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np

from engine.clock import Clock
from engine.errors import NoFile, SourceMisconfigured, SourceUnavailable
from engine.market.floorsheet import MAX_BYTES, Floorsheet, read_floorsheet
from engine.market.unpack import too_large
from engine.stream.records import Records, Unread
from engine.stream.sources.schedule import Pace, ScheduledReader
from engine.stream.sources.source import Sleep
from engine.stream.ticks import Ints, Ticks

_NAMED_DIGITS = 12  # of the sha256, as in the lake


class FloorsheetReplay:
    """Floorsheets named `YYYY-MM-DD.csv.gz` (or `YYYY_MM_DD`, or not packed) in `floorsheet/` under a root.

    A trade is taken in at the instant at which it was traded, whatever the speed: so every replay gives the same log. Lines that could
    not be read come first.
    """

    name: ClassVar[str] = "floorsheet"
    simulated: ClassVar[bool] = False
    continuous: ClassVar[bool] = False

    def __init__(self, root: Path, clock: Clock, sleep: Sleep, *, speed: float | None) -> None:
        self._folder = root / "floorsheet"
        self._clock, self._sleep, self._speed = clock, sleep, speed

    def open(self, session: date, position: str | None) -> ScheduledReader:
        """Return a reader of the file of `session`; raises `NoFile` where there is none, and what `read_floorsheet` raises."""
        path = self._path(session)
        content = self._bytes(path)
        sheet = read_floorsheet(content, path.name)
        if sheet.session != session:
            raise SourceMisconfigured(
                f"{path} holds the trades of {sheet.session}, not those of {session}. Give it the name of its session."
            )
        pace = Pace(self._clock, self._sleep, self._speed)
        return ScheduledReader(replayed(sheet), pace, of=sha256(content).hexdigest()[:_NAMED_DIGITS], position=position)

    def sessions(self) -> Sequence[date]:
        """Return the dates that there are files of, oldest first."""
        try:
            stems = {path.name.partition(".")[0].replace("_", "-") for path in self._folder.iterdir() if ".csv" in path.suffixes}
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unreadable(error) from error
        return sorted(day for stem in stems if (day := _date(stem)) is not None)

    def _path(self, session: date) -> Path:
        names = [f"{session:%Y{by}%m{by}%d}.csv{packed}" for by in "-_" for packed in (".gz", "")]
        try:
            found = [path for name in names if (path := self._folder / name).is_file()]
            if not found and not self._folder.is_dir():
                raise SourceMisconfigured(
                    f"There is no folder {self._folder}. Set NEPSE_SOURCE_DIR to the folder that holds floorsheet/{names[0]}."
                )
        except OSError as error:
            raise self._unreadable(error) from error
        if not found:
            raise NoFile(f"There is no floorsheet of {session} in {self._folder} ({names[0]}).")
        if len(found) > 1:
            raise SourceMisconfigured(f"Two files claim {session}: {found[0]} and {found[1]}. Take one of them away.")
        return found[0]

    def _bytes(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise self._unreadable(error) from error
        if len(content) > MAX_BYTES:
            raise too_large(content, path.name, most=MAX_BYTES)
        return content

    def _unreadable(self, error: OSError) -> SourceUnavailable:
        return SourceUnavailable(f"The folder {self._folder} cannot be read now ({error}). Is it mounted and readable?")


def replayed(sheet: Floorsheet) -> Records:
    """Return what a floorsheet holds as a stream would have given it: by (time, contract), what cannot be read before all else."""
    ticks, bad = sheet.ticks.in_order(), len(sheet.bad)
    unread = tuple(Unread(row, line.raw, f"line {line.line}: {line.reason}") for row, line in enumerate(sheet.bad))
    ingest = np.concatenate([np.full(bad, ticks.time[0]), ticks.time])
    return Records(_behind(ticks, bad) if bad else ticks, sheet.symbols, ingest, unread)


def _behind(ticks: Ticks, count: int) -> Ticks:
    """Return ticks behind so many rows of zeros."""

    def padded(column: Ints) -> Ints:
        return np.concatenate([np.zeros(count, column.dtype), column])

    symbol = np.concatenate([np.zeros(count, np.uint16), ticks.symbol])
    return Ticks(padded(ticks.contract), padded(ticks.time), symbol, padded(ticks.quantity), padded(ticks.rate))


def _date(stem: str) -> date | None:
    try:
        return date.fromisoformat(stem)
    except ValueError:
        return None
