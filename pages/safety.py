"""Answers: could everything be had back, and is everything still what it was."""

import streamlit as st

from pages.ui import data, lifecycle_view
from pages.ui import safety_view as parts
from pages.ui.widgets import known_parameters

st.title("Safety")
known_parameters()
st.caption("Backups, the drill that proves them, and the scrub that reads the lake again. Each runs beside the runs and yields to them.")


@st.fragment(run_every=data.pace(2))
def state() -> None:
    """Draw how things stand, what can be done now, where the lake's files lie, and what was done."""
    left, right = st.columns([5, 3], gap="large")
    with left:
        st.subheader("How it stands")
        parts.standing(link=False)
        parts.now_buttons()
        st.subheader("Damaged files")
        parts.damage()
    with right:
        st.subheader("Where and when")
        parts.where()
    st.subheader("Lifecycle")
    lifecycle_view.section()
    st.subheader("What was done")
    parts.executions()


state()
