"""Reads of what work has cost and will: cached and shared like those of `data.py`. Amounts are in US dollars; `prices().shown` converts.

Nothing here grows with the history: the newest runs and sessions, the sums of a range of days, and the lake's catalog.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import engine.runtime
from engine.alerts.limits import BUDGET
from engine.billing import forecast, reading
from engine.billing.forecast import MonthBill
from engine.billing.metering import Part
from engine.billing.prices import Prices, in_force, sentence
from engine.billing.prices import load as load_prices
from engine.billing.reading import Apart, Entry
from engine.costs.line import Category, CostLine
from engine.pipelines.thresholds import load
from pages.ui import data
from pages.ui.shared import shared
from storage import costs, price_books, thresholds
from storage.status import CostWork

SESSIONS_BACK = timedelta(days=180)  # calendar days that hold the newest hundred sessions


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of the prices."""

    id: int
    name: str
    currency: str
    changed_at: datetime
    changed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartLines:
    """A part of a run with its lines, each with its formula."""

    name: str
    dead: bool
    lines: tuple[CostLine, ...]


@shared(seconds=data.CALM, entries=2)
def prices() -> Prices:
    """Return the prices in force, with the currency that amounts are shown in."""
    with engine.runtime.runtime().database.reading() as connection:
        return in_force(connection)


def stale() -> str | None:
    """Say which of the prices in force are too old, or None."""
    return sentence(prices().stale(data.today()), data.today())


@shared(seconds=data.CALM, entries=4)
def versions(*, limit: int = 20) -> tuple[VersionView, ...]:
    """Return the newest versions of the prices first."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = price_books.history(connection, limit=limit)
    return tuple(VersionView(**{name: row[name] for name in VersionView.__slots__}) for row in rows)


@shared(seconds=data.CALM, entries=2)
def month() -> tuple[MonthBill, float]:
    """Return this month's bill with its forecast, and the budget (USD; 0 is none)."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        limits = load(connection, thresholds.version(connection))
        return forecast.month_bill(connection, in_force(connection).tariff, now=runtime.clock.now()), limits[BUDGET.key]


@shared(seconds=data.CALM, entries=8)
def runs(*, limit: int = 200) -> tuple[Entry, ...]:
    """Return the newest runs with what they cost, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(reading.newest(connection, CostWork.RUN, limit=limit))


@shared(seconds=data.CALM, entries=8)
def sessions(since: date, until: date) -> tuple[Entry, ...]:
    """Return what each session of a range has cost so far, oldest first: amounts and good rows."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(reading.amounts_by_session(connection, since, until))


def newest_sessions() -> tuple[Entry, ...]:
    """Return what the sessions of the last half year of data have cost, oldest first."""
    last = data.newest_session() or data.today()
    return sessions(last - SESSIONS_BACK, last)


@shared(seconds=data.CALM, entries=4)
def stages(*, limit: int = 200) -> tuple[Entry, ...]:
    """Return what each stage cost in the newest runs, dearest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(reading.stages_of(connection, costs.newest(connection, CostWork.RUN, limit=limit)))


@shared(seconds=data.CALM, entries=8)
def days(since: date, until: date) -> tuple[Entry, ...]:
    """Return the sums by day and purpose, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(reading.by_purpose(connection, since, until))


def apart(since: date, until: date) -> Apart:
    """Return what work cost on these days by why: for the first time, on retries, on reruns, on dead letters, on upkeep.

    Without storage: of a month it is what lies there that is billed, and not what each run wrote.
    """
    return reading.apart(days(since, until), without=(Category.STORAGE,))


@shared(seconds=data.CALM, entries=2)
def layers() -> tuple[Entry, ...]:
    """Return what each layer of the lake holds and costs a month, earlier versions apart; largest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(reading.by_layer(connection, in_force(connection)))


@shared(seconds=data.CALM, entries=40)
def run(run_id: int) -> Entry | None:
    """Return what one run has cost, or None: it is not over, or it ended before costs were kept."""
    with engine.runtime.runtime().database.reading() as connection:
        return reading.one(connection, CostWork.RUN, run_id)


@shared(seconds=data.CALM, entries=40)
def lines_of(work: CostWork, ref: int) -> tuple[PartLines, ...]:
    """Return the lines of one estimate, by part, each with its formula and the source of its price; none where there is no estimate."""
    with engine.runtime.runtime().database.reading() as connection:
        row = costs.one(connection, work, ref)
        if row is None:
            return ()
        tariff = load_prices(connection, row["book_id"]).tariff
        parts: list[Part] = reading.with_parts(connection, [row])[0][1]
    return tuple(PartLines(part.name, part.dead, tariff.lines(part.usage)) for part in parts)
