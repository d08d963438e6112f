"""Answers: do the data still look like those of the sessions before, and if not, what has changed."""

import streamlit as st

from pages.ui import drift_data, drift_heat, drift_tuning
from pages.ui import drift_view as parts
from pages.ui.widgets import known_parameters

reports = drift_data.reports()

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Drift", width="content")
    st.space("stretch")
    report = parts.chooser(reports) if reports else None
known_parameters(parts.SESSION, parts.FEATURE, parts.STATISTIC)
if report is None:
    parts.nothing_compared()
    st.stop()
parts.unknown_session(reports)

book = drift_data.book()
parts.banner(report, drift_data.labels().get(report.session))
parts.tiles(reports, report)

st.subheader("What is watched, session by session")
heat = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.subheader("One feature in depth", width="content")
    st.space("stretch")
    feature = parts.feature_choice(report)
with heat:
    drift_heat.over_sessions(book, reports, report, feature)
statistic = parts.in_depth(book, report, feature)
parts.explanation(report, feature)

st.subheader("Another budget")
drift_tuning.tune(book, statistic)
