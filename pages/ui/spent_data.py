"""Reads of what was spent over time, and of single bills: cached and shared like those of `data.py`; amounts are in US dollars."""

from dataclasses import dataclass
from datetime import timedelta

import engine.runtime
from engine import cost_reading
from engine.cost_reading import Entry
from engine.costs.line import CostLine
from engine.prices import load
from pages.ui import data
from pages.ui.shared import shared
from storage import costs
from storage.status import CostWork

SESSIONS_BACK = timedelta(days=180)  # calendar days that hold the newest hundred sessions


@dataclass(frozen=True, slots=True)
class PartLines:
    """A part of a piece of work with its lines, each with its formula; of one that is `dead` nobody knows what it used."""

    name: str
    dead: bool
    lines: tuple[CostLine, ...]


@shared(seconds=data.CALM, entries=8)
def newest(work: CostWork = CostWork.RUN, *, limit: int = 200) -> tuple[Entry, ...]:
    """Return the newest runs (or sessions of the stream, or jobs) with what they cost, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(cost_reading.newest(connection, work, limit=limit))


@shared(seconds=data.CALM, entries=2)
def newest_sessions() -> tuple[Entry, ...]:
    """Return what each session of the last half year of data has cost so far, whenever its runs were, oldest first."""
    last = data.newest_session() or data.today()
    with engine.runtime.runtime().database.reading() as connection:
        entries = cost_reading.by_session(connection, last - SESSIONS_BACK, last)
    return tuple(cost_reading.one_a_day(entries))


@shared(seconds=data.CALM, entries=40)
def lines_of(work: CostWork, ref: int) -> tuple[PartLines, ...]:
    """Return the lines of one estimate, by part, each with its formula and the source of its price; none where there is no estimate."""
    with engine.runtime.runtime().database.reading() as connection:
        row = costs.one(connection, work, ref)
        if row is None:
            return ()
        tariff = load(connection, row["book_id"]).tariff
        ((_, parts),) = cost_reading.with_parts(connection, [row])
    return tuple(PartLines(part.name, part.dead, tariff.lines(part.usage)) for part in parts)
