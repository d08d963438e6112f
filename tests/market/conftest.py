"""Daily files made by hand, small enough to read in a test."""

import gzip
from collections.abc import Callable, Sequence
from datetime import date

import pytest

from engine.market.daily_file import ParsedFile, parse

V1 = (
    "S.No,Symbol,Conf.,Open,High,Low,Close,VWAP,Vol,Prev. Close,Turnover,Trans.,Diff,Range,Diff %,Range %,VWAP %,"
    "120 Days,180 Days,52 Weeks High,52 Weeks Low"
)
GOOD = '1,ADBL,-,228.00,237.40,228.00,237.40,228.65,"1,530.00",224.00,"349,834.50",5,13.40,9.40,5.98,4.12,3.69,247.55,245.16,307.70,223.00'


@pytest.fixture
def header() -> str:
    """The header of the first layout."""
    return V1


@pytest.fixture
def good() -> str:
    """A line of the first layout with nothing wrong: ADBL closes at 237.40 on 1,530 shares."""
    return GOOD


@pytest.fixture
def read() -> Callable[..., ParsedFile]:
    """Parse lines of text as one packed daily file of the first layout."""

    def reader(*lines: str, header: str = V1) -> ParsedFile:
        return parse(gzip.compress("".join(f"{line}\n" for line in (header, *lines)).encode()), "2024_03_05.csv.gz")

    return reader


@pytest.fixture
def market() -> Callable[..., ParsedFile]:
    """Parse the file of a made-up session `number`: each symbol's previous close is its close of session `number - 1`."""

    def close(symbol: int, number: int) -> float:
        return 100 + symbol + number % 7 * 0.5

    def line(symbol: int, number: int, changed: Sequence[int], trades: int) -> str:
        price, before = close(symbol, number), close(symbol, number - 1)
        volume = 1000 + symbol + 10 * number + (1 if symbol in changed else 0)
        numbers = (price, price, price, price, price, volume, before, price * volume, trades + number, *[0] * 5, 100, 100, 300, 50)
        return f"1,S{symbol:03d},-," + ",".join(str(round(n, 2)) for n in numbers)

    def reader(number: int, *, symbols: int = 320, changed: Sequence[int] = (), trades: int = 200) -> ParsedFile:
        lines = [line(symbol, number, changed, trades) for symbol in range(symbols)]
        return parse("\n".join([V1, *lines]).encode(), f"session {number}")

    return reader


@pytest.fixture
def thursday() -> date:
    """A Thursday of an ordinary week, Sunday to Thursday."""
    return date(2024, 6, 6)
