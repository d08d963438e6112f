"""Prices with unit, currency, source and date, in named and versioned books; the presets are in `presets.py`.

A GB is 2^30 bytes and a TB 2^40 throughout, as the clouds bill them; a month is 730 hours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType

from engine.errors import UnknownName, UsageError

GB = Decimal(2**30)
TB = Decimal(2**40)
MONTH_HOURS = Decimal(730)  # as AWS counts a month: 365 x 24 / 12
MONTH_DAYS = MONTH_HOURS / 24
STALE_AFTER = timedelta(days=180)
FX = "fx.npr_per_usd"


class Currency(StrEnum):
    """What a price may be in."""

    USD = "USD"
    NPR = "NPR"


@dataclass(frozen=True, slots=True)
class Price:
    """What `per` units of something cost; `above` is the quantity a month at which this tier begins, in the same unit.

    A row without a currency is a term of the price list, not money: minimum days, minimum bytes, hours of a restore, a rate of exchange.
    `as_of` is the day on which the source gave it, None where the source has none.
    """

    key: str
    amount: Decimal
    unit: str
    currency: Currency | None
    source: str
    as_of: date | None
    per: Decimal = Decimal(1)
    above: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        wrong = _wrong(self)
        if wrong:
            raise UsageError(f"price {self.key!r} {wrong}")

    @property
    def each(self) -> Decimal:
        """The price of one unit."""
        return self.amount / self.per

    @property
    def words(self) -> str:
        """The price as a person reads it: 0.005 USD per 1,000 requests."""
        per = self.unit if self.per == 1 else f"{self.per:,f} {plural(self.unit)}"
        return f"{plain(self.amount)} {self.currency} per {per}" if self.currency else f"{plain(self.amount)} {self.unit}"

    def is_stale(self, today: date) -> bool:
        """Whether it is older than 180 days, or undated."""
        return self.as_of is None or today - self.as_of > STALE_AFTER


def _wrong(price: Price) -> str | None:
    for name, value, least in (("amount", price.amount, True), ("above", price.above, True), ("per", price.per, False)):
        if not isinstance(value, Decimal) or not value.is_finite():
            return f"has {value!r} as its {name}: give a number"
        if value < 0 or (not least and value == 0):
            return f"has {value} as its {name}: it must be {'0 or more' if least else 'above 0'}"
    for name, text in (("key", price.key), ("unit", price.unit), ("source", price.source)):
        if not text.strip():
            return f"has no {name}"
    return None


def plain(number: Decimal) -> str:
    """Return a number without an exponent or trailing zeros, thousands apart."""
    text = f"{number.normalize():,f}"
    return "0" if text == "-0" else text


def plural(unit: str) -> str:
    """Return a unit as it stands behind a quantity: requests, GB-months, GB."""
    return unit if unit in ("GB", "TB") else f"{unit}s"


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Prices under a name and a version; what changes a price makes a new version."""

    name: str
    version: int
    rows: tuple[Price, ...]
    about: str = ""
    _tiers: Mapping[str, tuple[Price, ...]] = field(init=False, repr=False, compare=False)
    _below: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)  # what is priced directly below a prefix

    def __post_init__(self) -> None:
        found: dict[str, list[Price]] = {}
        for row in sorted(self.rows, key=lambda row: (row.key, row.above)):
            tiers = found.setdefault(row.key, [])
            if tiers and tiers[-1].above == row.above:
                raise UsageError(f"price book {self.name!r} has two prices for {row.key!r} from {plain(row.above)} on: keep one")
            if tiers and (tiers[-1].unit, tiers[-1].currency, tiers[-1].per) != (row.unit, row.currency, row.per):
                raise UsageError(f"price book {self.name!r}: the tiers of {row.key!r} differ in unit, currency or per: write them alike")
            tiers.append(row)
        gaps = [key for key, tiers in found.items() if tiers[0].above]
        if gaps:
            raise UsageError(f"price book {self.name!r}: {gaps[0]!r} has no tier from 0 on")
        below: dict[str, tuple[str, ...]] = {}
        for key in found:
            prefix, dot, name = key.rpartition(".")
            below[prefix + dot] = (*below.get(prefix + dot, ()), name)
        object.__setattr__(self, "_tiers", MappingProxyType({key: tuple(tiers) for key, tiers in found.items()}))
        object.__setattr__(self, "_below", MappingProxyType(below))

    def __contains__(self, key: str) -> bool:
        return key in self._tiers

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key, sorted."""
        return tuple(self._tiers)

    def tiers(self, key: str) -> tuple[Price, ...]:
        """Return the prices of that key, lowest tier first; `UnknownName` lists near ones."""
        try:
            return self._tiers[key]
        except KeyError:
            raise UnknownName(f"price book {self.name!r} has no price called {key!r}; {near(key, self._tiers)}") from None

    def price(self, key: str) -> Price:
        """Return the price of that key, of its lowest tier; `UnknownName` lists near ones."""
        return self.tiers(key)[0]

    def get(self, key: str) -> Price | None:
        """Return the price of that key, or None where the book does not price it."""
        return self._tiers[key][0] if key in self._tiers else None

    def term(self, key: str) -> Decimal:
        """Return a term of the price list (days, bytes, hours), 0 where the book has none."""
        return self._tiers[key][0].amount if key in self._tiers else Decimal(0)

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return what is priced directly below a prefix: the storage classes for `storage.`, the engines for `query.`."""
        return self._below.get(prefix, ())

    def named(self, kind: str, prefix: str, name: str) -> str:
        """Return `name` if the book prices it below `prefix`; `UnknownName` lists near ones."""
        known = self.names(prefix)
        if name not in known:
            raise UnknownName(f"price book {self.name!r} has no {kind} called {name!r}; {near(name, known)}")
        return name

    def stale(self, today: date) -> tuple[Price, ...]:
        """Return the prices that are older than 180 days or undated."""
        return tuple(row for row in self.rows if row.is_stale(today))

    def with_prices(self, rows: Iterable[Price], *, name: str, version: int = 1, about: str = "") -> "PriceBook":
        """Return a book with these prices in place of those of the same key, and the rest as it was."""
        changed = tuple(rows)
        keys = {row.key for row in changed}
        return PriceBook(name, version, (*(row for row in self.rows if row.key not in keys), *changed), about)

    def scaled(self, key: str, factor: Decimal) -> "PriceBook":
        """Return the book with every tier of one price multiplied."""
        rows = [replace(row, amount=row.amount * factor) for row in self.tiers(key)]
        return self.with_prices(rows, name=self.name, version=self.version, about=self.about)


def near(name: str, known: Iterable[str]) -> str:
    """Return the part of an error that names what was perhaps meant."""
    listed: Sequence[str] = list(known)
    close = get_close_matches(name, listed, n=5, cutoff=0.5)
    if close:
        return f"the nearest are {', '.join(close)}"
    return f"it has {', '.join(listed[:12])}{' and more' if len(listed) > 12 else ''}" if listed else "it has none"  # noqa: PLR2004, a line
