"""A session as the text of a daily file, in the very layout of the real site: column names and order, thousands commas, quotes, `-`."""

import csv
from dataclasses import dataclass
from datetime import date
from io import StringIO

import numpy as np

from engine.sources.simulated.bits import Ints
from engine.sources.simulated.market import Averages, Market, Session

_START = ("S.No", "Symbol", "Conf.", "Open", "High", "Low", "Close")
_MIDDLE = ("Turnover", "Trans.", "Diff", "Range", "Diff %", "Range %", "VWAP %", "120 Days", "180 Days", "52 Weeks High", "52 Weeks Low")
LAYOUTS: dict[str, tuple[str, ...]] = {
    "v1_21col": (*_START, "VWAP", "Vol", "Prev. Close", *_MIDDLE),
    "v2_22col": (*_START, "VWAP", "Vol", "Prev. Close", "LTP", *_MIDDLE),
    "v3_24col": (*_START, "LTP", "Close - LTP", "Close - LTP %", "VWAP", "Vol", "Prev. Close", *_MIDDLE),
}
_SINCE = ((date(2025, 3, 27), "v3_24col"), (date(2025, 3, 25), "v2_22col"))  # the dates on which the real site changed
_OTHER = {"v1_21col": "v3_24col", "v2_22col": "v1_21col", "v3_24col": "v1_21col"}


@dataclass(frozen=True, slots=True)
class DailyTable:
    """The lines of a daily file without the column `Conf.`, which is filled in later: what stands before it and after it."""

    layout: str
    before: tuple[str, ...]  # `S.No,Symbol,`
    after: tuple[str, ...]  # `,Open,High, ...`

    @property
    def header(self) -> tuple[str, ...]:
        """The column names."""
        return LAYOUTS[self.layout]

    def lines(self, confidence: list[str] | None = None) -> list[str]:
        """Return the rows, with one confidence a row or `-` in all of them."""
        if confidence is None:
            return [f"{before}-{after}" for before, after in zip(self.before, self.after, strict=True)]
        return [f"{before}{conf}{after}" for before, conf, after in zip(self.before, confidence, self.after, strict=True)]


def layout_on(day: date) -> str:
    """Return the layout the site uses on `day`."""
    return next((layout for since, layout in _SINCE if day >= since), "v1_21col")


def other_layout(layout: str) -> str:
    """Return a known layout that is not the given one."""
    return _OTHER[layout]


def daily_table(market: Market, session: Session, layout: str) -> DailyTable:
    """Write a session's rows as text, in order of symbol."""
    columns = _columns(session, market.averages(session))
    symbols = [market.listings.symbols[n] for n in session.plan.traded.tolist()]
    texts = {name: _texts(values) for name, values in columns.items()}
    texts["LTP"], texts["Close - LTP"] = texts["Close"], ["0.00"] * len(symbols)
    texts["Close - LTP %"] = texts["Close - LTP"]
    for name, values in (("120 Days", columns["120 Days"]), ("180 Days", columns["180 Days"])):
        texts[name] = ["-" if value < 0 else text for value, text in zip(values.tolist(), texts[name], strict=True)]
    texts["Trans."] = [f'"{n:,}"' if n >= 1_000 else str(n) for n in session.bars.trades.tolist()]  # noqa: PLR2004
    cells = zip(*(texts[name] for name in LAYOUTS[layout][3:]), strict=True)
    return DailyTable(
        layout=layout,
        before=tuple(f"{n},{symbol}," for n, symbol in enumerate(symbols, start=1)),
        after=tuple(f",{','.join(row)}" for row in cells),
    )


def _columns(session: Session, past: Averages) -> dict[str, Ints]:
    """Return every column in hundredths (paisa, or hundredths of a percent); -1 marks a null in the two averages."""
    bars, previous = session.bars, session.previous
    difference = bars.close - previous
    return {
        "Open": bars.open,
        "High": bars.high,
        "Low": bars.low,
        "Close": bars.close,
        "VWAP": bars.vwap,
        "Vol": bars.volume * 100,
        "Prev. Close": previous,
        "Turnover": bars.turnover,
        "Diff": difference,
        "Range": bars.high - bars.low,
        "Diff %": np.where(previous > 0, _percent(difference, np.maximum(previous, 1)), 0),
        "Range %": _percent(bars.high - bars.low, bars.low),
        "VWAP %": _percent(bars.close - bars.vwap, bars.close),
        "120 Days": past.average_120d,
        "180 Days": past.average_180d,
        "52 Weeks High": past.high_52w,
        "52 Weeks Low": past.low_52w,
    }


def _percent(part: Ints, whole: Ints) -> Ints:
    return np.rint(part * 10_000 / whole).astype(np.int64)


def _texts(hundredths: Ints) -> list[str]:
    # Dividing by 100 and printing two decimals gives back the exact hundredths up to 2**53.
    numbers = (hundredths / 100.0).tolist()
    return [f'"{x:,.2f}"' if x >= 1_000 or x <= -1_000 else f"{x:.2f}" for x in numbers]  # noqa: PLR2004


def cells_of(line: str) -> list[str]:
    """Split one line of a daily file into its cells."""
    return next(csv.reader([line]))


def line_of(cells: list[str]) -> str:
    """Join cells to one line, quoted where a comma asks for it."""
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
