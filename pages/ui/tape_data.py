"""Reads of the stream's past: which sessions have a tape, and the tape made ready to be replayed."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import engine.runtime
from engine import tapes
from engine.errors import SourceError
from engine.stream.prepared_tape import PreparedTape
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
    return _loaded(day, data.settings().home, stamp(day))


@shared(seconds=data.CALM, entries=50)
def stamp(day: date) -> tuple[int, ...]:
    """Return numbers that are others when the tape of a session or its official rows are; the errors are those of `read_tape`."""
    return tapes.tape_stamp(engine.runtime.runtime(), day)


@shared(seconds=_FOR_GOOD, entries=_TAPES, lasting=True)
def _loaded(day: date, _home: Path, _made_of: tuple[int, ...]) -> Loaded:
    tape = tapes.read_tape(engine.runtime.runtime(), day)
    return Loaded(tape, PreparedTape(day, tape.ticks, tape.symbols, tape.previous_closes))
