"""The parts of the Service levels page: figures of the newest runs, deadlines, and any measured series over time."""

from collections.abc import Mapping

import pyarrow as pa
import streamlit as st

from engine.monitoring.deadlines import LOADED_BY, MISSED, WINDOW, Budget, Deadline, DeadlineState
from engine.monitoring.history import MEASURED, NEWEST, Series
from engine.monitoring.statistics import RunStatistics, percentile
from engine.pipelines import PIPELINES
from pages.ui import format as say
from pages.ui import monitoring_data
from pages.ui.charts import measured as charts
from pages.ui.text import plain
from pages.ui.theme import Colour
from pages.ui.url_choice import choice, warn_of_unknown
from pages.ui.widgets import empty_state, page, tile

SHOWN = 12  # deadlines
_COLOURS: Mapping[DeadlineState, Colour] = {
    DeadlineState.ON_TIME: "green",
    DeadlineState.PENDING: "blue",
    DeadlineState.AT_RISK: "orange",
    DeadlineState.LATE: "red",
    DeadlineState.NEVER_CAME: "red",
    DeadlineState.WAIVED: "gray",
}
_ICONS = {
    DeadlineState.ON_TIME: ":material/check_circle:",
    DeadlineState.PENDING: ":material/schedule:",
    DeadlineState.AT_RISK: ":material/warning:",
    DeadlineState.LATE: ":material/alarm:",
    DeadlineState.NEVER_CAME: ":material/event_busy:",
    DeadlineState.WAIVED: ":material/pause_circle:",
}
_TRENDS: Mapping[str, Colour] = {"steady": "green", "faster": "green", "slower": "orange"}
_US = 1e6  # microseconds, in which durations are told


def chosen() -> str:
    """Let the visitor choose a pipeline, or the stream; the choice is in the address."""
    picked = st.segmented_control(
        "Pipeline", MEASURED, key="pipeline", bind="query-params", default=MEASURED[0], required=True, label_visibility="collapsed"
    )
    return picked or MEASURED[0]


def tiles(pipeline: str) -> None:
    """Show the figures that a service is judged by."""
    known = monitoring_data.statistics(pipeline)
    promised = pipeline in PIPELINES
    with st.grid(5 if promised else 4, min_column_width=150, key="metric_tiles"):
        if promised:
            _promise(pipeline)
        _success(known)
        _duration(known)
        _throughput(known)
        _recovery(known)


def _promise(pipeline: str) -> None:
    _, kept = monitoring_data.deadlines(pipeline)
    tile(
        "Sessions in time",
        say.percent(kept.sessions - kept.missed, kept.sessions),
        note=_left(kept) if kept.sessions else "none was promised yet",
        colour="gray" if not kept.sessions else "green" if kept.left > 0 or not kept.missed else "orange" if kept.left == 0 else "red",
        script="thresholds.py",
        query={},
        action="Turn the deadline",
        key="promise",
        explanation=f"Of the last {WINDOW} sessions that the schedule promised: in the lake by the deadline ({LOADED_BY.key}). What may "
        "still be late without missing the objective is the error budget. Backfilled sessions were promised to nobody.",
    )


def _left(kept: Budget) -> str:
    if not kept.allowed and not kept.missed:  # too few for the objective to allow one
        return f"{say.count(kept.sessions, 'session')}, none late"
    if kept.left < 0:
        return f"{kept.missed:,} late, {kept.allowed:,} allowed"
    return f"{kept.left:,} of {kept.allowed:,} more may be late"


def _success(known: RunStatistics) -> None:
    rate = known.success_rate
    tile(
        "Runs that succeeded",
        say.percent(known.succeeded, known.succeeded + known.failed),
        note=say.count(known.failed, "failure") if known.runs else "no run has ended",
        colour="gray" if rate is None else "green" if not known.failed else "orange",
        script="runs.py",
        query={"status": "failed"} if known.failed else {},
        action="See the failures" if known.failed else "See the runs",
        key="success_rate",
        explanation=f"Of the newest {NEWEST} runs that are over. Dates without a session and cancelled runs are neither.",
    )


def _duration(known: RunStatistics) -> None:
    trend = known.trend
    unusual = f" · the newest unusually long: {_time(known.newest_seconds)}" if known.newest_is_unusual else ""
    tile(
        "Duration, p95",
        _time(known.p95_seconds),
        note="too few to tell a trend" if trend is None else f"{trend.word}{unusual}",
        colour="gray" if trend is None else "orange" if unusual else _TRENDS[trend.word],
        script="runs.py",
        query={"status": "succeeded"},
        action=f"Median {_time(known.p50_seconds)}",
        key="duration_trend",
        explanation="From claim to end, of runs that succeeded. The trend is the slope of Theil and Sen over their logarithms, called "
        "slower or faster when Kendall's tau says so at 5 % and it is a tenth or more. Unusual: a robust z above 3.5 against those before.",
    )


