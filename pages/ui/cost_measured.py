"""The measured part of the Costs page: this month's bill, what runs, sessions, stages and rows have cost, and each run's bill by line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import streamlit as st

from engine.billing.reading import Cost, Entry, added
from engine.costs.measured import PRICED, amount_of
from pages.ui import cost_data, data
from pages.ui import format as say
from pages.ui.charts import spent as charts
from pages.ui.text import plain
from pages.ui.url_choice import choice, segments, warn_of_unknown
from pages.ui.widgets import empty_state, run_link
from storage.status import CostWork

BY, BILL = "by", "bill"  # of the address
PARAMETERS = (BY, BILL)
NEWEST = 200
BILLS = 50
_BY: Mapping[str, str] = {
    "run": "Runs",
    "session": "Sessions",
    "stage": "Stages",
    "row": "Good rows",
    "day": "Days",
    "layer": "Layers of the lake",
}
_PARTS = {
    "first": "dates for the first time",
    "retries": "tries that failed",
    "reruns": "dates again",
    "dead_letters": "dead letters",
    "upkeep": "upkeep, messages and questions",
}
_DOLLAR = Decimal(1)
_DIGITS = 4  # behind the point: rows of a tenth of a millionth can be told from each other
_SMALL = Decimal("0.01")  # below it amounts are drawn in millionths


def month_line() -> None:
    """Say what the pipelines cost this month, what they will have cost at its end, how little that is, and what most of it goes to."""
    known, budget = cost_data.month()
    prices = cost_data.prices()
    money, expected = prices.money, amount_of(known.forecast)
    said = f"This month the pipelines have cost **{money(amount_of(known.spent))}** so far"
    said += f", and will have cost some **{money(expected)}** at its end"
    said += ": **under a dollar**, as it should be at the size of this exchange." if expected < _DOLLAR else "."
    if known.largest is not None:
        (category, name), most = known.largest
        share = say.percent(most, known.forecast)
        said += f" Most of it is {category} of {plain(name)}: {share}."
    st.markdown(said)
    if budget and expected > Decimal(str(budget)):
        st.warning(f"That is more than the month's budget of {money(Decimal(str(budget)))}.", icon=":material/savings:")
    elif budget:
        st.caption(f"The budget is {money(Decimal(str(budget)))} a month: you are told as soon as the forecast is above it.")
    if told := cost_data.stale():
        st.caption(f":material/history: {plain(told)}.")


def parts() -> None:
    """Say what this month's work was done for."""
    today = data.today()
    known = cost_data.apart(today.replace(day=1), today)
    if known.total:
        spent = [(words, getattr(known, field.name)) for field in fields(known) if (words := _PARTS[field.name])]
        money = cost_data.prices().money
        told = " · ".join(f"{words} **{money(amount_of(amount))}**" for words, amount in spent if amount)
        st.caption(f"This month's work, without what the lake stores: {told}")


def breakdown() -> None:
    """Draw and list what was spent, by what the visitor chooses."""
    chosen = segments("By", list(_BY), name=BY, default="run", said=lambda name: _BY[name])
    entries = _entries(chosen)
    if not entries:
        empty_state("Nothing has cost anything yet", text="An estimate is written when a run ends.")
        return
    _chart(chosen, entries)
    table = _table(entries, layers=chosen == "layer")
    st.dataframe(
        table, hide_index=True, key=f"cost_rows_{chosen}", height=320, placeholder=say.NOTHING, column_config=_points_in_line(table)
    )
    if chosen == "layer":
        st.caption("A month of what is stored, every version counted: nothing of the lake is deleted.")


def _entries(chosen: str) -> Sequence[Entry]:
    today = data.today()
    if chosen == "session":
        return _merged(cost_data.newest_sessions())
    if chosen == "stage":
        return cost_data.stages(limit=NEWEST)
    if chosen == "day":
        return _merged(cost_data.days(_months_ago(today), today))
    return cost_data.layers() if chosen == "layer" else cost_data.runs(limit=NEWEST)


def _months_ago(today: date) -> date:
    return today.replace(day=1, month=today.month - 1) if today.month > 1 else today.replace(year=today.year - 1, day=1, month=12)


