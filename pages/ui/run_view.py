"""The parts of one run's page, each drawn from what the run has left behind."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pyarrow as pa
import streamlit as st

from pages.ui import cost_data, data, dialogs, run_data, theme
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.charts.gantt import Bar, gantt, height
from pages.ui.run_data import RunRow
from pages.ui.text import plain, sentence
from pages.ui.theme import look
from pages.ui.views import AttemptView, EventView, LogView, RunDetail, RunView, StageView
from pages.ui.widgets import badge, page
from storage.held import BLOCKED
from storage.status import ACTIVE, RunStatus, StageStatus

_MICROSECOND = timedelta(microseconds=1)
_SHA = 12  # characters of a checksum that are enough to tell two apart by eye
_STAGE_MARKS = {status: f"{look(status).sign} {look(status).word}" for status in StageStatus}
_NAMES = ("name", "speaks_for")  # of evidence: words of the code
_PEAK = "The most that the whole process of the runner held while the stage ran: its libraries and what it keeps are in it."
_LOG_HEIGHT, _LOG_LINES = 340, 15


def header(run: RunView) -> None:
    """Draw which date this run is of, how it stands, and what it made of its file."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(say.day(run.partition), width="content")
        badge(run.status)
        if run.verdict and look(run.verdict).word != look(run.status).word:
            badge(run.verdict)
        if run.outcome:
            st.badge(run.outcome.value, icon=":material/database:", color="gray")
        if run.simulated:
            st.badge("simulated", icon=":material/science:", color="violet")
    st.caption(plain(" · ".join(_facts(run))))
    if run.reason and not run.error_message:
        st.markdown(sentence(run.reason))
    if run.status is RunStatus.QUEUED and run.available_at > data.now():
        st.info(f"Its source was not ready. It looks again at {say.stamp(run.available_at)} (Nepal time).", icon=":material/hourglass_top:")
    if run.status in ACTIVE and run.cancel_requested:
        st.info(
            f"It was asked to stop and ends {'behind its last record' if run_data.of_stream(run) else 'before its next stage'}.",
            icon=":material/cancel:",
        )


def _facts(run: RunView) -> list[str]:
    facts = [f"Run {run.id}", f"{run.run_type.value}, by {run.requested_by}", f"queued {say.stamp(run.queued_at)}"]
    if run.session_date:
        booked = ", booked by hand" if run.book_to else ""
        facts.append(f"session {say.day(run.session_date)}{booked}")
    if run.rows is not None:
        facts.append(say.count(run.rows, "row"))
    if run.duration_us is not None:
        cpu = f", {say.duration(run.cpu_us)} CPU" if run.cpu_us is not None else ""
        facts.append(f"took {say.duration(run.duration_us)}{cpu}")
    if run.source_file:
        checksum = f" (sha256 {run.source_sha256[:_SHA]})" if run.source_sha256 else ""
        facts.append(f"file {run.source_file}{checksum}{f', layout {run.layout}' if run.layout else ''}")
    if run.rescues:
        facts.append(f"taken over {say.count(run.rescues, 'time')} after its runner died")
    if run.code_version:
        facts.append(f"code {run.code_version}")
    return facts


def neighbours(run: RunView, others: Sequence[RunRow]) -> None:
    """Link to the runs of the same date around this one, to its origin, and to the date."""
    earlier = max((other.id for other in others if other.id < run.id), default=None)
    later = min((other.id for other in others if other.id > run.id), default=None)
    origin = run.rerun_of if run.rerun_of != earlier else None
    with st.container(horizontal=True, vertical_alignment="center"):
        for run_id, label, icon in (
            (earlier, f"Earlier: run {earlier}", ":material/chevron_left:"),
            (later, f"Later: run {later}", ":material/chevron_right:"),
            (origin, f"Rerun of run {origin}", ":material/replay:"),
        ):
            if run_id is not None and st.button(label, key=f"to_run_{run_id}", icon=icon, type="tertiary"):
                show(run_id)
        if run_data.of_stream(run):
            query = {"session": run.partition.isoformat()}
            st.page_link(page("stream.py"), label="The session on the Stream page", icon=":material/candlestick_chart:", query_params=query)
            return
        st.page_link(
            page("runs.py"),
            label=f"The date in the calendar ({say.count(len(others), 'run')})",
            query_params={"day": run.partition.isoformat()},
        )
        if run.backfill_id is not None:
            st.page_link(page("runs.py"), label=f"Backfill {run.backfill_id}", query_params={"backfill": str(run.backfill_id)})
        if (entry := cost_data.run(run.id)) is not None:
            money = cost_data.prices().money(entry.cost.total)
            st.page_link(page("costs.py"), label=f"Its bill: {money}", query_params={"bill": str(run.id)})


