"""What B's choices about computing come to: interruptions on spot, and more vCPUs against less time."""

from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import streamlit as st

from engine.clock import NEPAL
from engine.costs.compute import expected_hours, run_cost, spot_pays, undisturbed
from engine.costs.focus import Charged, focus_csv, focus_rows, months_after
from engine.costs.price_book import Currency, PriceBook
from engine.costs.question import Question
from engine.costs.what_if import HOUR, Projection, Workload, run_hours, spot_of
from pages.ui import cost_words as words
from pages.ui import format as say

COUNTS = (1, 2, 4, 8, 16, 32, 64)


def on_spot(workload: Workload, question: Question, book: PriceBook) -> None:
    """Say what interruptions do to a run, and whether spot is worth it."""
    if not question.spot:
        return
    spot, discount = spot_of(question, book)
    work = run_hours(workload, question, book)[0]
    longer = expected_hours(work, spot)
    kept = f"a checkpoint every {question.checkpoint} min" if question.checkpoint else "no checkpoints"
    pays = "it pays" if spot_pays(discount, work, spot) else "it does **not** pay: interruptions cost more than the discount saves"
    st.caption(
        f"On spot a run that is billed {_time(work)} takes {_time(longer)} on average, with {kept}; "
        f"{say.percent(float(undisturbed(work, spot)), 1)} run through undisturbed. At {100 * discount:.0f}% off {pays}."
    )


def curve(workload: Workload, question: Question, book: PriceBook, *, currency: Currency, rate: Decimal) -> None:
    """Show what more vCPUs would do to the time and to the price of a run."""
    with st.expander("More vCPUs: the time and the cost of a run", icon=":material/speed:", key="cost_curve"):
        least = book.term("compute.minimum_seconds")
        seconds = [Decimal(repr(workload.curve.seconds(count))) * question.scale for count in COUNTS]
        costs = [run_cost(book, took, Decimal(count), workload.memory_gb) * rate for took, count in zip(seconds, COUNTS, strict=True)]
        table = {
            "vCPUs": list(COUNTS),
            "Takes": [_time(took / HOUR) for took in seconds],
            "Is billed": [_time(max(took, least) / HOUR) for took in seconds],
            "Costs": [words.money(cost, currency) for cost in costs],
        }
        st.dataframe(pa.table(table), key="cost_curve_rows", hide_index=True, height="content", alt="Time and cost of a run by vCPUs")
        fit = workload.curve
        if fit.parallel:
            parts = f"{fit.serial:.2g} s serial, {fit.parallel:.2g} s shared among the vCPUs"
            st.caption(f"Amdahl's law through measured runs: {parts}; beyond {fit.most:.0f} vCPUs it is a guess.")
        else:
            st.caption("A run has never used more than one vCPU at once: more of them cost more, and save no time.")


def _time(hours: Decimal) -> str:
    return say.duration(float(hours * HOUR) * 1e6)


def download(projection: Projection, book: PriceBook, *, now: datetime) -> None:
    """Offer B's lines as rows of FOCUS 1.2, for the months after this one."""
    begin, end = months_after(now.astimezone(NEPAL), len(projection.months))
    charged = Charged(begin, end, "what-if", f"{book.name} v{book.version}", "scenario B", "scenario")
    st.download_button(
        "B as FOCUS rows (CSV)",
        focus_csv(focus_rows(projection.lines, charged)),
        "what-if-focus.csv",
        "text/csv",
        key="cost_focus",
        icon=":material/download:",
        on_click="ignore",
    )
