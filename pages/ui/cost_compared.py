"""Two scenarios in one world, answered: what the parts of the what-if draw from."""

from dataclasses import dataclass
from decimal import Decimal

from engine.costs.price_book import FX, Currency, PriceBook
from engine.costs.what_if import Projection, Workload


@dataclass(frozen=True, slots=True)
class Compared:
    """Two scenarios in one world, answered."""

    workload: Workload
    book: PriceBook
    currency: Currency
    against: str | None
    a: Projection
    b: Projection

    @property
    def months(self) -> int:
        """How far ahead they look."""
        return self.b.question.horizon

    @property
    def rate(self) -> Decimal:
        """What one of the book's currency is in the one that is shown."""
        rate = self.book.get(FX)
        return rate.amount if self.currency is Currency.NPR and rate is not None else Decimal(1)
