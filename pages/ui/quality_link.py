"""The way to the Quality page of a session."""

from datetime import date

import streamlit as st

from pages.ui.widgets import page


def to_quality(session: date) -> None:
    """Link to what the checks found in a session."""
    query = {"session": session.isoformat()}
    st.page_link(page("quality.py"), label="Quality of the session", icon=":material/verified:", query_params=query)