def _merged(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return one row a day or session, whatever was done for it."""
    found: dict[date | None, list[Cost]] = {}
    for entry in entries:
        found.setdefault(entry.day, []).append(entry.cost)
    return [Entry(say.day(day), added(listed), day=day) for day, listed in found.items()]


def _chart(chosen: str, entries: Sequence[Entry]) -> None:
    prices = cost_data.prices()
    labels = charts.shortened([entry.label if entry.ref or entry.day is None else entry.day.isoformat() for entry in entries])
    if chosen == "row":
        each = [None if entry.cost.a_row is None else prices.shown(entry.cost.a_row) for entry in entries]
        factor, unit = _unit([value for value in each if value is not None])
        chart = charts.line(labels, [None if value is None else float(value * factor) for value in each], unit=unit)
    else:
        totals = [prices.shown(entry.cost.total) for entry in entries]
        factor, unit = _unit(totals)
        amounts = {category: [float(prices.shown(entry.cost.line(category)) * factor) for entry in entries] for category in PRICED}
        chart = charts.bars(labels, amounts, unit=unit)
    with st.container(border=True, key="spent"):
        st.echarts_chart(chart, height=charts.HEIGHT, key=f"spent_{chosen}", alt=f"What was spent, by {_BY[chosen].lower()}, in {unit}")


def _unit(values: Sequence[Decimal]) -> tuple[int, str]:
    """Return what amounts are multiplied by to be read, and what they are in then."""
    currency = cost_data.prices().currency
    return (1, str(currency)) if max(values, default=Decimal(0)) >= _SMALL else (1_000_000, f"millionths of a {currency}")


def _table(entries: Sequence[Entry], *, layers: bool) -> pa.Table:
    prices = cost_data.prices()
    used = [category for category in PRICED if any(entry.cost.amounts.get(category) for entry in entries)]
    listed = _in_order(entries)
    factor, unit = _unit([prices.shown(entry.cost.total) for entry in listed])

    def amounts(values: Iterable[Decimal | None]) -> list[float | None]:
        return [None if value is None else round(float(prices.shown(value) * factor), _DIGITS) for value in values]

    whole = f"{'A month' if layers else 'In all'}, {unit}"  # right after the name: a narrow screen shows the first two columns
    columns: dict[str, Sequence[str | float | None]] = {"What": [entry.label for entry in listed]}
    columns[whole] = amounts(entry.cost.total for entry in listed)
    if layers:
        columns["Bytes"] = [say.size(entry.cost.usage.bytes_written) for entry in listed]
        columns["Files"] = [entry.cost.number for entry in listed]
    elif any(entry.cost.rows for entry in listed):
        columns["Good rows"] = [entry.cost.rows for entry in listed]
        columns["A good row"] = amounts(entry.cost.a_row for entry in listed)
    if any(entry.purpose for entry in listed):
        columns["For"] = [_PARTS.get(_part(entry), say.NOTHING) for entry in listed]
    columns |= {category.value.capitalize(): amounts(entry.cost.line(category) for entry in listed) for category in used}
    return pa.table(columns)


def _points_in_line(table: pa.Table) -> dict[str, Any]:
    """Give the amounts of a column as many digits behind the point as the longest of them has."""
    amounts = {name: table[name].to_pylist() for name in table.column_names if pa.types.is_floating(table.schema.field(name).type)}
    places = {name: max(len(str(value).partition(".")[2]) for value in values) for name, values in amounts.items()}
    return {name: st.column_config.NumberColumn(format=f"%,.{number}f") for name, number in places.items()}


def _in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Return what has a date newest first, and the rest dearest first."""
    if all(entry.day is not None for entry in entries):
        return sorted(entries, key=lambda entry: (entry.day or date.min, entry.ref or 0), reverse=True)
    return sorted(entries, key=lambda entry: entry.cost.total, reverse=True)


def _part(entry: Entry) -> str:
    return "reruns" if entry.purpose == "rerun" else str(entry.purpose)


def bill() -> None:
    """Let the visitor open the bill of a run, one of the newest or any that the address names: each line with its formula and its price."""
    newest = {str(entry.ref): entry for entry in reversed(cost_data.runs(limit=BILLS))}
    asked = st.query_params.get(BILL, "")
    if asked and asked not in newest and (found := cost_data.run(int(asked)) if asked.isdecimal() else None):
        newest = {asked: found} | newest
    warn_of_unknown(list(newest), name=BILL, noun="a run without a bill: it is not over, or it ended before costs were kept")
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
    if picked is None:
        return
    _lines(newest[picked], picked)


def _lines(entry: Entry, picked: str) -> None:
    found = cost_data.lines_of(CostWork.RUN, int(picked))
    rows = [(part.name, line) for part in found for line in part.lines]
    spent = [cost_data.prices().shown(line.amount) for _, line in rows]
    factor, unit = _unit(spent)
    columns = {
        "Stage": [name for name, _ in rows],
        "What": [line.what for _, line in rows],
        f"Amount, {unit}": [round(float(amount * factor), _DIGITS) for amount in spent],
        "Formula": [line.formula for _, line in rows],
        "Price of": [say.NOTHING if line.price_as_of is None else line.price_as_of.isoformat() for _, line in rows],
        "Source of the price": [line.price_source for _, line in rows],
    }
    table = pa.table(columns)
    st.dataframe(table, hide_index=True, key="bill_lines", placeholder=say.NOTHING, column_config=_points_in_line(table))
    st.caption(f"In all **{cost_data.prices().money(entry.cost.total)}**, by the prices of the day on which the run ended.")
    run_link(int(picked), icon=":material/arrow_forward:")
    if dead := sum(part.dead for part in found):
        st.caption(f"{say.count(dead, 'stage')} died with the process: what it used is not known, and not in the bill.")