def show(run_id: int) -> None:
    """Go to another run: a page link to the page that is shown already would leave the URL behind."""
    st.session_state.pop("compare", None)
    st.query_params.from_dict({"id": str(run_id)})
    st.rerun()


def actions(detail: RunDetail) -> None:
    """Draw what can be done about this run."""
    (row,) = run_data.rows_of((detail.run.id,))
    with st.container(horizontal=True):
        if run_data.active(row):
            if st.button("Cancel…", key="cancel", icon=":material/cancel:"):
                dialogs.ask_cancel([row])
            return
        if run_data.of_stream(row):
            return  # it is started again on its own page, behind its last record
        if st.button(
            "Rerun…",
            key="rerun",
            icon=":material/replay:",
            type="primary" if row.error_message and row.error_type != BLOCKED else "secondary",
        ):
            dialogs.ask_rerun(row.pipeline, [row.partition], origin=row.id, show=show)
        if run_data.has_file(row) and st.button("Book to another session…", key="book", icon=":material/edit_calendar:"):
            dialogs.ask_booking([row])
        with st.popover("Rerun from…", icon=":material/start:", disabled=not (places := restartable(detail.stages)), key="from"):
            st.caption("Stages before it are not run again; their checkpoints are taken over.")
            for stage in places:
                if st.button(stage, key=f"from_{stage}", type="tertiary"):
                    key = request_key(f"from:{row.id}:{stage}")
                    perform(f"Queued from {stage}.", services().rerun, row.id, from_stage=stage, request_key=key, show=show)


def restartable(stages: Sequence[StageView]) -> list[str]:
    """Return the stages from which a run can be taken up: every stage before has left its checkpoint."""
    done = {stage.stage for stage in stages if stage.status is StageStatus.SUCCEEDED}
    places = list[str]()
    for name in dict.fromkeys(stage.stage for stage in stages):
        places.append(name)
        if name not in done:
            break
    return places[1:]


def failure(run: RunView) -> None:
    """Draw what went wrong in a box, with the traceback folded."""
    if not run.error_message:
        return
    where = f" in stage {run.error_stage}" if run.error_stage else ""
    st.error(plain(run.error_message), title=f"{run.error_type}{where}", icon=":material/error:")
    if run.error_traceback:
        with st.expander("Traceback", icon=":material/code:", key="traceback"):
            st.code(run.error_traceback, language="python", wrap_lines=True)


def timeline(detail: RunDetail) -> None:
    """Draw the stages over time; stages that are still to come have their row already."""
    bars = stage_bars(detail, planned=_planned(detail.run), now=data.now())
    if bars:
        st.echarts_chart(gantt(bars), height=height(bars), key=f"gantt_{detail.run.id}", alt="When each stage ran and how long it took")


def _planned(run: RunView) -> tuple[str, ...]:
    pipeline = data.pipelines().get(run.pipeline)
    return tuple(stage.name for stage in pipeline.order) if pipeline and run.status in ACTIVE else ()


def stage_bars(detail: RunDetail, *, planned: Sequence[str], now: datetime) -> list[Bar]:
    """Return one bar a stage, measured from the first stage that this run executed itself."""
    own = [stage.started_at for stage in detail.stages if stage.started_at and stage.reused_from is None]
    origin = min(own, default=now)
    bars = [_bar(stage, [attempt for attempt in detail.attempts if attempt.stage == stage.stage], origin, now) for stage in detail.stages]
    begun = {stage.stage for stage in detail.stages}
    return [*bars, *(Bar(name, 0, None, theme.hexadecimal("gray"), "", "waits") for name in planned if name not in begun)]


