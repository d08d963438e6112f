"""Larger pieces that show one thing whole: the live backfill, the ledger of a schedule."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median

import pyarrow as pa
import streamlit as st

from pages.ui import data, dialogs
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.charts import tiles as tile_chart
from pages.ui.text import plain
from pages.ui.theme import look
from pages.ui.views import BackfillView, SlotView, TileView
from pages.ui.widgets import badge
from storage.status import ACTIVE, BackfillState, RunStatus, SlotOutcome

_OPENED = "tiles_opened"
_MOST_AT_ONCE, _SCROLLED = 40, 700  # rows that are shown whole, and the pixels that more of them scroll in
_REASON = 110  # letters of a reason that its column shows: a grid cuts off the rest without a sign
_LIVE = 1  # second between two looks at a backfill
_PACE = 50  # dates that have ended last, whose pace is that of those to come


def live_backfill() -> None:
    """Show the backfill that has not ended, a tile a date, with its buttons; draws nothing while there is none."""
    st.fragment(_live_backfill, run_every=data.pace(_LIVE))()


def _live_backfill() -> None:
    backfill = data.open_backfill()
    with st.container(key="live_backfill"):
        if backfill is None:
            return
        dates = data.tiles(backfill.id)
        with st.container(border=True):
            _head(backfill, dates)
            if dates:
                chosen = st.echarts_chart(
                    tile_chart.tiles(dates),
                    key=f"tiles_{backfill.id}_{st.session_state.get(_OPENED, 0)}",
                    height=tile_chart.HEIGHT,
                    on_select="rerun",
                    alt=f"The dates of backfill {backfill.id}, one tile each, marked by what is known of it",
                )
                _open_run(dates, [index for group in chosen["selection"]["selected"] for index in group["data_indices"]])


def _head(backfill: BackfillView, dates: Sequence[TileView]) -> None:
    done = sum(tile.status not in ACTIVE for tile in dates)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Backfill {backfill.id}** · {say.day(backfill.since)} to {say.day(backfill.until)}", width="content")
        badge(backfill.state)
        if backfill.reason:
            st.caption(plain(backfill.reason), width="content")
    left = time_left(dates) if backfill.state is BackfillState.RUNNING else None
    pace = f", about {say.about(left)} left" if left else ""
    st.progress(done / max(len(dates), 1), text=f"{done} of {say.count(len(dates), 'date')}{pace}")
    with st.container(horizontal=True):
        if backfill.state is BackfillState.RUNNING:
            if st.button("Pause", key="backfill_pause", icon=":material/pause:"):
                perform("Paused.", services().pause_backfill, backfill.id)
        elif st.button("Resume", key="backfill_resume", icon=":material/play_arrow:", type="primary"):
            perform("Resumed.", services().resume_backfill, backfill.id)
        if st.button("Cancel…", key="backfill_cancel", icon=":material/cancel:"):
            dialogs.ask_cancel_backfill(backfill, queued=sum(tile.status is RunStatus.QUEUED for tile in dates))


def time_left(dates: Sequence[TileView]) -> timedelta | None:
    """Return how long a backfill will take to its end at the pace of its last dates; None before there is one.

    The pace is the median time between two ends: a pause lies between two of them and changes nothing.
    """
    ended = sorted(tile.finished_at for tile in dates if tile.finished_at is not None)[-_PACE:]
    gaps = [(after - before).total_seconds() for before, after in pairwise(ended)]
    return timedelta(seconds=median(gaps) * sum(tile.status in ACTIVE for tile in dates)) if gaps else None


def _open_run(dates: Sequence[TileView], chosen: Sequence[int]) -> None:
    if chosen and chosen[0] < len(dates):
        # A selection outlives a change of page: another key next time, or coming back would lead away again.
        st.session_state[_OPENED] = st.session_state.get(_OPENED, 0) + 1
        st.switch_page("run.py", query_params={"id": str(dates[chosen[0]].id)})


def ledger(slots: Sequence[SlotView]) -> None:
    """Show what became of each date of a schedule, newest first."""
    looks = [look(outcome) for outcome in SlotOutcome]
    table = pa.table(
        {
            "Date": [say.day(slot.day) for slot in slots],
            "Outcome": [[look(slot.outcome).word] for slot in slots],
            "Why": [say.shortened(slot.reason, _REASON) for slot in slots],
            "Run": [f"Run {slot.run_id}" if slot.run_id else None for slot in slots],
        }
    )
    st.dataframe(
        table,
        key="ledger",
        hide_index=True,
        height="content" if len(slots) <= _MOST_AT_ONCE else _SCROLLED,
        placeholder=say.NOTHING,
        alt="The schedule's ledger: one row a date",
        column_config={
            "Date": st.column_config.TextColumn(width=120),
            "Outcome": st.column_config.MultiselectColumn(
                options=[seen.word for seen in looks], color=[seen.colour for seen in looks], width=110
            ),
            "Why": st.column_config.TextColumn(width=680),
            "Run": st.column_config.ButtonColumn(type="tertiary", key="ledger_run", alignment="left", width=90, help="Open the run"),
        },
    )
    if click := st.session_state.get("ledger_run"):
        st.switch_page("run.py", query_params={"id": str(click["label"]).rsplit(" ", 1)[-1]})
