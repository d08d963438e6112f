"""The parts of the Overview page."""

import streamlit as st

from engine.pipeline.graph import Pipeline
from pages.ui import data
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.health import Health, Severity
from pages.ui.theme import Colour
from pages.ui.widgets import confirm, tile

ATTENTION = 5
_TREND = 60  # runs of the duration's sparkline
_ALERTS = {Severity.BAD: st.error, Severity.WARN: st.warning, Severity.NOTE: st.info}
_ICONS = {Severity.BAD: ":material/error:", Severity.WARN: ":material/warning:", Severity.NOTE: ":material/hourglass_top:"}
_COLOURS = {Severity.BAD: "red", Severity.WARN: "orange", Severity.NOTE: "blue"}
_ENOUGH = 2  # values that make a trend


def banner(pipeline: Pipeline, health: Health, *, first_start: bool) -> None:
    """Say the worst fact in one sentence with a link to its reason; or that nothing is wrong."""
    with st.container(key="banner"):
        if health.problems:
            worst, more = health.problems[0], len(health.problems) - 1
            also = f" {say.count(more, 'more thing needs', 'more things need')} attention below." if more else ""
            _ALERTS[worst.severity](worst.sentence + also, icon=_ICONS[worst.severity])
        elif first_start:
            st.info("Nothing has run yet. The first dates appear here by themselves once they do.", icon=":material/rocket_launch:")
        elif data.open_backfill() is not None:
            st.info("A backfill is on its way; nothing is wrong.", icon=":material/sync:")
        else:
            upcoming = data.next_slots(pipeline, number=1)
            then = f" The next one is due {say.stamp(upcoming[0])}." if upcoming else ""
            newest = health.accepted[-1].day if health.accepted else None
            st.success(f"Nothing is wrong: every session up to {say.day(newest)} is in the lake.{then}", icon=":material/check_circle:")


def tiles(pipeline: Pipeline, health: Health) -> None:
    """Show five numbers, each with a link to what it is made of."""
    with st.grid(5, min_column_width=165, row_height=188, key="tiles"):
        _sessions(health)
        _freshness(health)
        _success(pipeline)
        _duration(pipeline)
        _runner()


def _sessions(health: Health) -> None:
    parts = [
        f"{len(days)} {word}" for days, word in ((health.failed, "failed"), (health.missing, "missing"), (health.late, "late")) if days
    ]
    worst: Colour = "red" if health.failed else "orange" if parts else "green"
    note = " · ".join(parts) or ("all on time" if health.sessions else "no session yet")
    tile(
        f"Last {health.sessions} sessions" if health.sessions else "Sessions",
        f"{len(health.accepted)} in" if health.sessions else say.NOTHING,
        note=note,
        colour=worst if health.sessions else "gray",
        page="runs.py",
        query={"status": "failed"} if health.failed else {},
        action="See the dates",
        key="sessions",
        explanation="Sessions of the last weeks that are in the lake, and those that failed, are missing, or came more than an hour late.",
    )


def _freshness(health: Health) -> None:
    newest = data.newest_session()
    behind = len(health.behind)
    tile(
        "Freshness",
        say.NOTHING if newest is None else "up to date" if not behind else f"{behind} behind",
        note="no session yet" if newest is None else f"newest {say.short_day(newest)}",
        colour="gray" if newest is None else "orange" if behind else "green",
        page="runs.py",
        query={"day": (health.behind[0] if behind else newest).isoformat()} if newest else {},
        action="See the date",
        key="freshness",
        explanation="How many sessions the exchange has held (and published) since the newest one in the lake. Closed days do not count.",
    )


def _success(pipeline: Pipeline) -> None:
    good, bad, trend = data.success(pipeline.name)
    tile(
        "Runs that succeeded",
        say.percent(good, good + bad),
        note=f"{say.count(bad, 'failure')} in 30 days" if good + bad else "no run in 30 days",
        colour="gray" if not good + bad else "red" if bad else "green",
        page="runs.py",
        query={"status": "failed"} if bad else {},
        action="See the failures" if bad else "See the runs",
        key="success",
        explanation="Of the runs that ended in the last 30 days. Dates without a session are neither success nor failure.",
        trend=trend if len(trend) >= _ENOUGH else None,
        trend_type="bar",
    )


