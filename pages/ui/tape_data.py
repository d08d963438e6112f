"""Reads of the stream's pages: which sessions have a tape, the tape made ready to be replayed, and how it reconciles."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import engine.runtime
from engine import reconciling, tapes
from engine.errors import SourceError
from engine.stream.prepared_tape import PreparedTape
from engine.stream.reconcile import Reconciliation
from engine.tapes import Tape
from pages.ui import data
from pages.ui.shared import shared

_FOR_GOOD = 3600.0  # seconds; what is kept so long is kept by what it was made of
_TAPES = 4  # some 12 MB each on the heaviest day so far, and as much again for the windows of the last turns


@dataclass(frozen=True, slots=True)
class TapeDays:
    """The sessions with a tape, newest first, or why they cannot be listed now."""

    days: tuple[date, ...]
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A tape, and the same made ready to be replayed."""

    tape: Tape
    prepared: PreparedTape


@shared(seconds=data.CALM, entries=2)
def tape_days() -> TapeDays:
    """Return which sessions have a tape."""
    try:
        return TapeDays(tuple(reversed(tapes.tape_days(engine.runtime.runtime()))))
    except SourceError as error:
        return TapeDays((), str(error))


def loaded(day: date) -> Loaded:
    """Return the tape of a session; the errors are those of `read_tape`."""
    return _loaded(day, data.settings().home, _stamp(day))


@shared(seconds=data.CALM, entries=50)
def _stamp(day: date) -> tuple[int, ...]:
    return tapes.tape_stamp(engine.runtime.runtime(), day)


@shared(seconds=_FOR_GOOD, entries=_TAPES, lasting=True)
def _loaded(day: date, _home: Path, _made_of: tuple[int, ...]) -> Loaded:
    tape = tapes.read_tape(engine.runtime.runtime(), day)
    return Loaded(tape, PreparedTape(day, tape.ticks, tape.symbols, tape.previous_closes))


def reconciliation(day: date) -> Reconciliation:
    """Return how the tape of a session compares with its official rows; the errors are those of `read_tape`."""
    return _reconciliation(day, data.settings().home, _stamp(day))


@shared(seconds=_FOR_GOOD, entries=20)
def _reconciliation(day: date, _home: Path, _made_of: tuple[int, ...]) -> Reconciliation:
    return reconciling.reconcile(engine.runtime.runtime(), loaded(day).tape)


def words(found: Reconciliation) -> str:
    """Return a verdict in words."""
    return reconciling.says(found)
