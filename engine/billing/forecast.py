"""What the lake and the bill will be: bytes by layer from measured history, and this month's bill from what it has come to so far.

A month's bill is not the sum of its runs' estimates: a run is charged a month's storage of what it wrote, a month all that is stored in it.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection

from engine.billing.metering import COLUMN
from engine.clock import nepal_date, nepal_time
from engine.costs.forecast import Month, fits, months_ahead
from engine.costs.line import Category
from engine.costs.measured import Tariff, Usage
from engine.errors import UsageError
from storage import costs, lake_sizes

LOOK_BACK = timedelta(days=56)  # of which the days to come are made
RUNNING = tuple(category for category in COLUMN if category is not Category.STORAGE)


@dataclass(frozen=True, slots=True)
class LayerForecast:
    """What a layer of the lake holds, and what it will."""

    layer: str
    stored: int
    months: tuple[Month, ...]


@dataclass(frozen=True, slots=True)
class LakeForecast:
    """What the lake holds and will, in all and by layer, the largest first; without months where it has too few days to say, and why."""

    stored: int
    months: tuple[Month, ...] = ()
    layers: tuple[LayerForecast, ...] = ()
    why_not: str = ""


Driver = tuple[Category, str]  # and the pipeline, job, channel or layer


@dataclass(frozen=True, slots=True)
class MonthBill:
    """This month's bill in whole numbers of 1e-9 US dollars: what it has come to, and what is still to come, by driver."""

    month: date
    today: date
    so_far: Mapping[Driver, int] = field(default_factory=dict)
    to_come: Mapping[Driver, int] = field(default_factory=dict)

    @property
    def spent(self) -> int:
        """What it has come to so far."""
        return sum(self.so_far.values())

    @property
    def forecast(self) -> int:
        """What it will come to."""
        return self.spent + sum(self.to_come.values())

    @property
    def by_category(self) -> dict[Category, int]:
        """The forecast by category."""
        found = Counter[Category]()
        for (category, _), amount in (*self.so_far.items(), *self.to_come.items()):
            found[category] += amount
        return {category: found[category] for category in COLUMN if found[category]}

    @property
    def largest(self) -> tuple[Driver, int] | None:
        """What most of the forecast goes to, and how much of it; None where it is nothing."""
        found = Counter(self.so_far) + Counter(self.to_come)
        return max(found.items(), key=lambda item: item[1], default=None)


def history(connection: Connection, since: date = date.min, until: date = date.max) -> dict[str, dict[date, int]]:
    """Return the bytes of each layer by the date that they are of, every version counted."""
    return by_layer(lake_sizes.by_partition(connection, since=since, until=until))


def by_layer(partitions: Iterable[Mapping[Any, Any]]) -> dict[str, dict[date, int]]:
    """Return the same of rows that were read before."""
    found: dict[str, dict[date, int]] = {}
    for row in partitions:
        found.setdefault(row["dataset"], {})[row["partition"]] = int(row["bytes"])
    return found


def lake_ahead(connection: Connection, months: int) -> LakeForecast:
    """Return what the lake holds now and will hold in the months after its newest day, by the lines that the what-if goes on from."""
    stored = Counter[str]()
    for held in lake_sizes.by_layer(connection):
        stored[held.dataset] += held.bytes
    try:
        lines = fits(history(connection))
    except UsageError as error:
        return LakeForecast(stored.total(), why_not=str(error))
    layers = [LayerForecast(layer, stored[layer], months_ahead(lines.of(layer), months, stored=stored[layer])) for layer in lines.lines]
    whole = months_ahead(lines, months, stored=stored.total())
    return LakeForecast(stored.total(), whole, tuple(sorted(layers, key=lambda one: one.stored, reverse=True)))


def month_bill(connection: Connection, tariff: Tariff, *, now: datetime) -> MonthBill:
    """Return the bill of the month (in Nepal) that `now` lies in; a handful of days of sums, and one look at the lake's catalog."""
    today = nepal_date(now)
    month = today.replace(day=1)
    begin = min(month, today - LOOK_BACK)
    rows = costs.running(connection, begin, today)
    written = lake_sizes.written_since(connection, nepal_time(begin, 0))
    so_far = Counter[Driver]()
    for row in rows:
        if row["day"] >= month:
            so_far.update(_running(row))
    left = monthrange(month.year, month.month)[1] - today.day
    to_come = Counter[Driver]()
    for driver, amounts in _by_driver(row for row in rows if row["day"] < today).items():
        to_come[driver] += round(left * _usual(amounts, begin, today))
    for layer, sizes in written.items():
        stored, grown = _stored(sizes, month, today, left)
        so_far[Category.STORAGE, layer] += tariff.amounts(Usage(bytes_written=stored))[Category.STORAGE]
        to_come[Category.STORAGE, layer] += tariff.amounts(Usage(bytes_written=grown))[Category.STORAGE]
    return MonthBill(month, today, _positive(so_far), _positive(to_come))


def _positive(found: Mapping[Driver, int]) -> dict[Driver, int]:
    return {driver: amount for driver, amount in found.items() if amount}


def _running(row: Mapping[str, Any]) -> dict[Driver, int]:
    return {(category, row["name"]): int(row[COLUMN[category]]) for category in RUNNING}


def _by_driver(rows: Iterable[Mapping[str, Any]]) -> dict[Driver, dict[date, int]]:
    found: dict[Driver, dict[date, int]] = {}
    for row in rows:
        for driver, amount in _running(row).items():
            if amount:
                days = found.setdefault(driver, {})
                days[row["day"]] = days.get(row["day"], 0) + amount
    return found


def _usual(days: Mapping[date, int], begin: date, today: date) -> float:
    """Return what a day to come is expected to bring: the median of the days that brought anything, at their share of all days.

    One day of a backfill does not turn it. The days count from the first that brought anything.
    """
    known: Sequence[int] = [amount for day, amount in days.items() if day < today]
    if not known:
        return 0.0
    over = (today - max(min(days), begin)).days
    return median(known) * len(known) / over


def _stored(sizes: Mapping[date | None, int], month: date, today: date, left: int) -> tuple[int, int]:
    """Return the bytes that a layer has stored so far, and those to come, both averaged over the days of the month.

    So far are the days up to today, from the one on which a file was written; to come are the days left, of what lies there and of what
    is expected.
    """
    length = today.day + left
    so_far = sum(size * (today.day if day is None or day < month else today.day - day.day + 1) for day, size in sizes.items())
    begin = today - LOOK_BACK
    usual = _usual({day: size for day, size in sizes.items() if day is not None and begin <= day < today}, begin, today)
    to_come = sum(sizes.values()) * left + round(usual * left * (left + 1) / 2)
    return so_far // length, to_come // length
