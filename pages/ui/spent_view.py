"""What was spent over time, by run, session or good row; and the bill of one run, line by line with its formulas."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pyarrow as pa
import streamlit as st

from engine.cost_reading import Entry
from engine.costs.measured import PRICED
from pages.ui import cost_data, spent_data
from pages.ui import cost_words as words
from pages.ui import format as say
from pages.ui.charts import spent as charts
from pages.ui.text import plain
from pages.ui.url_choice import choice, segments
from pages.ui.widgets import run_link
from storage.status import CostWork

OVER, BILL = "over", "bill"  # of the address
PARAMETERS = (OVER, BILL)
BILLS = 50
_OVER: Mapping[str, str] = {"run": "Runs", "session": "Sessions", "row": "Good rows"}
_SMALL = Decimal("0.01")  # below it amounts are drawn in millionths


def over_time() -> None:
    """Draw what runs, sessions or good rows have cost over time."""
    chosen = segments("Over time", list(_OVER), name=OVER, default="run", said=lambda name: _OVER[name])
    entries = spent_data.newest_sessions() if chosen == "session" else spent_data.newest()
    if not entries:
        st.caption("Nothing has cost anything yet: an estimate is written when a run ends.")
        return
    with st.container(border=True, key="spent"):
        chart, unit = _a_row(entries) if chosen == "row" else _bars(entries)
        alt = f"What {_OVER[chosen].lower()} have cost, oldest at the left, in {unit}"
        st.echarts_chart(chart, height=charts.HEIGHT, key=f"spent_{chosen}", alt=alt)


def _bars(entries: Sequence[Entry]) -> tuple[dict[str, object], str]:
    shown = cost_data.prices().shown
    factor, unit = _unit([shown(entry.cost.total) for entry in entries])
    amounts = {category: [float(shown(entry.cost.line(category)) * factor) for entry in entries] for category in PRICED}
    return charts.bars([entry.label for entry in entries], amounts, unit=unit), unit


def _a_row(entries: Sequence[Entry]) -> tuple[dict[str, object], str]:
    """Draw what a good row cost in each run that loaded some; a gap where one loaded none."""
    shown = cost_data.prices().shown
    each = [None if entry.cost.a_row is None else shown(entry.cost.a_row) for entry in entries]
    factor, unit = _unit([value for value in each if value is not None])
    values = [None if value is None else float(value * factor) for value in each]
    return charts.line([entry.label for entry in entries], values, unit=unit), unit


def _unit(values: Sequence[Decimal]) -> tuple[int, str]:
    """Return what amounts are multiplied by to be read, and what they are in then."""
    currency = cost_data.prices().currency
    return (1, str(currency)) if max(values, default=Decimal(0)) >= _SMALL else (1_000_000, f"millionths of a {currency}")


def bill() -> None:
    """Let the visitor open the bill of a run: each line with its formula, and the source and date of its price."""
    newest = {str(entry.ref): entry for entry in reversed(spent_data.newest(limit=BILLS))}
    if not newest:
        return
    picked = choice(
        "The bill of a run",
        list(newest),
        name=BILL,
        default=None,
        said=lambda ref: f"Run {ref}: {newest[ref].label}",
        placeholder="choose one of the newest",
        width=420,
    )
    if picked is not None:
        _lines(newest[picked])


def _lines(entry: Entry) -> None:
    found = spent_data.lines_of(CostWork.RUN, entry.ref or 0)
    rows = [(part.name, line) for part in found for line in part.lines]
    columns = {
        "Stage": [name for name, _ in rows],
        "What": [line.what for _, line in rows],
        "Formula": [line.formula for _, line in rows],
        "Price of": [say.NOTHING if line.price_as_of is None else line.price_as_of.isoformat() for _, line in rows],
        "Source of the price": [line.price_source for _, line in rows],
    }
    by = cost_data.prices()
    st.dataframe(pa.table(columns), hide_index=True, key="bill_lines", alt=f"The lines of the bill of run {entry.ref}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"In all **{words.money(by.shown(entry.cost.total), by.currency)}** by the prices of the day on which it ended: "
            f"{plain(entry.label)}, {entry.status}."
        )
        run_link(entry.ref or 0, icon=":material/arrow_forward:")
    if dead := sum(part.dead for part in found):
        st.caption(f"{say.count(dead, 'stage')} died with the process: what it used is not known, and not in the bill.")
