"""Reads of the Costs page, shared like those of `data`; nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from os import cpu_count
from typing import Any

import engine.runtime
from engine import prices as stored_prices
from engine.alerts.limits import BUDGET
from engine.clock import nepal_date
from engine.cost_forecast import MonthBill, month_bill
from engine.cost_reading import By, Entry, by_day, by_layer, by_run, by_session, by_stage
from engine.costs.price_book import PriceBook
from engine.costs.question import IN_FORCE, TODAY, Question, asked
from engine.costs.what_if import Workload
from engine.prices import Prices
from engine.services.costs import named_prices
from engine.workloads import Unmeasured, measured
from pages.ui import data, quality_data
from pages.ui.shared import shared
from storage import costs, lake_sizes, price_books, scenarios
from storage.status import CostWork

BACK = timedelta(days=90)  # of which the measured part shows days, runs and stages
_RARELY = 30.0  # seconds between two looks whether there is more to measure
_FOR_GOOD = 3600.0
MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class SavedView:
    """A scenario that somebody kept; `wrong` are values in it that mean nothing any more."""

    number: int
    name: str
    question: Question
    wrong: tuple[str, ...]
    turned: Mapping[str, Any]
    note: str
    by: str
    at: datetime


@shared(seconds=data.CALM, entries=2)
def prices() -> Prices:
    """Return the prices in force."""
    with engine.runtime.runtime().database.reading() as connection:
        return stored_prices.in_force(connection)


@shared(seconds=data.CALM, entries=20)
def book(name: str) -> PriceBook:
    """Return a price book by its name, or the one in force; `UnknownName` where there is none."""
    if name == IN_FORCE:
        return prices().book
    with engine.runtime.runtime().database.reading() as connection:
        return named_prices(connection, name).book


@shared(seconds=data.CALM, entries=2)
def own_books() -> tuple[str, ...]:
    """Return the names of the books that were ever in force."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(dict.fromkeys(row["name"] for row in price_books.history(connection)))


@shared(seconds=data.CALM, entries=2)
def month() -> MonthBill:
    """Return this month's bill."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        return month_bill(connection, prices().tariff, now=runtime.clock.now())


def budget() -> float:
    """Return what a month may cost, in USD; 0 where nobody has said."""
    return quality_data.thresholds()[BUDGET.key]


@shared(seconds=data.CALM, entries=10)
def entries(by: By) -> Sequence[Entry]:
    """Return what was measured, broken down; of the last 90 days, as it was estimated."""
    runtime = engine.runtime.runtime()
    today = nepal_date(runtime.clock.now())
    since = today - BACK
    with runtime.database.reading() as connection:
        if by is By.LAYER:
            return by_layer(connection, prices())
        if by is By.SESSION:
            newest = lake_sizes.span(connection)
            last = newest[1] if newest else today
            return by_session(connection, last - BACK, last)
        if by is By.STAGE:
            return by_stage(connection, since, today, limit=MOST_RUNS)
        return by_run(connection, since, today, limit=MOST_RUNS) if by is By.RUN else by_day(connection, since, today)


def workload() -> Workload | Unmeasured:
    """Return what this home's work looks like; measured anew once a run has ended, at most twice a minute."""
    return _workload(str(engine.runtime.runtime().settings.home), _newest())


@shared(seconds=_RARELY, entries=2)
def _newest() -> int:
    with engine.runtime.runtime().database.reading() as connection:
        return next((int(row["ref"]) for row in costs.newest(connection, CostWork.RUN, limit=1)), 0)


@shared(seconds=_FOR_GOOD, entries=2, lasting=True)
def _workload(_home: str, _mark: int) -> Workload | Unmeasured:
    return measured(engine.runtime.runtime(), cores=cpu_count() or 1)


@shared(seconds=data.CALM, entries=2)
def saved() -> tuple[SavedView, ...]:
    """Return the scenarios that are kept, by name."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = scenarios.listed(connection)
    found = []
    for row in rows:
        meant = asked(row["turned"] or {})
        found.append(
            SavedView(
                row["id"], row["name"], meant.question, meant.wrong, row["turned"] or {}, row["note"], row["saved_by"], row["saved_at"]
            )
        )
    return tuple(found)


def against(name: str | None) -> Question:
    """Return what B is compared with: a saved scenario, or everything as it is today."""
    return next((one.question for one in saved() if one.name == name), TODAY)


def today() -> date:
    """Return today's date in Nepal."""
    return data.today()
