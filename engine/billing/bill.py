"""A bill of measured costs as plain values, for the command line: broken down as asked, with its prices and what is to be known of them."""

from dataclasses import asdict
from datetime import date
from decimal import Context, Decimal
from typing import Any

from sqlalchemy import Connection

from engine.billing.forecast import MonthBill, lake_ahead, month_bill
from engine.billing.prices import Prices, in_force, prices, sentence
from engine.billing.reading import MOST, By, Entry, apart, as_rows, by_day, by_layer, by_run, by_session, by_stage, repriced, total
from engine.billing.scenario_file import book_named
from engine.clock import nepal_date
from engine.costs.forecast import MOST_MONTHS, Month
from engine.costs.line import ZERO, Category
from engine.costs.measured import PRICED, Usage, amount_of
from engine.costs.price_book import Currency, Price
from engine.errors import UsageError
from engine.runtime import Runtime
from engine.services.costs import named_prices
from storage import costs


def chosen(connection: Connection, book: str | None, currency: Currency | None) -> Prices:
    """Return the prices in force, or of a book of that name, version or file; shown in a currency where one is given."""
    now = in_force(connection)
    found = now if book is None else _named(connection, book)
    return prices(found.version, found.book, currency or now.currency)


def _named(connection: Connection, book: str) -> Prices:
    if book.endswith(".json"):
        return prices(0, book_named(book), Currency.USD)
    return named_prices(connection, book)


def bill(runtime: Runtime, since: date, until: date, by: By, *, book: str | None, currency: Currency | None) -> dict[str, Any]:
    """Return what was spent between two days: in all, by category, by why, and broken down `by`.

    Amounts are those of the estimates, made by the prices of their day; with a `book` the same usage by other prices.
    """
    with runtime.database.reading() as connection:
        by_prices = chosen(connection, book, currency)
        entries = _entries(connection, since, until, by, by_prices, other=book is not None)
        first = costs.first_day(connection)
        left_out = by in (By.RUN, By.STAGE) and costs.number_between(connection, since, until) > MOST
        beyond = _beyond(connection, by, by_prices) if book is None else _BEYOND.get(by)
    whole, show = total(entries), by_prices.shown
    found: dict[str, Any] = {"since": since, "until": until, "by": by, "currency": by_prices.currency}
    if runtime.simulated:
        found["simulated"] = True
    found |= {"total": show(whole.total), "lines": {category.value: show(whole.line(category)) for category in PRICED}}
    if by in (By.RUN, By.DAY, By.SESSION):
        parts = {name: show(amount_of(part)) for name, part in asdict(apart(entries)).items()}
        found |= {"apart": parts, "good_rows": whole.rows, "a_good_row": None if whole.a_row is None else _ratio(show(whole.a_row))}
        found["unmeasured_stages"] = whole.unmeasured
    found["prices"] = told(by_prices, nepal_date(runtime.clock.now())) | {"as_estimated": book is None and by is not By.LAYER}
    found["kept_since"] = first
    return found | {"not_in_it": beyond, "rows": as_rows(entries, show), "left_out": left_out}


def _ratio(amount: Decimal) -> Decimal:
    """Return what is divided, and so no amount that was ever rounded, with as many digits as a JSON number holds exactly."""
    return Context(prec=12).plus(amount)


_BEYOND = {
    By.SESSION: "work of no session is not in it: jobs, messages, questions, and runs of dates that no session came of",
    By.LAYER: "only a month of what is stored is in it: no computing, requests or messages",
}


def _beyond(connection: Connection, by: By, by_prices: Prices) -> str | None:
    """Say what a breakdown has no rows for, and how much that is; None where it has all that ended on its days."""
    if by is not By.SESSION:
        return _BEYOND.get(by)
    whole, of_sessions = (total(read(connection, date.min, date.max)).total for read in (by_day, by_session))
    left = f"{amount(by_prices.shown(whole - of_sessions))} {by_prices.currency} since {costs.first_day(connection)}"
    return f"{_BEYOND[by]} ({left})" if whole > of_sessions else None


def _entries(connection: Connection, since: date, until: date, by: By, prices: Prices, *, other: bool) -> list[Entry]:
    if by is By.LAYER:
        return by_layer(connection, prices, since=since, until=until)
    if by in (By.RUN, By.STAGE):
        return (by_run if by is By.RUN else by_stage)(connection, since, until, prices=prices if other else None)
    found = by_session(connection, since, until) if by is By.SESSION else by_day(connection, since, until)
    return repriced(found, prices) if other else found


