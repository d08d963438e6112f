"""A price book of one's own, read from the text of a JSON file or from rows of a table; every mistake names the row that has it.

`{"name": "ours", "version": 3, "base": "aws-2026", "prices": [{"key": "storage.standard", "amount": "0.021", "unit": "GB-month",
"currency": "USD", "source": "contract 2026/17", "as_of": "2026-10-01"}]}`; what `prices` leaves out is taken from `base`, if it is given.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.costs.presets import PRESETS, preset
from engine.costs.price_book import Currency, Price, PriceBook
from engine.errors import UsageError

MOST_TOLD, LONGEST_TOLD = 5, 80  # mistakes; characters of what stood there

Amount = Annotated[Decimal, Field(ge=0, lt=Decimal("1e15"), allow_inf_nan=False)]


class PriceRow(BaseModel):
    """One row as it is written; amounts are best quoted, so that they stay exact."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=80)
    amount: Amount
    unit: str = Field(min_length=1, max_length=40)
    currency: Currency | None = Currency.USD
    source: str = Field(min_length=1, max_length=400)
    as_of: date | None = None
    per: Decimal = Field(default=Decimal(1), gt=0, lt=Decimal("1e15"))
    above: Amount = Decimal(0)

    def price(self) -> Price:
        """Return the row as a price."""
        return Price(**self.model_dump())


class BookFile(BaseModel):
    """The file of a price book."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    version: int = Field(default=1, ge=1)
    base: str | None = None
    about: str = Field(default="", max_length=400)
    prices: list[PriceRow] = Field(min_length=1)


def book_of_text(text: str) -> PriceBook:
    """Return the price book that a JSON file describes; `UsageError` says what is wrong and where."""
    try:
        written = BookFile.model_validate_json(text)
    except ValidationError as error:
        raise UsageError(f"the price book cannot be used: {mistakes(error)}") from error
    if written.name in PRESETS:
        raise UsageError(f"a price book of your own cannot be called {written.name!r}, which is a preset: give it another name")
    rows = [row.price() for row in written.prices]
    if written.base is None:
        return PriceBook(written.name, written.version, tuple(rows), written.about)
    about = written.about or f"as {written.base}, with {len(rows)} prices of its own"
    return preset(written.base).with_prices(rows, name=written.name, version=written.version, about=about)


def book_of_rows(name: str, version: int, rows: Iterable[Mapping[str, Any]], *, about: str = "") -> PriceBook:
    """Return a price book of rows such as a table holds them; `UsageError` says which row is wrong."""
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(PriceRow.model_validate(dict(row)).price())
        except ValidationError as error:
            raise UsageError(f"row {number} of price book {name!r} cannot be used: {mistakes(error)}") from error
    return PriceBook(name, version, tuple(found), about)


def mistakes(error: ValidationError) -> str:
    """Return what pydantic found, as a sentence: where, what, and what stood there."""
    found = error.errors(include_url=False, include_context=False)
    told = "; ".join(_mistake(one) for one in found[:MOST_TOLD])
    return told + (f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else "")


def _mistake(one: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in one["loc"]) or "the text"
    got = repr(one["input"])
    there = f" (there is {got})" if isinstance(one["input"], (str, int, float, Decimal)) and len(got) < LONGEST_TOLD else ""
    return f"{where}: {one['msg'][:1].lower()}{one['msg'][1:]}{there}"
