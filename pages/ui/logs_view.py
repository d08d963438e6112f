"""The parts of the Logs page: what is looked for, and the lines that were found."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import streamlit as st

from pages.ui import format as say
from pages.ui import monitoring_data
from pages.ui.monitoring_data import LogPageView
from pages.ui.text import plain
from pages.ui.theme import Colour
from pages.ui.widgets import empty_state, run_link
from storage.log_search import LogFilter

LEVELS = ("error", "warning", "info")
_COLOURS: Mapping[str, Colour] = {"error": "red", "warning": "orange", "info": "gray"}


def filters() -> LogFilter:
    """Let the visitor say what is looked for; every choice is in the address."""
    with st.container(horizontal=True, vertical_alignment="top", gap="small", key="log_filters"):
        text = st.text_input("Text", key="text", bind="query-params", placeholder="an event, a symbol, a number", width=260)
        levels = st.pills("Level", LEVELS, key="level", bind="query-params", selection_mode="multi")
        stage = st.text_input("Stage", key="stage", bind="query-params", placeholder="any", width=130)
        run = st.text_input("Run", key="run", bind="query-params", placeholder="any", width=100)
        day = st.date_input("Date", value=None, key="date", bind="query-params", width=150)
    return LogFilter(
        text=(text or "").strip(),
        levels=tuple(levels or ()),
        stage=(stage or "").strip() or None,
        run_id=_number(run or ""),
        partition=day if isinstance(day, date) else None,
    )


def _number(text: str) -> int | None:
    text = text.strip()
    if text and not text.isdigit():
        st.warning(f"A run has a number; **{plain(text[:20])}** is none, and all runs are searched.", icon=":material/link_off:")
    return int(text) if text.isdigit() else None


def lines(wanted: LogFilter) -> None:
    """Show the lines that match, newest first, and lead to older ones."""
    before = _before(wanted)
    found = monitoring_data.log_page(wanted, before=before)
    if found.lines:
        above = st.container()  # the list may be longer than the window
        chosen = st.dataframe(
            _table(found),
            hide_index=True,
            height="content",
            column_config=_columns(),
            key="log_lines",
            on_select="rerun",
            selection_mode="single-cell",
        )
        with above:
            _whole(found, [row for row, _ in chosen.selection.cells])
    else:
        empty_state(
            "No line matches",
            text=f"The newest {found.looked:,} lines were searched." if found.looked else "No run has logged anything yet.",
            icon=":material/search_off:",
        )
    with st.container(horizontal=True, key="log_paging"):
        if before is not None and st.button("Newest", key="log_newest", icon=":material/last_page:"):
            st.session_state["log_before"] = None
            st.rerun()
        if found.before is not None and st.button("Older", key="log_older", icon=":material/chevron_right:"):
            st.session_state["log_before"] = (wanted, found.before)
            st.rerun()


def _whole(found: LogPageView, rows: Sequence[int]) -> None:
    """Show the whole of a line that was clicked: its message is longer than any column."""
    if not rows or rows[0] >= len(found.lines):
        st.caption("A click on a line shows the whole of it here.")
        return
    line = found.lines[rows[0]]
    with st.container(border=True, gap="xsmall", key="log_line"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":{_COLOURS.get(line.level, 'gray')}[{plain(line.level)}] **{plain(line.event)}**", width="content")
            st.caption(f"{say.log_time(line.at)} · {plain(line.pipeline)} of {line.partition}", width="content")
            run_link(line.run_id)
        st.code(line.fields or say.NOTHING, language=None, wrap_lines=True)


def _before(wanted: LogFilter) -> int | None:
    """Return where to go on; another search begins at its newest line."""
    known = st.session_state.get("log_before")
    return known[1] if known is not None and known[0] == wanted else None


def _table(found: LogPageView) -> pa.Table:
    return pa.table(
        {
            "at": [say.log_time(line.at) for line in found.lines],
            "level": [[line.level] for line in found.lines],
            "event": [line.event for line in found.lines],
            "run": [f"/run?id={line.run_id}" for line in found.lines],
            "date": [line.partition for line in found.lines],
            "stage": [line.stage or "" for line in found.lines],
            "fields": [line.fields for line in found.lines],
        }
    )


def _columns() -> dict[str, Any]:
    return {
        "at": st.column_config.TextColumn("At", width=150, help="Nepal time"),
        "level": st.column_config.MultiselectColumn("Level", options=LEVELS, color=[_COLOURS[level] for level in LEVELS], width=80),
        "date": st.column_config.DateColumn("Date", format="YYYY-MM-DD", width=90),
        "run": st.column_config.LinkColumn("Run", display_text=r"id=(\d+)", width=60),
        "stage": st.column_config.TextColumn("Stage", width=100),
        "event": st.column_config.TextColumn("Event", width=150),
        "fields": st.column_config.TextColumn("Fields", width=620),
    }
