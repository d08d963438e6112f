"""The parts of the Overview page."""

import streamlit as st

from engine.monitoring.statistics import percentile
from engine.pipeline.graph import Pipeline
from pages.ui import data
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.charts import trends as trend_charts
from pages.ui.health import Health, Problem, Severity
from pages.ui.text import plain
from pages.ui.theme import Colour
from pages.ui.widgets import confirm, page, run_list, tile

ATTENTION = 5
_GO = ":material/arrow_forward:"
_ALERTS = {Severity.BAD: st.error, Severity.WARN: st.warning, Severity.NOTE: st.info}
_ICONS = {Severity.BAD: ":material/error:", Severity.WARN: ":material/warning:", Severity.NOTE: ":material/hourglass_top:"}
_COLOURS = {Severity.BAD: "red", Severity.WARN: "orange", Severity.NOTE: "blue"}
_POOR = 0.9  # share of runs that succeed, below which it is a bad sign


def banner(pipeline: Pipeline, health: Health) -> None:
    """Say the worst fact in one sentence with a link to its reason; or that nothing is wrong."""
    with st.container(key="banner"):
        if health.problems:
            worst, more = health.problems[0], len(health.problems) - 1
            also = f" {say.count(more, 'other thing')} below." if more else ""
            with st.container(horizontal=True, vertical_alignment="center", key="worst"):
                _ALERTS[worst.severity](f"**{worst.headline}.**{also}", icon=_ICONS[worst.severity])
                st.page_link(page(worst.page), label=worst.action, icon=_GO, icon_position="right", query_params=dict(worst.query))
        elif not data.last_runs(pipeline.name):
            st.info("Nothing has run yet.", icon=":material/rocket_launch:")
        elif data.open_backfill() is not None:
            st.info("A backfill is on its way; nothing is wrong.", icon=":material/sync:")
        else:
            upcoming = data.next_slots(pipeline, number=1)
            then = f" The next one is due {say.stamp(upcoming[0])}." if upcoming else ""
            newest = health.accepted[-1].day if health.accepted else None
            st.success(f"Nothing is wrong: every session up to {say.day(newest)} is in the lake.{then}", icon=":material/check_circle:")


def tiles(pipeline: Pipeline, health: Health) -> None:
    """Show five numbers, each with a link to what it is made of; a sixth when something waits for a person."""
    waits = bool(health.letters.open or health.held)
    with st.grid(3 if waits else 5, min_column_width=150, key="tiles"):
        _sessions(health)
        _freshness(health)
        if waits:
            _waiting(pipeline, health)
        _success(pipeline)
        _duration(pipeline)
        _runner()


def _sessions(health: Health) -> None:
    of_kind = (
        (health.failed, "failed"),
        (health.again, "running again"),
        (health.missing, "missing"),
        (health.late, "late"),
        (health.since_newest if health.behind else (), "behind"),
    )
    parts = [f"{len(days)} {word}" for days, word in of_kind if days]
    newest = data.newest_session()
    worst: Colour = "red" if health.failed else "orange" if parts else "green" if health.on_time else "gray"
    upto = f" up to {say.day(newest)}" if health.behind and newest else " that were due"
    note = " · ".join(parts) or (_when_loaded(health) if health.sessions else "no session yet")
    tile(
        "Sessions in the lake",
        f"{len(health.accepted)} of {health.sessions}" if health.sessions else say.NOTHING,
        note=note,
        colour=worst if health.sessions else "gray",
        script="runs.py",
        query={"status": "failed"} if health.failed else {},
        action="See the dates",
        key="sessions",
        explanation=f"Of the last {health.sessions} sessions{upto}: in the lake; failed, missing, or loaded more "
        "than an hour late. Afterwards: by a backfill or by hand. Behind: due since the newest one in the lake, and not among them.",
    )


def _when_loaded(health: Health) -> str:
    afterwards = len(health.accepted) - health.on_time
    if not afterwards:
        return "all on time"
    return f"{health.on_time} on time, {afterwards} afterwards" if health.on_time else "none on time, all afterwards"


def _freshness(health: Health) -> None:
    newest, behind = data.newest_session(), health.since_newest
    tile(
        "Freshness",
        say.NOTHING if newest is None else "up to date" if not behind else f"{len(behind)} behind",
        note="no session yet" if newest is None else f"newest {say.day(newest)}",
        colour="gray" if newest is None else "orange" if behind else "green",
        script="runs.py",
        query={"day": (behind[0] if behind else newest).isoformat()} if newest else {},
        action="See the date",
        key="freshness",
        explanation="How many sessions the exchange has held (and published) since the newest one in the lake. Closed days do not count.",
    )


def _waiting(pipeline: Pipeline, health: Health) -> None:
    letters, held = health.letters, health.held
    parked = f"{letters.parked:,} parked" if letters.parked else ""
    blocked = say.count(len(held), "session blocked", "sessions blocked") if held else ""
    tile(
        "Open dead letters",
        f"{letters.open:,}",
        note=" · ".join(part for part in (blocked, parked) if part) or "no session blocked",
        colour="red" if held else "orange",
        script="run.py" if held else "dead_letters.py",
        query={"id": str(held[0].run_id)} if held else {"state": "open", "pipeline": pipeline.name},
        action="See the session" if held else "See the letters",
        key="letters",
        explanation="Lines, rows and files that wait for a person; and sessions that the gate holds back until somebody decides.",
    )