def _duration(pipeline: Pipeline) -> None:
    took = data.durations(pipeline.name)
    tile(
        "Duration, p95",
        say.duration(data.percentile(took, 0.95)),
        note=f"median {say.duration(data.percentile(took, 0.5))}" if took else "nothing measured yet",
        colour="gray",
        page="runs.py",
        query={},
        action="See the runs",
        key="duration",
        explanation=f"Of the newest {len(took)} succeeded runs, from claim to end. The line shows the newest {min(len(took), _TREND)}.",
        trend=[value / 1000 for value in took[-_TREND:]] if len(took) >= _ENOUGH else None,
    )


def _runner() -> None:
    machine = data.machine()
    tile(
        "Runner",
        "alive" if machine.alive else "not alive",
        note=f"sign of life {say.ago(machine.heartbeat_at, data.now())}" if machine.heartbeat_at else "none has registered",
        colour="green" if machine.alive else "red",
        page="pipelines.py",
        query={},
        action=f"{machine.running} running, {machine.queued} queued",
        key="runner",
        explanation="A process of its own that executes the runs; it shows a sign of life every two seconds.",
    )


def attention(health: Health) -> None:
    """List what needs a person, the worst first, each with a link to its reason."""
    if not health.problems:
        st.caption(":material/check: Nothing.")
    for place, problem in enumerate(health.problems[:ATTENTION]):
        with st.container(border=True, gap="xsmall", key=f"problem_{place}"):
            st.markdown(f":{_COLOURS[problem.severity]}[{_ICONS[problem.severity]}] {problem.sentence}")
            st.page_link(problem.page, label=problem.action, icon=":material/arrow_forward:", query_params=dict(problem.query))
    if (more := len(health.problems) - ATTENTION) > 0:
        st.caption(f"and {more} more")
    if health.failed and st.button(f"Rerun {say.count(len(health.failed), 'failed date')} …", key="rerun_failed", icon=":material/replay:"):
        _rerun_failed(health)


def _rerun_failed(health: Health) -> None:
    days = [verdict.day for verdict in health.failed]
    took = data.percentile(data.durations(data.first_pipeline().name), 0.5)
    cost = f" That takes about {say.duration(took * len(days))}." if took else ""
    confirm(
        "Rerun failed dates",
        question=f"{say.count(len(days), 'date')} will run again: {', '.join(say.day(day) for day in days)}.{cost}",
        button=f"Rerun {say.count(len(days), 'date')}",
        key="rerun_failed_dates",
        command=services().rerun_dates,
        options={"pipeline": data.first_pipeline().name, "days": days, "request_key": request_key("rerun_failed")},
    )


def next_slots(pipeline: Pipeline) -> None:
    """List the next dates at which the pipeline is due."""
    schedule = data.schedule(pipeline.name)
    if schedule is not None and schedule.paused:
        st.caption(":material/pause_circle: The schedule is paused.")
        return
    moment = data.now()
    for due in data.next_slots(pipeline, number=3):
        st.markdown(f"{say.stamp(due)} :gray[{say.ago(due, moment)}]")
    st.page_link("pipelines.py", label="Schedule and ledger", icon=":material/arrow_forward:")


def first_step(pipeline: Pipeline) -> None:
    """Offer what to do while nothing has ever run."""
    span = data.source_span()
    if span is None:
        st.markdown("The source holds no file yet. Check `NEPSE_SOURCE_DIR`: it is the folder that holds `daily/`.")
        return
    first, last = span
    st.markdown(f"The source holds daily files from {say.day(first)} to {say.day(last)}.")
    if st.button("Backfill all of them", key="first_step", type="primary", icon=":material/history:"):
        perform("Started.", services().backfill, pipeline.name, first, last, request_key=request_key("first_step"))
