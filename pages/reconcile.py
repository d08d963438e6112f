"""Answers: do the trades of a session add up to its official rows, and if not, why; and what makes them the same."""

import streamlit as st

from pages.ui import reconcile_actions as actions
from pages.ui import reconcile_data, tape_choice
from pages.ui import reconcile_view as parts
from pages.ui.actions import ask
from pages.ui.widgets import known_parameters, page

day = tape_choice.title("Reconcile", reconcile_data.days(), "Sessions that the stream worked on, or whose tape the source has.")
CHOSEN = (parts.SIDE, parts.SHOW, parts.SYMBOL)
known_parameters(tape_choice.DAY, *CHOSEN)
if day is None:
    st.stop()
tape_choice.keep(day, *CHOSEN)
there = reconcile_data.sides(day)
side = parts.choose_side(there)
st.caption(parts.about(there, side))
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    if there.stream:
        st.page_link(page("stream.py"), label="Stream", icon=":material/candlestick_chart:", query_params={"session": day.isoformat()})
    if there.tape:
        st.page_link(page("replay_lab.py"), label="Replay lab", icon=":material/biotech:", query_params={"session": day.isoformat()})
    st.page_link(page("quality.py"), label="Quality of the rows", icon=":material/verified:", query_params={"session": day.isoformat()})
found = ask(reconcile_data.reconciliation, day, side)
if found is not None:
    parts.banner(found)
actions.offered(day, side, found)
if found is None:
    st.stop()
if parts.comparable(found):
    parts.tiles(found)
    parts.causes(found)
    parts.wall(found)
    parts.grid(found)
parts.partitions(found)
