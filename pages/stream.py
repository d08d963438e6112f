"""Answers: is the stream working, on which session, how far, and what does the market do."""

from datetime import date

import streamlit as st

from pages.ui import data, stream_data
from pages.ui import stream_view as parts
from pages.ui.stream_dialogs import chosen_session, controls
from pages.ui.widgets import known_parameters

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Stream", width="content")
    st.space("stretch")
    session = chosen_session()
known_parameters("session", "symbol")
if session is None:
    parts.never()
    st.stop()

known_before = stream_data.working(session)
active = known_before is not None and known_before.active


@st.fragment(run_every=1 if active else data.pace(3))
def moving(day: date) -> None:
    """Draw what changes with each batch; when the session begins or ends, the page is drawn anew and changes its pace."""
    known = stream_data.working(day)
    if known is None:
        parts.unknown(day)
        return
    if known.active != active:
        st.rerun()
    parts.banner(known)
    controls(known)
    parts.session_clock(known)
    parts.tiles(known)
    with st.container(key="stream_body"):
        parts.body(known)


moving(session)
