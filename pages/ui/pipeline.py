"""The parts of the Pipelines page."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import streamlit as st

from engine.pipeline.graph import Pipeline
from pages.ui import data, run_data
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.charts.graph import STYLE, TALL, WIDE, graph
from pages.ui.dialogs import newest_file, outside
from pages.ui.text import plain
from pages.ui.theme import look
from pages.ui.widgets import badge, confirm, pairs, run_link

LAST_DAYS = "Last 30 days"
_LEDGER = timedelta(days=30)


def drawing(pipeline: Pipeline) -> None:
    """Draw the stages and how each ended in the newest run."""
    begun = (run for run in data.last_runs(pipeline.name) if run.started_at is not None)
    newest = next(begun, None)
    detail = data.run(newest.id) if newest else None
    states = {stage.stage: stage.status for stage in detail.stages} if detail else {}
    st.html(STYLE)
    alt = f"The stages of {pipeline.name} and what each one takes"
    with st.container(key=WIDE):
        st.mermaid_chart(graph(pipeline, states), alt=alt)
    with st.container(key=TALL):
        st.mermaid_chart(graph(pipeline, states, tall=True), alt=alt)
    if newest is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="drawn_run"):
            st.caption("As in the newest run:", width="content")
            run_link(newest.id, label=f"Run {newest.id} · {say.short_day(newest.partition)}")
            badge(newest.status)
    with st.expander("What each stage does", key="stages"):
        rows: dict[str, Any] = {
            "Stage": [stage.name for stage in pipeline.order],
            "What it does": [stage.summary for stage in pipeline.order],
            "Takes": [", ".join(stage.inputs) or say.NOTHING for stage in pipeline.order],
            "Tries": [stage.attempts for stage in pipeline.order],
            "Timeout": [say.span(stage.timeout) for stage in pipeline.order],
        }
        st.table(pa.table(rows), border="horizontal", hide_index=True, alt="The stages of the pipeline")


def schedule(pipeline: Pipeline) -> None:
    """Show when the pipeline runs by itself, its next times, and pause or resume it."""
    if pipeline.due is None:
        st.caption("This pipeline has no schedule; it runs when it is asked to.")
        return
    known = data.schedule(pipeline.name)
    paused = known is not None and known.paused
    st.markdown(f"{':material/pause_circle:' if paused else ':material/schedule:'} {pipeline.due.describe()}")
    if known is not None and known.paused:
        st.warning(f"Paused by {known.paused_by} since {say.stamp(known.paused_at)}.", icon=":material/pause_circle:")
        if st.button("Resume the schedule", key="schedule_resume", type="primary", icon=":material/play_arrow:"):
            perform("The schedule goes on.", services().resume_schedule, pipeline.name)
        return
    moment = data.now()
    rows = [(say.stamp(due), say.ago(due, moment)) for due in data.next_slots(pipeline)]
    pairs(*rows, width="content", alt="The next times at which the pipeline is due")
    if st.button("Pause the schedule", key="schedule_pause", icon=":material/pause:"):
        perform("The schedule is paused.", services().pause_schedule, pipeline.name)


def run_now(pipeline: Pipeline) -> None:
    """Run one date, after a question."""
    day = st.date_input("Date", value=newest_file(), max_value=data.today(), key="run_now_date", format="YYYY-MM-DD")
    if not st.button("Run this date …", key="run_now", icon=":material/play_arrow:"):
        return
    known = data.verdicts(pipeline.name, day, day)[0]
    seen = f"It is known as **{look(known.verdict).word}**: {plain(known.reason)}." if known.run_id else "It has never been run."
    file = f" {without}" if (without := outside([day])) else ""
    confirm(
        "Run one date",
        question=f"{say.day(day)}. {seen}{file} {run_data.cost(pipeline.name, 1)} A run of unchanged input changes nothing.",
        button=f"Run {say.day(day)}",
        done="Queued.",
        key="run_now_ask",
        command=services().run,
        options={"pipeline": pipeline.name, "day": day, "request_key": request_key("run_now")},
    )


def source() -> None:
    """Say where the daily files come from and which dates there are."""
    settings, span = data.settings(), data.source_span()
    if (trouble := data.source().trouble) is not None:
        st.error(plain(trouble), icon=":material/error:")
    where = "made up by the simulated exchange" if data.simulated() else f"`{settings.source_dir}`"
    rows = (
        ("Source", f"**{settings.source.value}**"),
        ("Files", where),
        ("Dates", f"{say.day(span[0])} to {say.day(span[1])}" if span else "none yet"),
        ("Runner", "started by the console" if settings.runner == "embedded" else "started from outside (`python -m engine runner`)"),
        ("Home", f"`{settings.home}`"),
    )
    pairs(*rows, alt="Where the daily files come from")


def ledger_choices(pipeline: Pipeline) -> Sequence[str]:
    """Return the dates that the ledger can show: the last ones, or a year that holds a date with a run, newest first."""
    return [LAST_DAYS, *(str(year) for year in reversed(run_data.years(pipeline.name)))]


def ledger_range(choice: str) -> tuple[date, date]:
    """Return the first and the last date of a choice; today is the last one that the ledger knows."""
    today = data.today()
    if choice == LAST_DAYS:
        return today - _LEDGER, today
    return date(int(choice), 1, 1), min(date(int(choice), 12, 31), today)


def past_backfills() -> None:
    """List the newest backfills, and say what they have left behind so far."""
    count, first, held = data.waiting_sessions()
    if first is not None:
        later = f"{say.count(count, 'session')} from {say.day(first)} on still have the features of before"
        if held is None:
            st.caption(f":material/hourglass: {later}: a run carries them on behind what has come.")
        else:
            st.warning(f"{later}: {plain(held)}.", icon=":material/hourglass:")
    known = data.backfills(limit=5)
    if not known:
        st.caption("No backfill yet.")
        return
    failed = data.failures(tuple(item.id for item in known))
    rows = {
        "Backfill": [str(item.id) for item in known],
        "Dates": [f"{item.since} to {item.until} ({item.dates})" for item in known],
        "Mode": [item.mode.value for item in known],
        "State": [look(item.state).badge for item in known],
        "Failed": [failed[item.id] for item in known],
        "By": [f"{item.requested_by}, {say.stamp(item.created_at)}" for item in known],
    }
    st.table(pa.table(rows), border="horizontal", hide_index=True, alt="The newest backfills")
