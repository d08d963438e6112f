"""Commands about the prices in force: every change is a new version of the book, with its reason; estimates that were written stay."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from engine.billing.prices import OWN, Prices, add, in_force, load, preset_prices
from engine.clock import nepal_date
from engine.costs.own_book import book_of_rows, book_of_text
from engine.costs.presets import PRESETS
from engine.costs.price_book import FX, Currency, Price, PriceBook, near
from engine.errors import Conflict, UnknownName, UsageError
from engine.services.base import Commands, reasoned
from storage import price_books

Change = Callable[[Connection, Prices], tuple[PriceBook, Currency, str]]  # to a book and a currency, and what is said of it


class CostCommands(Commands):
    """Choose, change and load prices; choose the currency."""

    def choose_prices(self, wanted: str, *, reason: str) -> int:
        """Put a preset in force, the newest version of a book by its name, or a version by its number; return the new version."""

        def chosen(connection: Connection, now: Prices) -> tuple[PriceBook, Currency, str]:
            book = named_prices(connection, wanted).book
            _refuse_same(book, now)
            return book, now.currency, f"the prices of {book.name} are in force"

        return self._change_prices("choose_prices", {"wanted": wanted}, chosen, reason=reason)

    def set_price(self, key: str, amount: Decimal | str, *, source: str, as_of: date, reason: str, currency: Currency | None = None) -> int:
        """Change one price, or a term of the price list, of the book in force; return the new version, of a book of one's own.

        Its unit stays, and so does its currency unless another is given. A price in tiers becomes one for every quantity.
        """

        def changed(connection: Connection, now: Prices) -> tuple[PriceBook, Currency, str]:  # noqa: ARG001, as every change
            known = now.book.get(key)
            if known is None:
                raise UnknownName(f"the prices in force have none called {key!r}; {near(key, now.book.keys)}")
            price = self._checked(known, amount, source=source, as_of=as_of, currency=currency)
            tiers = now.book.tiers(key)
            if tiers == (price,):
                raise Conflict(f"{key} is already {price.words}, by {source}")
            if price.currency is Currency.NPR and not now.book.term(FX):
                raise UsageError(f"a price in NPR needs a rate: set {FX} first")
            said = f"{key} is {price.words} now, and was {tiers[0].words}{' and more in tiers' if len(tiers) > 1 else ''}"
            return _own(now.book, [price]), now.currency, said

        asked = {"key": key, "amount": str(amount), "source": source, "as_of": as_of, "currency": currency}
        return self._change_prices("set_price", asked, changed, reason=reason)

    def load_prices(self, text: str, *, reason: str) -> int:
        """Put a price book of one's own in force, from the text of its JSON file; return the new version."""
        book = book_of_text(text)
        today = nepal_date(self.runtime.clock.now())
        own = set(book.rows).difference(*(preset.rows for preset in PRESETS.values()))
        ahead = sorted(row.key for row in own if row.as_of is not None and row.as_of > today)
        if ahead:
            raise UsageError(f"the price of {ahead[0]} is dated after today ({today}): say when its source gave it")
        if any(row.currency is Currency.NPR for row in book.rows) and not book.term(FX):
            raise UsageError(f"prices in NPR need a rate: add a row for {FX}")

        def loaded(connection: Connection, now: Prices) -> tuple[PriceBook, Currency, str]:  # noqa: ARG001, as every change
            _refuse_same(book, now)
            return book, now.currency, f"the prices of {book.name} are in force"

        return self._change_prices("load_prices", {"name": book.name, "prices": len(book.rows)}, loaded, reason=reason)

    def choose_currency(self, currency: Currency, *, reason: str) -> int:
        """Show amounts in another currency from now on; return the new version. Estimates are kept in US dollars whatever is shown."""

        def chosen(connection: Connection, now: Prices) -> tuple[PriceBook, Currency, str]:  # noqa: ARG001, as every change
            if now.currency is currency:
                raise Conflict(f"amounts are shown in {currency} already")
            if currency is Currency.NPR and not now.book.term(FX):
                raise UsageError(f"the prices in force say no rate for NPR: set {FX} first")
            return now.book, currency, f"amounts are shown in {currency}"

        return self._change_prices("choose_currency", {"currency": currency}, chosen, reason=reason)

    def _change_prices(self, command: str, asked: dict[str, object], change: Change, *, reason: str) -> int:
        why, at = reasoned(reason), self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "prices")  # ids are versions: they must become visible in their order
            book, currency, said = change(connection, in_force(connection))
            version = add(connection, book, currency=currency, at=at, by=self.actor, reason=why)
            self._audited(connection, command, asked | {"reason": why}, f"version {version}: {said}")
        return version

    def _checked(self, known: Price, amount: Decimal | str, *, source: str, as_of: date, currency: Currency | None) -> Price:
        """Return the changed price; `UsageError` says what cannot be one."""
        if currency is not None and known.currency is None:
            raise UsageError(f"{known.key} is a term of the price list, in {known.unit}: it has no currency")
        today = nepal_date(self.runtime.clock.now())
        if as_of > today:
            raise UsageError(f"the price of {known.key} is dated after today ({today}): say when its source gave it")
        row: dict[str, Any] = {"key": known.key, "amount": str(amount), "unit": known.unit, "currency": currency or known.currency}
        row |= {"per": str(known.per), "source": source.strip(), "as_of": as_of}
        price = book_of_rows(OWN, 1, [row]).rows[0]
        if known.key == FX and not price.amount:
            raise UsageError("a rate of 0 converts nothing")
        return price


def named_prices(connection: Connection, wanted: str) -> Prices:
    """Return a preset, the newest version of a book by its name, or a version by its number; `UnknownName` lists what there is."""
    if wanted.isdigit():
        return load(connection, int(wanted))
    version = price_books.newest_named(connection, wanted)
    if version is not None:
        return load(connection, version)
    if wanted in PRESETS:
        return preset_prices(wanted, in_force(connection).currency)
    known = [*PRESETS, *(row["name"] for row in price_books.history(connection))]
    raise UnknownName(f"no price book is called {wanted!r}; {near(wanted, dict.fromkeys(known))}")


def _refuse_same(book: PriceBook, now: Prices) -> None:
    if now.version and frozenset(book.rows) == frozenset(now.book.rows) and book.name == now.book.name:
        raise Conflict(f"the prices of {book.name} are in force already, as version {now.version}")


def _own(book: PriceBook, rows: list[Price]) -> PriceBook:
    """Return a book with prices of one's own; a preset becomes one that says what it was made of."""
    name = OWN if book.name in PRESETS else book.name
    about = f"as {book.name}, with prices of one's own" if book.name in PRESETS else book.about
    return book.with_prices(rows, name=name, about=about)