def _success(pipeline: Pipeline) -> None:
    good, bad = data.success(pipeline.name)
    shade: Colour = "gray" if not good + bad else "green" if not bad else "orange" if good / (good + bad) >= _POOR else "red"
    tile(
        "Runs that succeeded",
        say.percent(good, good + bad),
        note=f"{say.count(bad, 'failure')} in 30 days" if good + bad else "no run in 30 days",
        colour=shade,
        script="runs.py",
        query={"status": "failed"} if bad else {},
        action="See the failures" if bad else "See the runs",
        key="success",
        explanation="Of the runs that ended in the last 30 days. Dates without a session are neither success nor failure.",
    )


def _duration(pipeline: Pipeline) -> None:
    took = data.durations(pipeline.name)
    tile(
        "Duration, p95",
        say.duration(percentile(took, 0.95)),
        note=f"median {say.duration(percentile(took, 0.5))}" if took else "not measured yet",
        colour="gray",
        script="runs.py",
        query={"status": "succeeded"},
        action="See the runs",
        key="duration",
        explanation=f"Of the newest {len(took)} succeeded runs, from their claim to their end.",
    )


def _runner() -> None:
    machine = data.machine()
    tile(
        "Runner",
        "alive" if machine.alive else "starting" if machine.starting else "not alive",
        note=f"heartbeat {say.ago(machine.heartbeat_at, data.now())}" if machine.heartbeat_at else "none registered",
        colour="green" if machine.alive else "gray" if machine.starting else "red",
        script="pipelines.py",
        query={},
        action=f"{machine.queued} queued" if machine.queued else "Nothing queued",
        key="runner",
        explanation="A process of its own that executes the runs; it shows a sign of life every two seconds.",
    )


def attention(pipeline: Pipeline, health: Health) -> None:
    """List what needs a person, the worst first, each with a link to its reason."""
    if not health.problems:
        st.caption(":material/check: Nothing.")
    for place, problem in enumerate(health.problems[:ATTENTION]):
        _problem(place, problem)
    if rest := health.problems[ATTENTION:]:
        with st.expander(f"and {len(rest)} more", key="more_problems"):
            for place, problem in enumerate(rest, ATTENTION):
                _problem(place, problem)
    if health.failed and st.button(f"Rerun {say.count(len(health.failed), 'failed date')} …", key="rerun_failed", icon=":material/replay:"):
        _rerun_failed(pipeline, health)


def _problem(place: int, problem: Problem) -> None:
    with st.container(border=True, gap="xsmall", key=f"problem_{place}"):
        st.markdown(f":{_COLOURS[problem.severity]}[{_ICONS[problem.severity]}] **{problem.headline}** · {plain(problem.detail)}")
        st.page_link(page(problem.page), label=problem.action, icon=_GO, icon_position="right", query_params=dict(problem.query))


def _rerun_failed(pipeline: Pipeline, health: Health) -> None:
    days = [verdict.day for verdict in health.failed]
    took = percentile(data.durations(pipeline.name), 0.5)
    cost = f" That takes about {say.duration(took * len(days))}." if took else ""
    confirm(
        "Rerun failed dates",
        question=f"{say.count(len(days), 'date')} will run again: {', '.join(say.day(day) for day in days)}.{cost}",
        button=f"Rerun {say.count(len(days), 'date')}",
        done=f"{say.count(len(days), 'date')} queued again.",
        key="rerun_failed_dates",
        command=services().rerun_dates,
        options={"pipeline": pipeline.name, "days": days, "request_key": request_key("rerun_failed")},
    )


def trends(pipeline: Pipeline) -> None:
    """Draw how long runs took and how they ended."""
    took, counts = data.took(pipeline.name), data.daily_counts(pipeline.name)
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, key="trend_duration"):
        st.markdown("**How long runs took**")
        p95 = percentile(data.durations(pipeline.name), 0.95)
        if p95 is None:
            st.caption("No run has succeeded yet.")
        else:
            st.echarts_chart(
                trend_charts.durations(took, p95_us=p95),
                height=trend_charts.HEIGHT,
                key="durations",
                alt=f"Duration of the newest {took.num_rows} succeeded runs; 95 of 100 took at most {say.duration(p95)}",
            )
    with right.container(border=True, key="trend_outcomes"):
        st.markdown("**How runs ended, by day**")
        if counts:
            chart = trend_charts.outcomes(counts, until=data.today())
            st.echarts_chart(chart, height=trend_charts.HEIGHT, key="outcomes", alt="Runs of the last 30 days by how they ended")
        else:
            st.caption("No run has ended in the last 30 days.")


def next_slots(pipeline: Pipeline) -> None:
    """List the next dates at which the pipeline is due."""
    schedule = data.schedule(pipeline.name)
    if schedule is not None and schedule.paused:
        st.caption(":material/pause_circle: The schedule is paused.")
        return
    moment = data.now()
    for due in data.next_slots(pipeline, number=3):
        st.markdown(f"{say.stamp(due)} :gray[{say.ago(due, moment)}]")
    st.page_link(page("pipelines.py"), label="Schedule and ledger", icon=_GO, icon_position="right")


def last_runs(pipeline: Pipeline) -> None:
    """List the newest runs."""
    run_list(data.last_runs(pipeline.name))
    st.page_link(page("runs.py"), label="All runs", icon=_GO, icon_position="right")


def first_step(pipeline: Pipeline) -> None:
    """Offer what to do while nothing has ever run."""
    span = data.source_span()
    with st.container(border=True, key="first_step_box"):
        if span is None:
            st.markdown("The source holds no daily file. Check `NEPSE_SOURCE_DIR`: it is the folder that holds `daily/`.")
            return
        first, last = span
        st.markdown(f"The source holds daily files from {say.day(first)} to {say.day(last)}.")
        if st.button("Backfill all of them", key="first_step", type="primary", icon=":material/history:"):
            perform("The backfill has started.", services().backfill, pipeline.name, first, last, request_key=request_key("first_step"))
