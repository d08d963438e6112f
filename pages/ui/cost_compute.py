"""What B's choices about computing come to: interruptions on spot and what they do to the deadline, and more vCPUs against less time."""

from datetime import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import streamlit as st

from engine.clock import NEPAL
from engine.costs.compute import TRIALS, Spot, deadline_risk, expected_hours, run_cost, spot_pays, undisturbed
from engine.costs.focus import Charged, focus_csv, focus_rows, months_after
from engine.costs.price_book import Currency, PriceBook
from engine.costs.question import Question
from engine.costs.what_if import HOUR, Projection, Workload, run_hours, spot_of, takes_hours
from engine.monitoring.deadlines import LOADED_BY
from engine.pipeline.graph import Due
from pages.ui import cost_words as words
from pages.ui import data, quality_data
from pages.ui import format as say

COUNTS = (1, 2, 4, 8, 16, 32, 64)
SEED = 910  # the same question has the same answer


def on_spot(workload: Workload, question: Question, book: PriceBook) -> None:
    """Say what interruptions do to a run, whether spot is worth it, and whether a session would still be loaded in time."""
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
    if told := in_time(
        takes_hours(workload, question), spot, data.first_pipeline().due, loaded_by=quality_data.thresholds()[LOADED_BY.key]
    ):
        st.caption(told)


def in_time(work: Decimal, spot: Spot, due: Due | None, *, loaded_by: float) -> str:
    """Return how likely it is that interruptions make a session late; nothing where no session is promised."""
    if due is None:
        return ""
    room = loaded_by - due.at.hour - due.at.minute / 60
    promised = f"It is due at {due.at:%H:%M}, and promised by {int(loaded_by):02d}:{round(loaded_by % 1 * 60):02d}"
    if float(work) > room:
        return f"{promised}: a run takes {_time(work)} even where nothing interrupts it, so **each session would be late**."
    late = deadline_risk(float(work), spot, room, np.random.default_rng(SEED), trials=TRIALS)
    if not late:
        return f"{promised}: of {TRIALS:,} simulated runs on spot, interruptions made none late."
    return f"{promised}: of {TRIALS:,} simulated runs on spot, **{round(late * TRIALS):,} were late** by interruptions."


def curve(workload: Workload, question: Question, book: PriceBook, *, currency: Currency, rate: Decimal) -> None:
    """Show what more vCPUs would do to the time and to the price of a run, or say that they would do nothing to the time."""
    fit = workload.curve
    if not fit.parallel:
        cost = words.money(_cost(workload, question, book, 2) * rate, currency)
        one = words.money(_cost(workload, question, book, 1) * rate, currency)
        st.caption(
            "There is no curve of time over vCPUs to draw: a run has never used more than one at once, so more of them save no time "
            f"and cost more. A run with one costs {one}, with two {cost}."
        )
        return
    with st.expander("More vCPUs: the time and the cost of a run", icon=":material/speed:", key="cost_curve"):
        least = book.term("compute.minimum_seconds")
        seconds = [_seconds(workload, question, count) for count in COUNTS]
        table = {
            "vCPUs": list(COUNTS),
            "Takes": [_time(took / HOUR) for took in seconds],
            "Is billed": [_time(max(took, least) / HOUR) for took in seconds],
            "Costs": [words.money(_cost(workload, question, book, count) * rate, currency) for count in COUNTS],
        }
        st.dataframe(pa.table(table), key="cost_curve_rows", hide_index=True, height="content", alt="Time and cost of a run by vCPUs")
        parts = f"{fit.serial:.2g} s serial, {fit.parallel:.2g} s shared among the vCPUs"
        st.caption(f"Amdahl's law through measured runs: {parts}; beyond {fit.most:.0f} vCPUs it is a guess.")


def _seconds(workload: Workload, question: Question, vcpus: int) -> Decimal:
    return takes_hours(workload, question.model_copy(update={"vcpus": vcpus})) * HOUR


def _cost(workload: Workload, question: Question, book: PriceBook, vcpus: int) -> Decimal:
    return run_cost(book, _seconds(workload, question, vcpus), Decimal(vcpus), workload.memory_gb)


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
