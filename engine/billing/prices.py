"""The price book in force: read from its table, made from a preset before anybody chose one."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping

from engine.costs.measured import Tariff, shown
from engine.costs.presets import DEFAULT_BOOK, PRESETS
from engine.costs.price_book import FX, Currency, Price, PriceBook, plain
from engine.errors import UnknownName
from storage import price_books

NOBODY = "the product"  # who chose the prices before anybody did
OWN = "own"
NUMBERS = ("amount", "above", "per")  # of a price


@dataclass(frozen=True, slots=True)
class Prices:
    """One version of the prices, and the currency that amounts are shown in."""

    version: int
    book: PriceBook
    currency: Currency
    tariff: Tariff = field(compare=False)

    @property
    def rate(self) -> Price | None:
        """How many rupees a dollar is, where the book says it."""
        return self.book.get(FX)

    def shown(self, amount: Decimal) -> Decimal:
        """Return an amount in US dollars in the currency of this version."""
        return shown(amount, self.currency, self.rate)

    def money(self, amount: Decimal) -> str:
        """Return an amount in US dollars as a person reads it, in the currency of this version: two digits that count, at least cents."""
        shown_as = self.shown(amount)
        digits = max(2, min(9, 1 - shown_as.adjusted())) if shown_as else 2
        return f"{shown_as:,.{digits}f} {self.currency if self.rate is not None else Currency.USD}"

    def stale(self, today: date) -> tuple[Price, ...]:
        """Return the prices that are older than 180 days or undated."""
        return self.book.stale(today)


def prices(version: int, book: PriceBook, currency: Currency) -> Prices:
    """Return a version of the prices, ready to be used."""
    return Prices(version, book, currency, Tariff(book))


def preset_prices(name: str, currency: Currency) -> Prices:
    """Return a preset that no version holds, as version 0; to see what usage costs by it."""
    return prices(0, PRESETS[name], currency)


def load(connection: Connection, version: int) -> Prices:
    """Return a version; `UnknownName` where there is none."""
    known = price_books.one(connection, version)
    if known is None:
        raise UnknownName(f"there is no version {version} of the prices; list them with: python -m engine prices --history")
    rows = tuple(_price(row) for row in price_books.prices_of(connection, version))
    return prices(version, PriceBook(known["name"], version, rows, known["about"]), Currency(known["currency"]))


def in_force(connection: Connection) -> Prices:
    """Return the newest version; the preset that a new home begins with where there is none yet. Writes nothing."""
    version = price_books.newest(connection)
    return preset_prices(DEFAULT_BOOK, Currency.USD) if version is None else load(connection, version)


def ensured(connection: Connection, *, at: datetime) -> int:
    """Return the version in force, in a transaction that may write: the first that needs one stores the preset."""
    version = price_books.newest(connection)
    if version is not None:
        return version
    return add(connection, PRESETS[DEFAULT_BOOK], currency=Currency.USD, at=at, by=NOBODY, reason="the prices that a new home begins with")


def add(connection: Connection, book: PriceBook, *, currency: Currency, at: datetime, by: str, reason: str) -> int:
    """Write a version that is in force from now on; return its number."""
    told = {"name": book.name, "about": book.about, "currency": currency.value, "changed_at": at, "changed_by": by, "reason": reason}
    return price_books.add(connection, [row_of(price) for price in book.rows], **told)


def row_of(price: Price) -> dict[str, Any]:
    """Return a price as its table holds it."""
    numbers = {name: _exact(getattr(price, name)) for name in NUMBERS}
    words = {"key": price.key, "unit": price.unit, "source": price.source, "as_of": price.as_of}
    return numbers | words | {"currency": None if price.currency is None else price.currency.value}


def _price(row: RowMapping) -> Price:
    """Return a price that was checked when it was written."""
    numbers = {name: Decimal(row[name]) for name in NUMBERS}
    currency = None if row["currency"] is None else Currency(row["currency"])
    return Price(row["key"], unit=row["unit"], currency=currency, source=row["source"], as_of=row["as_of"], **numbers)


def _exact(number: Decimal) -> str:
    return plain(number).replace(",", "")


def sentence(stale: Iterable[Price], today: date) -> str | None:
    """Say which prices are too old to be relied on, or None."""
    old = tuple(stale)
    if not old:
        return None
    dated = [price for price in old if price.as_of is not None]
    oldest = min(dated, key=lambda price: price.as_of or today, default=None)
    told = f"{len(old)} of the prices in force are older than 180 days or undated"
    return f"{told}: the oldest is {oldest.key} of {oldest.as_of}" if oldest is not None else told


class Remembered:
    """The version in force, kept by one process for as long as it is the newest."""

    def __init__(self) -> None:
        self._known: Prices | None = None

    def now(self, connection: Connection, *, at: datetime) -> Prices:
        """Return the prices in force, in a transaction that may write."""
        version = ensured(connection, at=at)
        if self._known is None or self._known.version != version:
            self._known = load(connection, version)
        return self._known
