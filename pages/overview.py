"""Answers: is anything wrong right now, and what do I do first."""

import streamlit as st

from pages.ui import data, monitoring_data
from pages.ui import overview as parts
from pages.ui import safety_view as safety
from pages.ui import service_view as service
from pages.ui.operation_view import standing_line as alerts_line
from pages.ui.panels import live_backfill
from pages.ui.stream_line import standing_line
from pages.ui.widgets import known_parameters

pipeline = data.first_pipeline()


@st.fragment(run_every=data.pace(3))
def state() -> None:
    """Draw what is wrong now, and the numbers."""
    health = data.health(pipeline, overdue=monitoring_data.overdue(pipeline.name))
    parts.banner(pipeline, health)
    if not data.last_runs(pipeline.name):
        parts.first_step(pipeline)
    parts.tiles(pipeline, health)
    left, right = st.columns([5, 3], gap="large")
    with left:
        st.subheader("Needs attention")
        parts.attention(pipeline, health)
        alerts_line()
    with right:
        st.subheader("Next")
        parts.next_slots(pipeline)
        service.newest_deadline(pipeline.name)
        standing_line()
        st.subheader("Safety")
        safety.standing()


@st.fragment(run_every=15)
def trends() -> None:
    """Draw how runs went over time."""
    if data.last_runs(pipeline.name):
        parts.trends(pipeline)


@st.fragment(run_every=5)
def last_runs() -> None:
    """List the newest runs."""
    if data.last_runs(pipeline.name):
        st.subheader("Last runs")
        parts.last_runs(pipeline)


st.title("Overview")
known_parameters()
st.caption(pipeline.summary)
live_backfill()
state()
trends()
last_runs()
