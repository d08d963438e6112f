"""Answers: is anything wrong right now, and what do I do first."""

import streamlit as st

from pages.ui import data
from pages.ui import format as say
from pages.ui import overview as parts
from pages.ui.panels import live_backfill
from pages.ui.widgets import run_list

pipeline = data.first_pipeline()


@st.fragment(run_every=2)
def now() -> None:
    """Draw what changes by itself: the banner, the numbers, what needs a person, the last runs."""
    health = data.health(pipeline)
    recent = data.last_runs(limit=8)
    parts.banner(pipeline, health, first_start=not recent)
    parts.tiles(pipeline, health)
    left, right = st.columns([5, 3], gap="large")
    with left:
        st.subheader("Needs attention")
        parts.attention(health)
    with right:
        st.subheader("Next")
        parts.next_slots(pipeline)
    st.subheader("Last runs")
    if recent:
        run_list(recent)
    else:
        parts.first_step(pipeline)


st.title("Overview")
st.caption(f"{pipeline.summary} {say.day(data.today())}")
live_backfill()
now()
