"""A folder of made-up daily files: the same dates always give the same bytes, and each session brings three lines that do not pass."""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from engine.market.rules import rules_on
from tests.pipelines.house import daily_bytes, numbers

SYMBOLS = 110  # the exchange never had fewer than 100 rows
OPEN, HIGH, LOW = 3, 4, 5  # cells of a row
SETTLED = 1_700_000_000  # long ago: a file that has just been written is not taken yet


def write(folder: Path, since: date, until: date) -> None:
    """Publish the file of each session of a range; closed days have none."""
    (folder / "daily").mkdir(parents=True)
    for number, day in enumerate(sessions(since, until)):
        file = folder / "daily" / f"{day:%Y_%m_%d}.csv.gz"
        file.write_bytes(daily_bytes(_with_bad_rows(number)))
        os.utime(file, (SETTLED, SETTLED))


def sessions(since: date, until: date) -> Iterator[date]:
    """Return the trading days of a range."""
    days = (since + timedelta(days=number) for number in range((until - since).days + 1))
    return (day for day in days if rules_on(day).in_trading_week)


def corrected(number: int) -> str:
    """Return the line of session `number` whose high and low were taken for each other, as a person would put it right."""
    row = numbers(number, range(SYMBOLS))[_first_bad(number)]
    return ",".join(f'"{cell}"' if "," in cell else cell for cell in row)


def _with_bad_rows(number: int) -> list[list[str]]:
    rows, first = numbers(number, range(SYMBOLS)), _first_bad(number)
    crossed, unreadable = rows[first], rows[first + 1]
    crossed[HIGH], crossed[LOW] = crossed[LOW], crossed[HIGH]
    unreadable[OPEN] = "abc"
    del rows[first + 2][-5:]
    return rows


def _first_bad(number: int) -> int:
    return number % (SYMBOLS - 3)