def _throughput(known: RunStatistics) -> None:
    tile(
        "Rows a second",
        say.NOTHING if known.rows_per_second is None else f"{known.rows_per_second:,.0f}",
        note="not measured yet" if known.cpu_seconds is None else f"{_time(known.cpu_seconds)} CPU a run",
        colour="gray",
        script="runs.py",
        query={},
        action="See the runs",
        key="throughput",
        explanation="Rows loaded by runs that succeeded, over the time that they took; below it the median of their CPU time.",
    )


def _recovery(known: RunStatistics) -> None:
    mended, waiting = known.recovery.median_seconds, known.recovery.open
    tile(
        "Recovery time",
        _time(mended),
        note=f"{say.count(len(waiting), 'date')} not mended" if waiting else f"{say.count(known.recovery.mended, 'date')} mended",
        colour="red" if waiting else "gray",
        script="runs.py",
        query={"day": waiting[-1].isoformat()} if waiting else {},
        action="See the newest" if waiting else "See the runs",
        key="recovery",
        explanation="Median, from the end of the first failed run of a date to the end of the run that mended it.",
    )


def deadlines(pipeline: str) -> None:
    """List the newest sessions that were promised, and how each stands; nothing of the stream, which nobody schedules."""
    if pipeline not in PIPELINES:
        return
    st.subheader("Deadlines")
    known, _ = monitoring_data.deadlines(pipeline)
    if not known:
        st.caption("The schedule has promised no session yet: its ledger begins on the day on which the home was made.")
        return
    missing = [one for one in known if one.state in MISSED and one.loaded_at is None]
    if missing:
        days = ", ".join(say.short_day(one.day) for one in missing[:SHOWN])
        st.error(f"**{say.count(len(missing), 'session')} past the deadline and not in the lake:** {days}", icon=":material/alarm:")
    for one in known[:SHOWN]:
        _deadline(one)
    if more := len(known) - SHOWN:
        st.caption(f"and {more} older ones: `python -m engine deadlines`" if more > 0 else "")


def newest_deadline(pipeline: str) -> None:
    """Say in a line how the newest session that was promised stands."""
    known, _ = monitoring_data.deadlines(pipeline)
    if known:
        _deadline(known[0])


def _deadline(one: Deadline) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"deadline_{one.day}"):
        st.page_link(page("runs.py"), label=say.short_day(one.day), query_params={"day": one.day.isoformat()}, width=110)
        st.badge(one.state.value, icon=_ICONS[one.state], color=_COLOURS[one.state], width=120)
        st.caption(f"deadline {say.clock_time(one.at)[:5]} · {plain(one.why)}")


def measured(pipeline: str) -> None:
    """Let the visitor choose what was measured, and draw it over the newest runs."""
    known = {_named(one): one for one in monitoring_data.series(pipeline)}
    if not known:
        empty_state("Nothing has been measured yet", text="A session of the stream is measured when it is over.")
        return
    first = "report.turnover" if "report.turnover" in known else next(iter(known))
    warn_of_unknown(list(known), name="series", noun="which is not measured")
    picked = choice("Series", list(known), name="series", default=first, width=360)
    wanted = known[picked or first]
    values = monitoring_data.values(pipeline, wanted)
    if not values.num_rows:
        empty_state("No run has measured it yet", text="It appears with the first run that succeeds.")
        return
    with st.container(border=True, key="measured"):
        st.markdown(f"**{picked}** in {wanted.unit}, of the newest {say.count(values.num_rows, 'run')} that succeeded")
        chart, alt = charts.line(values, unit=wanted.unit), f"{picked} of the newest {values.num_rows} runs"
        st.echarts_chart(chart, height=charts.HEIGHT, key="measured_line", alt=alt)
    _summary(values, wanted)


def _summary(values: pa.Table, wanted: Series) -> None:
    numbers = sorted(values["value"].to_pylist())
    found = {
        "newest": values["value"][-1].as_py(),
        "median": percentile(numbers, 0.5),
        "p95": percentile(numbers, 0.95),
        "least": numbers[0],
        "most": numbers[-1],
    }
    one, unit = say.scale(max(map(abs, numbers)), wanted.unit)
    st.caption(" · ".join(f"{name} **{say.figure(value / one)}** {unit}" for name, value in found.items() if value is not None))


def _named(one: Series) -> str:
    return f"{one.stage}.{one.name}".lstrip(".")


def _time(seconds: float | None) -> str:
    return say.duration(None if seconds is None else seconds * _US)
