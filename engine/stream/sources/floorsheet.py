"""Replays a session's floorsheet in the order in which it was traded."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import ClassVar

import numpy as np

from engine.clock import Clock
from engine.errors import SourceMisconfigured
from engine.market.floorsheet import Floorsheet
from engine.stream.records import Records, Unread
from engine.stream.sources.floorsheet_folder import FloorsheetFolder
from engine.stream.sources.schedule import Pace, ScheduledReader
from engine.stream.sources.source import Sleep
from engine.stream.ticks import Ints, Ticks

_NAMED_DIGITS = 12  # of the sha256, as in the lake


class FloorsheetReplay:
    """The sessions of a `FloorsheetFolder`.

    A trade is taken in at the instant at which it was traded, whatever the speed: so every replay gives the same log. Lines that could
    not be read come first.
    """

    name: ClassVar[str] = "floorsheet"
    simulated: ClassVar[bool] = False
    continuous: ClassVar[bool] = False

    def __init__(self, root: Path, clock: Clock, sleep: Sleep, *, speed: float | None) -> None:
        self._sheets = FloorsheetFolder(root)
        self._clock, self._sleep, self._speed = clock, sleep, speed

    def open(self, session: date, position: str | None) -> ScheduledReader:
        """Return a reader of the file of `session`; the errors are those of `FloorsheetFolder.read`."""
        folder = self._sheets.folder
        if not folder.is_dir():
            raise SourceMisconfigured(
                f"There is no folder {folder}. Set NEPSE_SOURCE_DIR to the folder that holds floorsheet/{session}.csv.gz."
            )
        sheet = self._sheets.read(session)
        pace = Pace(self._clock, self._sleep, self._speed)
        return ScheduledReader(replayed(sheet.floorsheet), pace, of=sheet.sha256[:_NAMED_DIGITS], position=position)

    def sessions(self) -> Sequence[date]:
        """Return the dates that there are files of, oldest first."""
        return self._sheets.sessions()


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
