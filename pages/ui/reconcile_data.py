"""Reads of the Reconcile page: which sessions there are, how each side compares with the official rows, what is missing, what is served."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import engine.runtime
from engine import reconcile_words, reconciling
from engine.errors import ConsoleError
from engine.pipelines.daily_prices import daily_prices
from engine.reconciling import Sides
from engine.stream.received import Gap
from engine.stream.reconcile import Reconciliation, Side
from pages.ui import data, tape_data
from pages.ui.shared import shared
from pages.ui.tape_data import TapeDays
from storage import runs, sessions, speed_layer, stream_letters
from storage.status import ACTIVE, RunStatus

_FOR_GOOD = 3600.0  # seconds; what is kept so long is kept by what it was made of
_MOST_STREAMED = 1000  # sessions of the stream that are offered


@dataclass(frozen=True, slots=True)
class Served:
    """What `prices` serves of a session: of which daily file, None: the stream's days; and how its newest daily run stands."""

    file_date: date | None
    accepted_by: int | None
    streamed: bool
    run_id: int | None = None
    status: RunStatus | None = None
    error: str | None = None
    error_type: str | None = None

    @property
    def batch(self) -> bool:
        """Whether the official rows are served."""
        return self.file_date is not None

    @property
    def on_its_way(self) -> bool:
        """Whether its daily run is queued or running."""
        return self.status in ACTIVE


@shared(seconds=data.CALM, entries=2)
def days() -> TapeDays:
    """Return the sessions that the stream worked on or that have a tape, newest first."""
    taped = tape_data.tape_days()
    with engine.runtime.runtime().database.reading() as connection:
        streamed = {row["session"] for row in speed_layer.recent(connection, limit=_MOST_STREAMED) if row["records"]}
    return TapeDays(tuple(sorted({*taped.days, *streamed}, reverse=True)), taped.trouble)


@shared(seconds=data.CALM, entries=50)
def sides(day: date) -> Sides:
    """Return whose trades of a session there are."""
    return reconciling.sides(engine.runtime.runtime(), day)


def reconciliation(day: date, side: Side) -> Reconciliation:
    """Return how one side of a session compares with its official rows; the errors are those of `read_tape`, or of the log."""
    if side is Side.TAPE:
        return _of_tape(day, data.settings().home, tape_data.stamp(day))
    return _of_stream(day, data.settings().home, _stamp(day))


@shared(seconds=data.CALM, entries=50)
def _stamp(day: date) -> tuple[Any, ...]:
    return reconciling.stream_stamp(engine.runtime.runtime(), day)


@shared(seconds=_FOR_GOOD, entries=20)
def _of_tape(day: date, _home: Path, _made_of: tuple[int, ...]) -> Reconciliation:
    return reconciling.reconcile(engine.runtime.runtime(), tape_data.loaded(day).tape)


@shared(seconds=_FOR_GOOD, entries=20)
def _of_stream(day: date, _home: Path, _made_of: tuple[Any, ...]) -> Reconciliation:
    return reconciling.reconcile_stream(engine.runtime.runtime(), day)


def gap(day: date) -> Gap | None:
    """Return the trades that the tape has and the stream's session has not; None where either cannot be read now."""
    try:
        return _gap(day, data.settings().home, (_stamp(day), tape_data.stamp(day)))
    except ConsoleError:
        return None


@shared(seconds=_FOR_GOOD, entries=20)
def _gap(day: date, _home: Path, _made_of: tuple[Any, ...]) -> Gap:
    return reconciling.missing_of(engine.runtime.runtime(), tape_data.loaded(day).tape)


@shared(seconds=data.CALM, entries=50)
def served(day: date) -> Served:
    """Return what is served of a session."""
    with engine.runtime.runtime().database.reading() as connection:
        accepted = sessions.one(connection, day)
        newest = runs.newest_of(connection, daily_prices.name, day)
        streamed = bool(speed_layer.days_of(connection, day))
    error = None if newest is None else newest["error_message"] or newest["reason"]
    return Served(
        file_date=accepted["file_date"] if accepted is not None else None,
        accepted_by=accepted["run_id"] if accepted is not None else None,
        streamed=streamed,
        run_id=newest["id"] if newest is not None else None,
        status=RunStatus(newest["status"]) if newest is not None else None,
        error=error,
        error_type=newest["error_type"] if newest is not None else None,
    )


@shared(seconds=data.CALM, entries=50)
def letters_waiting(day: date) -> int:
    """Return how many letters of a session wait for a person."""
    with engine.runtime.runtime().database.reading() as connection:
        return len(stream_letters.all_waiting(connection, day))


def words(found: Reconciliation) -> str:
    """Return a verdict in words."""
    return reconcile_words.says(found)
