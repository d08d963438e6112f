"""Prices what was measured: each thing that work used, by the price that the book has for it.

A book without a price for something leaves it out: the textbook prices neither memory nor what is received.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from engine.costs.line import QUANTUM, Category, CostLine, converted, cost_line, quantised
from engine.costs.price_book import FX, GB, TB, Currency, Price, PriceBook

HOUR_US = Decimal(3_600_000_000)
NANO = 9  # digits: amounts are kept as whole numbers of `QUANTUM`


@dataclass(frozen=True, slots=True)
class Usage:
    """What work used; `memory_kib_us` is peak memory times wall time."""

    cpu_us: int = 0
    memory_kib_us: int = 0
    bytes_written: int = 0
    bytes_received: int = 0
    bytes_scanned: int = 0
    puts: int = 0
    gets: int = 0
    messages: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return together((self, other))

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Usage":
        """Return what the columns of a row say; what is missing was not used."""
        return cls(**{name: int(row[name] or 0) for name in USED if name in row})


USED = tuple(field.name for field in fields(Usage))


def together(parts: Sequence[Usage]) -> Usage:
    """Return what parts used in all."""
    return Usage(*(sum([getattr(part, name) for part in parts]) for name in USED))


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is used, and how it becomes a quantity of what is priced: `one` of it is the price's unit."""

    category: Category
    used: str
    what: str
    unit: str
    one: Decimal
    keys: tuple[str, ...]  # the first that a book prices


MEASURES = (
    Measure(Category.COMPUTE, "cpu_us", "CPU time", "us of CPU / 3,600,000,000", HOUR_US, ("compute.vcpu_hour",)),
    Measure(
        Category.COMPUTE,
        "memory_kib_us",
        "memory (its peak, while it was held)",
        "KiB x us / (1,048,576 x 3,600,000,000)",
        HOUR_US * 2**20,
        ("compute.memory_gb_hour",),
    ),
    Measure(Category.STORAGE, "bytes_written", "what was written, for a month", "bytes / 1,073,741,824", GB, ("storage.standard",)),
    Measure(Category.REQUESTS, "puts", "files written", "", Decimal(1), ("storage.standard.put", "requests.api_call")),
    Measure(Category.REQUESTS, "gets", "files read", "", Decimal(1), ("storage.standard.get", "requests.api_call")),
    Measure(Category.QUERY, "bytes_scanned", "scanned by questions", "bytes / 1,099,511,627,776", TB, ("query.athena", "query.bigquery")),
    Measure(Category.TRANSFER, "bytes_received", "received from the source", "bytes / 1,073,741,824", GB, ("transfer.in",)),
    Measure(Category.NOTIFICATION, "messages", "messages delivered", "", Decimal(1), ("notification.mail",)),
)
PRICED = tuple(dict.fromkeys(measure.category for measure in MEASURES))

Amounts = Mapping[Category, int]  # in units of `QUANTUM`, of a US dollar


class Tariff:
    """The prices of a book that measured usage needs, in US dollars."""

    def __init__(self, book: PriceBook) -> None:
        self.book = book
        self.fx: Price | None = book.get(FX)
        priced = [(measure, next((book.price(key) for key in measure.keys if key in book), None)) for measure in MEASURES]
        self._prices = tuple((measure, price) for measure, price in priced if price is not None)
        # What `amounts` needs of them: a run is priced nine times over, and a bill by stage some thousand times.
        self._each = tuple((one.used, one.category, one.one, price.each, price) for one, price in self._prices if price.amount)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """What the book has no price for, in words."""
        known = {measure.used for measure, _ in self._prices}
        return tuple(measure.what for measure in MEASURES if measure.used not in known)

    def amounts(self, usage: Usage) -> dict[Category, int]:
        """Return the amount of each category, as the sum of its lines; as exact as `lines`, and a tenth of the work."""
        found = dict.fromkeys(PRICED, 0)
        for name, category, one, each, price in self._each:
            used = getattr(usage, name)
            if used:
                found[category] += nano(self._in_usd(quantised(used / one * each), price))
        return found

    def lines(self, usage: Usage) -> tuple[CostLine, ...]:
        """Return a line for each thing that was used, with its formula, in US dollars."""
        return tuple(self._lines(usage))

    def _lines(self, usage: Usage) -> Iterator[CostLine]:
        for measure, price in self._prices:
            used = getattr(usage, measure.used)
            if used:
                how = f"{used:,} {measure.unit}" if measure.unit else ""
                line = cost_line(measure.category, measure.what, used / measure.one, price, how=how)
                yield line if self.fx is None else converted(line, Currency.USD, self.fx)

    def _in_usd(self, amount: Decimal, price: Price) -> Decimal:
        if price.currency is Currency.USD or self.fx is None:
            return amount
        return quantised(amount * (1 / self.fx.amount))


def nano(amount: Decimal) -> int:
    """Return an amount that was rounded as lines are, as a whole number of `QUANTUM`."""
    return int(amount.scaleb(NANO))


def amount_of(number: int) -> Decimal:
    """Return an amount that is stored as a whole number of `QUANTUM`."""
    return number * QUANTUM


def summed(amounts: Iterable[Amounts]) -> dict[Category, int]:
    """Return the sum of each category."""
    listed: Sequence[Amounts] = tuple(amounts)
    return {category: sum(one.get(category, 0) for one in listed) for category in PRICED}


def shown(amount: Decimal, currency: Currency, rate: Price | None) -> Decimal:
    """Return an amount in US dollars in the currency that is shown, not rounded: so sums of what is shown are exact too."""
    return amount if currency is Currency.USD or rate is None else amount * rate.amount
