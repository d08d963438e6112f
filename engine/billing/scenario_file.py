"""Prices a scenario that lies in a file; reads that file and, where it is one, the file of a price book, and nothing else."""

from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from engine.costs.line import CostLine
from engine.costs.own_book import book_of_text
from engine.costs.presets import PRESETS, preset
from engine.costs.price_book import PriceBook, near
from engine.costs.scenario import Bill, billed, scenario_of_text
from engine.errors import UnknownName, UsageError

LARGEST_FILE = 4 * 2**20  # bytes; a scenario or a price book is a few KB


def price_file(scenario: Path, book: str | PriceBook | None, *, today: date) -> Bill:
    """Price the scenario in a file by its own price book, or by `book`: one that is given, a preset's name or a JSON file of one's own."""
    written = scenario_of_text(_text(scenario))
    given = book if isinstance(book, PriceBook) else book_named(book or written.price_book)
    return billed(written, given, today=today)


def is_elsewhere(name: str) -> bool:
    """Say whether a price book is neither a preset (or nearly the name of one) nor a file: then only a home can know it."""
    return not get_close_matches(name, PRESETS) and not Path(name).suffix and not Path(name).is_file()


def book_named(name: str) -> PriceBook:
    """Return a preset by its name, or the price book in a file; `UnknownName` where it is neither."""
    if name in PRESETS:
        return preset(name)
    file = Path(name)
    if file.is_file():
        return book_of_text(_text(file))
    if file.suffix:
        raise UsageError(f"there is no file {name}: give a price book's JSON file, or one of {', '.join(PRESETS)}")
    raise UnknownName(f"no price book is called {name!r}; {near(name, PRESETS)}; or give the JSON file of your own")


def as_rows(bill: Bill) -> dict[str, Any]:
    """Return a bill as it is printed: every line with its formula, the sums, and what to know."""
    return {
        "scenario": bill.name,
        "price_book": bill.book.name,
        "price_book_version": bill.book.version,
        "currency": bill.currency,
        "total": bill.total,
        "by_category": {category.value: amount for category, amount in bill.by_category.items()},
        "lines": [_row(line) for line in bill.lines],
        "warnings": list(bill.warnings),
    }


def _row(line: CostLine) -> dict[str, Any]:
    return {
        "category": line.category.value,
        "what": line.what,
        "quantity": line.quantity,
        "unit": line.unit,
        "unit_price": line.unit_price,
        "discount": line.discount,
        "amount": line.amount,
        "currency": line.currency.value,
        "formula": line.formula,
        "price": line.price_words,
        "price_key": line.price_key,
        "price_source": line.price_source,
        "price_date": line.price_as_of,
    }


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise UsageError(f"{file} is larger than {LARGEST_FILE >> 20} MB: it is neither a scenario nor a price book")
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {file}; docs/costs.md has one to begin with") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as text: {error}") from error