def month(runtime: Runtime, *, book: str | None, currency: Currency | None, budget: float) -> dict[str, Any]:
    """Return this month's bill: what it has come to, what it will come to, what most of it goes to, and its budget (USD; 0 is none)."""
    with runtime.database.reading() as connection:
        by_prices = chosen(connection, book, currency)
        known = month_bill(connection, by_prices.tariff, now=runtime.clock.now())
    show = by_prices.shown
    found: dict[str, Any] = {"month": f"{known.month:%Y-%m}", "today": known.today, "currency": by_prices.currency}
    if runtime.simulated:
        found["simulated"] = True
    found |= {"so_far": show(amount_of(known.spent)), "forecast": show(amount_of(known.forecast))}
    found |= {"budget": show(Decimal(str(budget))) if budget else None, "over_budget": over(known, budget)}
    found |= {"forecast_lines": {category.value: show(amount_of(amount)) for category, amount in known.by_category.items()}}
    return found | {"drivers": drivers(known, by_prices), "prices": told(by_prices, known.today)}


def ahead(runtime: Runtime, months: int, *, book: str | None, currency: Currency | None) -> dict[str, Any]:
    """Return what the lake will hold months ahead, in all and by layer, with bands of 80 %, and what storing it costs then."""
    if not 1 <= months <= MOST_MONTHS:
        raise UsageError(f"a forecast goes 1 to {MOST_MONTHS} months ahead, not {months}")
    with runtime.database.reading() as connection:
        by_prices = chosen(connection, book, currency)
        known = lake_ahead(connection, months)
    found: dict[str, Any] = {"months": months, "currency": by_prices.currency} | ({"simulated": True} if runtime.simulated else {})
    found |= {"stored": known.stored, "why_not": known.why_not or None, "ahead": _ahead(known.months, by_prices)}
    found["prices"] = told(by_prices, nepal_date(runtime.clock.now()))
    layers = [{"layer": one.layer, "stored": one.stored, "ahead": _ahead(one.months, by_prices)} for one in known.layers]
    return found | {"layers": layers}


def _ahead(months: tuple[Month, ...], by_prices: Prices) -> list[dict[str, Any]]:
    def a_month(stored: Decimal) -> Decimal:
        usage = Usage(bytes_written=int(stored))
        return by_prices.shown(amount_of(by_prices.tariff.amounts(usage)[Category.STORAGE]))

    return [
        {"month": each.number, "arriving": int(each.arriving), "stored": int(each.stored), "low": int(each.stored_low)}
        | {"high": int(each.stored_high), "cost": a_month(each.stored)}
        for each in months
    ]


def over(known: MonthBill, budget: float) -> bool:
    """Say whether the forecast of a month is above its budget (USD; 0 is none)."""
    return bool(budget) and amount_of(known.forecast) > Decimal(str(budget))


def drivers(known: MonthBill, by_prices: Prices) -> list[dict[str, Any]]:
    """Return what a month's bill goes to, the largest first."""
    both = {**known.so_far, **known.to_come}
    rows = [
        {
            "category": category.value,
            "of": name,
            "so_far": by_prices.shown(amount_of(known.so_far.get((category, name), 0))),
            "forecast": by_prices.shown(amount_of(known.so_far.get((category, name), 0) + known.to_come.get((category, name), 0))),
        }
        for category, name in both
    ]
    return sorted(rows, key=lambda row: row["forecast"], reverse=True)


def told(by_prices: Prices, today: date) -> dict[str, Any]:
    """Return what is to be known of prices: which they are, at which rate, and whether they are too old."""
    rate = by_prices.rate
    return {
        "book": by_prices.book.name,
        "version": by_prices.version,
        "npr_per_usd": None if rate is None else rate.amount,
        "stale": sentence(by_prices.stale(today), today),
        "not_priced": list(by_prices.tariff.unpriced),
    }


def price_rows(rows: tuple[Price, ...], today: date) -> list[dict[str, Any]]:
    """Return prices as plain values."""
    return [
        {
            "key": row.key,
            "amount": row.amount,
            "currency": row.currency,
            "unit": row.unit if row.per == 1 else f"{row.per:,f} {row.unit}",
            "above": row.above or None,
            "as_of": row.as_of,
            "stale": row.is_stale(today),
            "source": row.source,
        }
        for row in sorted(rows, key=lambda row: (row.key, row.above))
    ]


def nothing(found: dict[str, Any]) -> str | None:
    """Say why a bill is empty, or None."""
    if found["rows"]:
        return None
    if found["kept_since"] is None:
        return "nothing has ended since costs are kept: they are written when a run ends"
    return f"nothing ended between {found['since']} and {found['until']}; costs are kept since {found['kept_since']}"


def amount(value: Decimal) -> str:
    """Return an amount as a table shows it: up to nine decimals."""
    return f"{value:,.9f}".rstrip("0").rstrip(".") if value else str(ZERO)
