"""Reads of the what-if, shared like those of `data`: what this home's work looks like, price books by name, scenarios that are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from os import cpu_count
from typing import Any

import engine.runtime
from engine.billing.workloads import Unmeasured, measured
from engine.costs.price_book import PriceBook
from engine.costs.question import IN_FORCE, TODAY, Question, asked
from engine.costs.what_if import Workload
from engine.lifecycle.limits import COMPACT
from engine.services.costs import named_prices
from pages.ui import cost_data, data, quality_data
from pages.ui.shared import shared
from storage import costs, scenarios
from storage.status import CostWork

_RARELY = 30.0  # seconds between two looks whether there is more to measure
_FOR_GOOD = 3600.0


@dataclass(frozen=True, slots=True)
class SavedView:
    """A scenario that somebody kept; `wrong` are values in it that mean nothing any more."""

    number: int
    name: str
    question: Question
    wrong: tuple[str, ...]
    note: str
    by: str
    at: datetime

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "SavedView":
        """Take it from a row."""
        meant = asked(row["turned"] or {})
        return cls(row["id"], row["name"], meant.question, meant.wrong, row["note"], row["saved_by"], row["saved_at"])


@shared(seconds=data.CALM, entries=20)
def book(name: str) -> PriceBook:
    """Return a price book by its name, or the one in force; `UnknownName` where there is none."""
    if name == IN_FORCE:
        return cost_data.prices().book
    with engine.runtime.runtime().database.reading() as connection:
        return named_prices(connection, name).book


def workload() -> Workload | Unmeasured:
    """Return what this home's work looks like; measured anew once a run has ended, at most twice a minute."""
    return _workload(str(engine.runtime.runtime().settings.home), _newest())


@shared(seconds=_RARELY, entries=2)
def _newest() -> int:
    with engine.runtime.runtime().database.reading() as connection:
        return next((int(row["ref"]) for row in costs.newest(connection, CostWork.RUN, limit=1)), 0)


@shared(seconds=_FOR_GOOD, entries=2, lasting=True)
def _workload(_home: str, _newest_run: int) -> Workload | Unmeasured:
    return measured(engine.runtime.runtime(), cores=cpu_count() or 1)


@shared(seconds=data.CALM, entries=2)
def saved() -> tuple[SavedView, ...]:
    """Return the scenarios that are kept, by name."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(SavedView.of(row) for row in scenarios.listed(connection))


def against(name: str | None) -> Question:
    """Return what B is compared with: a saved scenario, or everything as it is today."""
    return next((one.question for one in saved() if one.name == name), as_it_is())


def as_it_is() -> Question:
    """Return everything as it stands today: closed months are compacted only where the lifecycle does it each night."""
    return TODAY.model_copy(update={"compact": quality_data.thresholds()[COMPACT.key] > 0})
