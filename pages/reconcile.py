"""Answers: do the trades of a session add up to its official rows, and if not, why."""

import streamlit as st

from pages.ui import reconcile_view as parts
from pages.ui import tape_choice, tape_data
from pages.ui.actions import ask
from pages.ui.widgets import known_parameters, page

day = tape_choice.title("Reconcile")
known_parameters(tape_choice.DAY, parts.SHOW, parts.SYMBOL)
if day is None:
    st.stop()
tape = tape_choice.tape_of(day)
found = None if tape is None else ask(tape_data.reconciliation, day)
if tape is None or found is None:
    st.stop()

with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.caption(
        "Every trade of the source's own tape added up by the exchange's rule, against the official rows; Stream says what came live.",
        width="content",
    )
    st.page_link(page("replay_lab.py"), label="Replay lab", icon=":material/biotech:", query_params={"session": day.isoformat()})
    st.page_link(page("quality.py"), label="Quality of the rows", icon=":material/verified:", query_params={"session": day.isoformat()})
parts.banner(found)
if parts.comparable(found):
    parts.tiles(found)
    parts.causes(found)
    parts.wall(found)
    parts.grid(found)
parts.partitions(found)
