"""Run: what happened in one run, live while it happens, and what to do about it."""

import streamlit as st

from pages.ui import data, run_data, run_quality, run_view
from pages.ui.diff import run_diff
from pages.ui.listing import id_in_url
from pages.ui.text import plain
from pages.ui.views import RunDetail
from pages.ui.widgets import empty_state, known_parameters

known_parameters("id", "compare")
run_id = id_in_url("id")
detail = data.run(run_id) if run_id is not None else None
if detail is None:
    said = f"There is no run {plain(st.query_params['id'])}" if "id" in st.query_params else "No run was named"
    empty_state(said, text="The link may be mistyped, or come from another console.", icon=":material/search_off:")
    st.page_link("runs.py", label="All runs", icon=":material/calendar_month:")
    st.stop()

active = run_data.active(detail.run)
others = run_data.runs_of_date(detail.run.pipeline, detail.run.partition)


@st.fragment(run_every=1 if active else None)
def moving(before: RunDetail) -> None:
    """Draw what changes while the run goes on; once it has ended, the page is drawn anew and rests."""
    now = data.run(before.run.id) or before
    if active and not run_data.active(now.run):
        st.rerun()
    run_view.header(now.run)
    run_view.neighbours(now.run, others)
    run_view.actions(now)
    run_view.failure(now.run)
    if run_data.of_stream(now.run):
        run_view.story(now.events, open=True)
        return
    run_quality.decision(now.run, others)
    run_view.timeline(now)
    run_view.stage_table(now.stages)
    for part in (run_view.failed_tries, run_view.evidence, run_quality.quality):
        with st.container():  # a slot of its own: what stands below does not move when there is nothing yet
            part(now)
    run_view.log(data.run_log(now.run.id), live=active)
    run_view.measures(now.run)
    run_view.story(now.events)


moving(detail)
if not active and not run_data.of_stream(detail.run):
    run_diff(detail, others)
