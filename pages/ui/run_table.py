"""The live list of runs: rows are chosen by run, whatever arrives between a look and a click."""

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
import streamlit as st

from pages.ui import data, dialogs, listing, run_data
from pages.ui import format as say
from pages.ui.run_data import RunRow
from pages.ui.theme import look
from pages.ui.widgets import empty_state
from storage.run_list import RunFilter
from storage.status import RunStatus

_EVERY = 3  # seconds
# Pixels: beside the menu on a screen of 1440 every column is read whole but the last, who asked, which stands behind them.
_WIDTHS: Mapping[str, int] = {"Date": 110, "Reason": 228, "Session": 82, "Outcome": 80, "Queued": 110, "Type": 76, "By": 130}
_REASON = 40  # letters of a reason that its column shows: a grid cuts off the rest without a sign, and has no tooltips
_MARKS = {status: f"{look(status).sign} {look(status).word}" for status in RunStatus}
_HELP: Mapping[str, str] = {"Reason": "Where one ends in …, the page of the run has the rest"}
STATUS_OF: Mapping[str, RunStatus] = {look(status).word: status for status in RunStatus}


def run_filter(pipeline: str, words: Sequence[str], *, since: date | None, until: date | None, backfill_id: int | None) -> RunFilter:
    """Return the filter that the widgets and the URL say; `words` are keys of `STATUS_OF`."""
    return RunFilter(pipeline, tuple(STATUS_OF[word] for word in words), since, until, backfill_id)


def filter_key(chosen: RunFilter, before: int | None) -> str:
    """Return the key of the grid of one filter: another filter is another grid, with nothing selected."""
    dates = f"{chosen.since or ''}_{chosen.until or ''}_{chosen.backfill_id or ''}_{before or ''}"
    return f"runs_{chosen.pipeline}_{'_'.join(sorted(chosen.statuses))}_{dates}"


def run_table(chosen: RunFilter, *, before: int | None = None) -> None:
    """Draw the runs that match, newest first, with the actions on those that are selected; it follows what happens."""
    st.fragment(_run_table, run_every=data.pace(_EVERY))(chosen, before=before)


def _run_table(chosen: RunFilter, *, before: int | None) -> None:
    key = filter_key(chosen, before)
    actions, grid, paging = st.container(horizontal=True, vertical_alignment="center"), st.container(), st.container(horizontal=True)
    newest = run_data.page(chosen, before=before)
    if not newest:
        with grid:
            _nothing(chosen)
        return
    listed = listing.standing_still(key, newest, named=lambda row: row.id, again=run_data.rows_of)
    with actions:
        _actions(chosen.pipeline, listed.picked, arrived=listed.arrived)
    with grid:
        _grid(listed.rows, key)
    with paging:
        listing.paging("runs", before, older_than=newest[-1].id if len(newest) == run_data.PAGE else None)


def _nothing(chosen: RunFilter) -> None:
    if chosen == RunFilter(chosen.pipeline):
        empty_state("No run yet", text="Choose **Backfill…** above to fetch a range of dates, or wait for the schedule.")
    else:
        empty_state("No run matches", text="Change or clear the filters above.", icon=":material/filter_alt_off:")


def _actions(pipeline: str, picked: Sequence[RunRow], *, arrived: int) -> None:
    days = sorted({row.partition for row in picked})
    active = [row for row in picked if run_data.active(row)]
    files = [row for row in picked if run_data.has_file(row) and not run_data.active(row)]
    if pipeline == run_data.STREAM:
        if st.button(_counted("Stop", len(active), "session"), key="cancel_picked", icon=":material/stop:", disabled=not active):
            dialogs.ask_cancel(active)
        return
    if st.button(_counted("Rerun", len(days), "date"), key="rerun_picked", icon=":material/replay:", disabled=not days):
        dialogs.ask_rerun(pipeline, days, active=len(active))
    if st.button("Backfill their range…", key="backfill_picked", icon=":material/date_range:", disabled=not days):
        dialogs.ask_backfill(pipeline, days[0], days[-1])
    if st.button("Book to another session…", key="book_picked", icon=":material/edit_calendar:", disabled=not files):
        dialogs.ask_booking(files)
    if st.button(_counted("Cancel", len(active), "run"), key="cancel_picked", icon=":material/cancel:", disabled=not active):
        dialogs.ask_cancel(active)
    if not picked:
        st.caption("Select rows to act on them.")
    elif arrived:
        st.caption(f"The list stands still while rows are selected; {say.count(arrived, 'newer run')} waiting.")


def _counted(verb: str, number: int, noun: str) -> str:
    return f"{verb} {say.count(number, noun)}…" if number else f"{verb}…"


def _grid(rows: Sequence[RunRow], key: str) -> None:
    opened = f"{key}_open"
    st.dataframe(
        frame(rows),
        key=key,
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="multi-row",
        placeholder=say.NOTHING,
        alt="Runs, newest first",
        column_config={
            "Run": st.column_config.ButtonColumn(type="tertiary", key=opened, pinned=True, alignment="left", width=76, help="Open the run"),
            "Status": st.column_config.MultiselectColumn(
                options=list(_MARKS.values()), color=[look(status).colour for status in RunStatus], width=106
            ),
            "Rows": st.column_config.NumberColumn(format="localized", width=62),
            "Took": st.column_config.TextColumn(width=70, alignment="right"),
            **{name: st.column_config.TextColumn(width=width, help=_HELP.get(name)) for name, width in _WIDTHS.items()},
        },
    )
    if click := st.session_state.get(opened):  # the label says which run was meant; its row may have moved
        st.switch_page("run.py", query_params={"id": str(click["label"]).rsplit(" ", 1)[-1]})


def frame(rows: Sequence[RunRow]) -> pa.Table:
    """Return what the grid shows of each run."""
    return pa.table(
        {
            "Run": [f"Run {row.id}" for row in rows],
            "Date": [say.day(row.partition) for row in rows],
            "Status": [[_MARKS[row.status]] for row in rows],
            "Reason": [say.shortened(row.error_message or row.reason or "", _REASON) or None for row in rows],
            "Session": [say.short_day(row.session_date) for row in rows],
            "Outcome": [row.outcome.value if row.outcome else None for row in rows],
            "Rows": pa.array([row.rows for row in rows], pa.int64()),
            "Took": [say.duration(row.duration_us) for row in rows],
            "Queued": [say.stamp(row.queued_at) for row in rows],
            "Type": [row.run_type.value for row in rows],
            "By": [row.requested_by for row in rows],
        }
    )
