"""Logs: what the runs have said, searched over all of them."""

import streamlit as st

from pages.ui import logs_view as parts
from pages.ui.widgets import known_parameters

st.title("Logs")
known_parameters("text", "stage", "date", level=parts.LEVELS, judged=("run",))
st.caption("Every line that a run has logged, newest first. They go as JSON to `logs/runner.log` in the home folder too.")
parts.lines(parts.filters())
