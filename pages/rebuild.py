"""Answers: what would the stream make of a past session now, and is that to be served."""

import streamlit as st

from pages.ui import data, version_data
from pages.ui import version_view as parts
from pages.ui.version_dialogs import PART, SESSION, SYMBOL, VERSION
from pages.ui.widgets import known_parameters

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Rebuild", width="content")
    st.space("stretch")
    if version_data.over():
        parts.rebuild_button()
known_parameters(VERSION, SESSION, PART, SYMBOL)
st.caption("A past session computed anew from its log, by the code of now and thresholds of your choice, beside what is served.")
if not version_data.versions():
    parts.never()
    st.stop()
building = parts.is_building(version_data.versions())


@st.fragment(run_every=1 if building else data.pace(3))
def versions() -> None:
    """Draw one version beside what is served, and the list of all; the page is drawn anew when a build begins or ends."""
    known = version_data.versions()
    if parts.is_building(known) != building:
        st.rerun()
    version = parts.chosen_version(known)
    parts.headline(version)
    parts.buttons(version)
    parts.tiles(version)
    parts.differences(version)
    parts.versions(known)


versions()
