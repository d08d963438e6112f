"""Service levels: how well the pipeline keeps its promises, and how what is measured has gone."""

import streamlit as st

from engine.monitoring.history import MEASURED
from pages.ui import data
from pages.ui import service_view as parts
from pages.ui.widgets import known_parameters

st.title("Service levels")
known_parameters("series", pipeline=MEASURED)
st.caption("Is the data there when it was promised, how often and how long do runs work, and what does each stage use?")
pipeline = parts.chosen()


@st.fragment(run_every=data.pace(5))
def state() -> None:
    """Draw the figures and the deadlines."""
    parts.tiles(pipeline)
    parts.deadlines(pipeline)


state()
st.subheader("What is measured")
parts.measured(pipeline)
st.caption("The same, for Prometheus: `/metrics` on this address. A dashboard and alert rules for it lie in `deploy/`.")
