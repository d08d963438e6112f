"""What the pipelines have cost, measured: the month in one sentence, and the bill by day, session, stage, layer and run."""

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import streamlit as st

from engine.cost_reading import By, Entry, apart, total
from engine.costs.advice import Saving, savings
from engine.costs.line import ZERO
from engine.costs.measured import PRICED, amount_of
from engine.costs.price_book import Currency
from engine.costs.question import TODAY
from engine.costs.what_if import Workload
from engine.prices import Prices
from engine.workloads import Unmeasured
from pages.ui import cost_data
from pages.ui import cost_words as words
from pages.ui import format as say
from pages.ui.charts import costs as charts
from pages.ui.text import plain
from pages.ui.url_choice import segments

BY = "by"
_SAID = {By.DAY: "Day", By.SESSION: "Session", By.STAGE: "Stage", By.LAYER: "Layer", By.RUN: "Run"}
_SMALL = Decimal(1)  # US dollar a month
_ROWS = 60


def banner(workload: Workload | Unmeasured) -> None:
    """Say in one sentence what the month costs, and where the next rupee would be saved."""
    bill, by_prices = cost_data.month(), cost_data.prices()
    spent, expected = amount_of(bill.spent), amount_of(bill.forecast)
    limit = cost_data.budget()
    shown = _both(expected, by_prices)
    size = "At the true size of the exchange the bill is **under a dollar a month**: " if expected < _SMALL else ""
    so_far = f"{_money(spent, by_prices)} in {bill.month:%B} so far, **{shown}** by its end."
    said = f"{size}{so_far} {_next(workload, by_prices)}"
    over = bool(limit) and expected > Decimal(str(limit))
    with st.container(key="cost_banner"):
        if over:
            st.error(
                f"**The forecast is above the budget** of {words.money(by_prices.shown(Decimal(str(limit))), by_prices.currency)}. {said}",
                icon=":material/trending_up:",
            )
        else:
            st.info(said, icon=":material/payments:")


def _both(amount: Decimal, by_prices: Prices) -> str:
    """Return an amount in dollars and in rupees, where the rate is known."""
    rate = by_prices.rate
    dollars = words.money(amount, Currency.USD)
    return f"{dollars} ({words.money(amount * rate.amount, Currency.NPR)})" if rate is not None else dollars


def _next(workload: Workload | Unmeasured, by_prices: Prices) -> str:
    if isinstance(workload, Unmeasured):
        return ""
    best: Saving | None = next(iter(savings(workload, TODAY, by_prices.book)), None)
    if best is None or best.amount <= 0:
        return "Nothing would save anything."
    monthly = words.money(by_prices.shown(best.amount / TODAY.horizon), by_prices.currency)
    return (
        f"The next {'rupee' if by_prices.currency is Currency.NPR else 'cent'} would be saved by: *{plain(best.words)}*, {monthly} a month."
    )


def tiles() -> None:
    """Show the month, the budget, and what a session and a good row have cost."""
    bill, by_prices = cost_data.month(), cost_data.prices()
    sessions = cost_data.entries(By.SESSION)
    whole = total(cost_data.entries(By.DAY))
    distinct = len({entry.day for entry in sessions})
    limit = Decimal(str(cost_data.budget()))
    with st.container(horizontal=True, key="cost_month"):
        st.metric("This month so far", _money(amount_of(bill.spent), by_prices), border=True)
        note = f"budget {_money(limit, by_prices)}" if limit else "no budget is set"
        st.metric("By its end", _money(amount_of(bill.forecast), by_prices), note, delta_color="off", delta_arrow="off", border=True)
        a_session = total(sessions).total / distinct if distinct else None
        st.metric(
            "A session",
            say.NOTHING if a_session is None else _money(a_session, by_prices),
            f"over {say.count(distinct, 'session')}",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
        a_row = whole.a_row
        st.metric(
            "A good row",
            say.NOTHING if a_row is None else _money(a_row, by_prices),
            f"of {whole.rows:,} in 90 days",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )


def _money(amount: Decimal, by_prices: Prices) -> str:
    return words.money(by_prices.shown(amount), by_prices.currency)


def broken_down() -> None:
    """Show the bill of the last 90 days, broken down as chosen."""
    by = By(segments("Broken down by", list(By), name=BY, default=By.DAY, said=lambda name: _SAID[By(name)]))
    found, by_prices = cost_data.entries(by), cost_data.prices()
    if not found:
        st.info("Nothing has ended since costs are measured. They are written when a run ends.", icon=":material/inbox:")
        return
    if by is By.DAY:
        _days(found, by_prices)
    else:
        _rows(found, by, by_prices)
    parts = apart(cost_data.entries(By.DAY))
    again = [
        (parts.retries, "tries that failed"),
        (parts.reruns, "dates again"),
        (parts.dead_letters, "dead letters"),
        (parts.upkeep, "upkeep"),
    ]
    said = [f"{_money(amount_of(amount), by_prices)} for {name}" for amount, name in again if amount]
    whole = _money(amount_of(parts.total), by_prices)
    st.caption(
        f"Of the last 90 days {whole}{': ' + ', '.join(said) + ' of it' if said else ''}. A run is charged a month of what it stored."
    )


def _days(found: Sequence[Entry], by_prices: Prices) -> None:
    days = sorted({entry.day for entry in found if entry.day is not None})
    amounts = {
        category: [by_prices.shown(sum((entry.cost.line(category) for entry in found if entry.day == day), ZERO)) for day in days]
        for category in PRICED
    }
    option = charts.spent([f"{day.day} {day:%b}" for day in days], amounts, unit=by_prices.currency)
    st.echarts_chart(option, key="cost_days", height=charts.HEIGHT, alt="What was spent on each day, by category")


def _rows(found: Sequence[Entry], by: By, by_prices: Prices) -> None:
    newest = list(reversed(found)) if by is By.SESSION else list(found)
    listed = newest[:_ROWS]
    columns = {_SAID[by]: [entry.label for entry in listed]}
    for category in PRICED:
        values = [float(by_prices.shown(entry.cost.line(category))) for entry in listed]
        if any(values):
            columns[words.NAMES[category]] = [words.number(Decimal(repr(value))) for value in values]
    columns["Total"] = [words.number(by_prices.shown(entry.cost.total)) for entry in listed]
    if by is By.LAYER:
        columns["Bytes"] = [say.size(entry.cost.usage.bytes_written) for entry in listed]
    st.dataframe(pa.table(columns), key="cost_rows", hide_index=True, height="content", alt=f"Costs in {by_prices.currency}, by {by.value}")
    if len(newest) > _ROWS:
        st.caption(f"The first {_ROWS} of {len(newest):,}; all of them with `python -m engine cost --since D --by {by.value}`.")
