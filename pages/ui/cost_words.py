"""How costs read: money in its currency, categories and inputs by their names, lines with their formulas."""

import re
from collections.abc import Iterable
from decimal import Decimal
from math import floor, log10

from engine.costs.line import Category, CostLine
from engine.costs.price_book import Currency
from pages.ui.text import plain
from pages.ui.theme import Colour

NAMES = {category: category.value.replace("_", " ").capitalize() for category in Category}
COLOURS: dict[Category, Colour] = {
    Category.COMPUTE: "blue",
    Category.STORAGE: "green",
    Category.REQUESTS: "orange",
    Category.RETRIEVAL: "yellow",
    Category.TRANSITION: "red",
    Category.EARLY_DELETE: "red",
    Category.QUERY: "violet",
    Category.TRANSFER: "gray",
    Category.NOTIFICATION: "gray",
}
INPUTS = {
    "growth": "Growth a month (± 1 point)",
    "symbols": "Symbols",
    "reads_new": "Reads of new data",
    "reads_old": "Reads of data from 3 months on",
    "reads_very_old": "Reads of data from a year on",
    "queries": "Queries a month",
    "discount": "Spot discount",
    "spot": "Share on spot",
    "out": "Carried out of the cloud",
    "days": "Days that a query reads",
}
_CLASS = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_HARDLY = Decimal("0.0005")  # of an amount: it would read as 0.0%
_FEWEST_DIGITS, _WHOLE, _THOUSAND = 2, 100, 1000


def money(amount: Decimal, currency: Currency) -> str:
    """Return an amount with its currency, as precisely as it is worth: `0.0123 USD`, `1.64 NPR`, `12,345 NPR`."""
    return f"{number(amount)} {currency}"


def number(amount: Decimal) -> str:
    """Return an amount alone."""
    size = abs(amount)
    if not size:
        return "0"
    if size >= _WHOLE:
        return f"{amount:,.0f}"
    digits = _FEWEST_DIGITS if size >= 1 else min(1 - floor(log10(size)) + 1, 9)
    return f"{amount:,.{digits}f}"


def signed(amount: Decimal) -> str:
    """Return an amount as a change: `+0.035`, `-0.035`."""
    return f"{'+' if amount > 0 else ''}{number(amount)}"


def change(before: Decimal, after: Decimal) -> str:
    """Return how far an amount went from another: `42% less`, `twice as much`, `the same`."""
    if before == after:
        return "the same"
    if not before:
        return "more" if after > 0 else "less"
    share = abs(after - before) / before
    if share < _HARDLY:
        return "hardly more" if after > before else "hardly less"
    if after > before and share >= 1:
        return f"{after / before:.1f} times as much"
    return f"{100 * share:.{0 if share >= Decimal('0.1') else 1}f}% {'more' if after > before else 'less'}"


def against(before: Decimal, after: Decimal, name: str) -> str:
    """Return the same as a comparison with something that has a name: `42% less than A`, `2.0 times as much as A`."""
    said = change(before, after)
    return f"{said} {'as' if said.endswith('much') or before == after else 'than'} {name}"


def formulas(lines: Iterable[CostLine]) -> str:
    """Return lines as Markdown: what, amount, formula, and where its price is from."""
    said = []
    for line in lines:
        dated = f", {line.price_as_of}" if line.price_as_of else ", undated"
        said.append(
            f"**{plain(with_names(line.what))}**: {plain(number(line.amount))} {line.currency}  \n{plain(line.formula)}  \n"
            f":small[:gray[{plain(line.price_key)}: {plain(line.price_source)}{plain(dated)}]]"
        )
    return "\n\n".join(said)


def class_name(name: str) -> str:
    """Return a storage class as its provider writes it: `Glacier Flexible`, `One Zone IA`."""
    return " ".join("IA" if word == "ia" else word.capitalize() for word in name.split("_"))


def with_names(text: str) -> str:
    """Return a sentence with the classes in it as their provider writes them; those of one word stay as they are."""
    return _CLASS.sub(lambda found: class_name(found[0]), text)


def size(number_of_bytes: Decimal | int) -> str:
    """Return bytes in the unit a person would say, 1 GB being 10^9 here as on a disk: `22.5 kB`, `64.4 MB`, `100 GB`."""
    left, unit = Decimal(number_of_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if left < _THOUSAND:
            break
        left, unit = left / _THOUSAND, larger
    return f"{left:,.0f} {unit}" if left >= _WHOLE or unit == "B" else f"{left:,.1f} {unit}"