def _bar(stage: StageView, failed: Sequence[AttemptView], origin: datetime, now: datetime) -> Bar:
    seen = look(stage.status)
    colour = theme.hexadecimal(seen.colour)
    if stage.reused_from is not None:
        return Bar(stage.stage, 0, None, colour, seen.sign, f"reused from run {stage.reused_from}")
    if stage.started_at is None:
        return Bar(stage.stage, 0, None, colour, seen.sign, seen.word)
    took = stage.duration_us if stage.duration_us is not None else ((stage.finished_at or now) - stage.started_at) // _MICROSECOND
    # A stage is opened in the commit of the one before it; what it took is measured from its first call.
    begun = stage.finished_at - took * _MICROSECOND if stage.finished_at else stage.started_at
    begun = min([begun, *(attempt.started_at for attempt in failed)])  # its end is that of a commit, which can take longer than the call
    start = max((begun - origin) // _MICROSECOND, 0)
    note = "" if stage.status is StageStatus.SUCCEEDED else seen.word
    crosses = tuple((attempt.started_at - origin) // _MICROSECOND for attempt in failed)
    return Bar(stage.stage, start, took, colour, seen.sign, note, crosses)


def stage_table(stages: Sequence[StageView]) -> None:
    """Draw what each stage read, wrote and cost."""
    if not stages:
        st.caption("No stage has begun.")
        return
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        stage_frame(stages),
        key="stages",
        hide_index=True,
        height="content",
        placeholder=say.NOTHING,
        alt="Stages of the run",
        column_config={
            "Status": st.column_config.MultiselectColumn(
                options=list(_STAGE_MARKS.values()), color=[look(status).colour for status in StageStatus], width=120
            ),
            "Attempts": number,
            "Rows in": number,
            "Rows out": number,
            **dict.fromkeys(("Took", "CPU", "Read", "Written"), st.column_config.TextColumn(alignment="right")),
            "Peak memory": st.column_config.TextColumn(help=_PEAK, alignment="right"),
        },
    )
    _lake_files(stages)


def stage_frame(stages: Sequence[StageView]) -> pa.Table:
    """Return the table of stages, one row each."""
    return pa.table(
        {
            "Stage": [stage.stage for stage in stages],
            "Status": [[_STAGE_MARKS[stage.status]] for stage in stages],
            "Attempts": pa.array([stage.attempts for stage in stages], pa.int64()),
            "Rows in": pa.array([stage.rows_in for stage in stages], pa.int64()),
            "Rows out": pa.array([stage.rows_out for stage in stages], pa.int64()),
            "Took": [say.duration(stage.duration_us) for stage in stages],
            "CPU": [say.duration(stage.cpu_us) for stage in stages],
            "Peak memory": [say.size(stage.peak_memory_bytes) for stage in stages],
            "Read": [say.size(stage.bytes_read) for stage in stages],
            "Written": [say.size(stage.bytes_written) for stage in stages],
            "Reused from": [f"Run {stage.reused_from}" if stage.reused_from is not None else None for stage in stages],
        }
    )


def _lake_files(stages: Sequence[StageView]) -> None:
    """List the lake files of the checkpoints, whole paths; nothing where there are none."""
    files = [(stage.stage, file) for stage in stages for file in run_data.lake_files(stage.checkpoint)]
    if not files:
        return
    with st.expander(f"Files of the checkpoints ({len(files)})", icon=":material/folder_open:", key="lake_files"):
        table = {"Stage": [stage for stage, _ in files], "File in the lake": [f"`{file['path']}`" for _, file in files]}
        st.table(pa.table(table), border="horizontal", hide_index=True, alt="Files of the checkpoints of the run")


def failed_tries(detail: RunDetail) -> None:
    """Draw the tries of stages that failed; nothing when there were none."""
    attempts = detail.attempts
    only_the_last = len(attempts) == 1 and attempts[0].error_message == detail.run.error_message  # the box above says it
    if not attempts or only_the_last:
        return
    st.subheader("Failed tries")
    table = pa.table(
        {
            "Stage": [attempt.stage for attempt in attempts],
            "Try": [attempt.number for attempt in attempts],
            "At": [say.clock_time(attempt.started_at) for attempt in attempts],
            "Took": [say.duration(attempt.duration_us) for attempt in attempts],
            "Next try after": [say.duration(attempt.wait_us) if attempt.wait_us else "not tried again" for attempt in attempts],
            "Error": [f"{attempt.error_type}: {attempt.error_message}" for attempt in attempts],
        }
    )
    st.dataframe(table, key="attempts", hide_index=True, height="content", alt="Failed tries of stages")


def evidence(detail: RunDetail) -> None:
    """Draw what the verdict rests on; nothing before there is one."""
    found = detail.run.evidence
    if not found:
        return
    st.subheader("Why this verdict")
    columns = {"name": "Looked at", "speaks_for": "Speaks for", "observed": "Observed", "expected": "Expected", "detail": "Detail"}
    rows = [{title: plain(_words(item[key]) if key in _NAMES else item[key]) for key, title in columns.items()} for item in found]
    st.table(pa.Table.from_pylist(rows), hide_index=True, alt="Evidence of the verdict")  # it wraps: no part of a reason is cut off


def rejected(detail: RunDetail) -> None:
    """List the lines of the file that could not be used, each with its reason; nothing when all could."""
    path = run_data.rejected_path(detail.stages)
    if path is None:
        return
    lines, lost = run_data.set_aside(path)
    st.subheader("Lines set aside")
    if lost:
        st.error(plain(lost), icon=":material/error:")
        return
    said = f"{say.count(len(lines), 'line')} of the file could not be used. The other rows were; these are kept as they came."
    st.warning(said, icon=":material/warning:")
    columns = {"line": "Line", "symbol": "Symbol", "column": "Column", "reason": "Why", "raw": "As it came"}
    table = pa.table({title: [line[name] for line in lines] for name, title in columns.items()})
    st.dataframe(table, key="set_aside", hide_index=True, height="content", placeholder=say.NOTHING, alt="Lines of the file set aside")


def _words(name: str) -> str:
    return name.replace("_", " ")


def measures(run: RunView) -> None:
    """Draw what the run measured; nothing when it measured nothing."""
    measured = data.metrics_of(run.id)
    if not len(measured):
        return
    with st.expander(f"Metrics ({len(measured)})", icon=":material/monitoring:", key="metrics"):
        shown = measured.rename_columns({"stage": "Stage", "name": "Metric", "unit": "Unit", "value": "Value"})
        value = st.column_config.NumberColumn(format="localized")
        st.dataframe(
            shown, key="metrics_table", hide_index=True, height="content", column_config={"Value": value}, alt="Metrics of the run"
        )


def story(events: Sequence[EventView], *, open: bool = False) -> None:  # noqa: A002, as the expander calls it
    """Draw what happened to the run, oldest first."""
    with st.expander(f"Events ({len(events)})", icon=":material/timeline:", key="events", expanded=open):
        table = pa.table(
            {
                "At": [say.clock_time(event.at) for event in events],
                "Event": [_words(event.name) for event in events],
                "Said": [event.message for event in events],
            }
        )
        st.dataframe(table, key="events_table", hide_index=True, height="content", placeholder=say.NOTHING, alt="Events of the run")


def log(lines: Sequence[LogView], *, live: bool) -> None:
    """Draw the log of the run; while it is `live` it stands in a box that keeps its height and follows the newest line."""
    st.subheader("Log")
    boxed = live or len(lines) > _LOG_LINES
    with st.container(height=_LOG_HEIGHT if boxed else "content", key="log", autoscroll=live):
        st.code("\n".join(log_line(line) for line in lines) or "Nothing was logged yet.", language=None, wrap_lines=True)


def log_line(line: LogView) -> str:
    """Return a log line as text: time in Nepal, level, stage, fact, values."""
    values = " ".join(f"{name}={value}" for name, value in (line.fields or {}).items() if value is not None)
    return f"{say.clock_time(line.at)} {line.level.upper():<7} {line.stage or '-':<12} {line.event} {values}".rstrip()
