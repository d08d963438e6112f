"""Measured costs as rows of FOCUS 1.2: one row a line of each stage, so that the rows add up to the bill exactly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.billing.metering import COLUMN
from engine.billing.prices import Prices, load
from engine.billing.reading import MOST, outside_runs, with_parts
from engine.clock import NEPAL, nepal_time
from engine.costs.focus import Charged, focus_rows
from engine.costs.line import CostLine
from engine.costs.measured import Usage, amount_of
from engine.costs.price_book import Currency
from storage import costs

DAY = timedelta(days=1)
_TAGGED = ("work", "name", "purpose", "status", "partition", "session")


def rows(
    connection: Connection, since: date, until: date, currency: Currency, *, account: str, prices: Prices | None = None
) -> list[dict[str, str]]:
    """Return the rows of everything that ended on these days, by the prices of its estimate or by other `prices`.

    The charge period is a day in Nepal, the billing period its month. Only lines of nothing are left out: the rows add up to the whole.
    """
    known: dict[int, Prices] = {}
    found = []
    for row, stage, lines in _charges(connection, since, until, prices, known):
        by = prices or known[row["book_id"]]
        shown = [_in(line, currency, by) for line in lines]
        found += focus_rows(shown, _charged(row, stage, account=account, book=f"{by.book.name}, version {by.version}"))
    return found


def _charges(
    connection: Connection, since: date, until: date, prices: Prices | None, known: dict[int, Prices]
) -> Iterator[tuple[Mapping[str, Any], str, Sequence[CostLine]]]:
    """Yield each part of a bill with its lines."""
    parted = with_parts(connection, costs.between(connection, since, until, limit=MOST))
    for row, parts in parted:
        tariff = (prices or _known(connection, row["book_id"], known)).tariff
        for part in parts:
            yield row, part.name, tariff.lines(part.usage)
    for row in outside_runs(connection, since, until):
        lines = (prices or _known(connection, row["book_id"], known)).tariff.lines(Usage.of(row))
        # Each message and question was rounded by itself, and each is of one category only.
        yield row, row["name"], [line if prices else replace(line, amount=amount_of(int(row[COLUMN[line.category]]))) for line in lines]


def _known(connection: Connection, version: int, known: dict[int, Prices]) -> Prices:
    return known.get(version) or known.setdefault(version, load(connection, version))


def _in(line: CostLine, currency: Currency, prices: Prices) -> CostLine:
    """Return a line in the currency of the bill, not rounded again."""
    rate = prices.rate
    if currency is Currency.USD or rate is None:
        return line
    formula = f"{line.formula} x {rate.words}"
    return replace(line, currency=currency, amount=line.amount * rate.amount, unit_price=line.unit_price * rate.amount, formula=formula)


def _charged(row: Mapping[str, Any], stage: str, *, account: str, book: str) -> Charged:
    begin = nepal_time(row["day"], 0).astimezone(NEPAL)  # whose months are billed
    tags = {name: str(row[name]) for name in _TAGGED if row.get(name) is not None} | {"stage": stage}
    tags |= {"simulated": "true"} if row.get("simulated") else {}
    resource = f"{row['name']}/{row['ref']}" if row.get("ref") is not None else row["name"]
    return Charged(begin, begin + DAY, account, book, resource, row["work"], tags)
