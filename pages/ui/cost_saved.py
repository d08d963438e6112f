"""Scenarios that are kept: which one is A, opening one as B, keeping B under a name, letting one go."""

import streamlit as st

from engine.costs.question import Question
from pages.ui import cost_controls as controls
from pages.ui import cost_lab_data
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.cost_lab_data import SavedView
from pages.ui.text import plain
from pages.ui.url_choice import choice

AGAINST = "against"


def bar(question: Question, against: str | None) -> None:
    """Draw what A is, and the ways to open and to keep a scenario."""
    kept = cost_lab_data.saved()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choice("A is", [one.name for one in kept], name=AGAINST, default=None, placeholder="As it is today", width=220)
        st.space("stretch")
        with st.popover("Open", icon=":material/folder_open:", key="cost_open", disabled=not kept):
            for one in kept:
                _kept(one)
        with st.popover("Save B", icon=":material/save:", key="cost_save"):
            _save(question, kept)
    asked = st.query_params.get(AGAINST)
    if asked and against is None:
        st.warning(f"The address compares with **{plain(asked)}**, which is not kept.", icon=":material/link_off:")


def _kept(one: SavedView) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(one.name)}**" + (f"  \n:small[{plain(one.note)}]" if one.note else ""), width=260)
        st.caption(f"{say.stamp(one.at)}, {plain(one.by)}", width="content")
        st.button("Open as B", key=f"cost_open_{one.number}", on_click=controls.put, args=(one.question,))
        if st.button("Drop", key=f"cost_drop_{one.number}", icon=":material/delete:", type="tertiary"):
            perform("It is not kept any more.", services().drop_scenario, one.name)
    if one.wrong:
        st.caption(f"Passed over in it: {', '.join(one.wrong)}.")


def _save(question: Question, kept: tuple[SavedView, ...]) -> None:
    name = st.text_input("Name", key="cost_name", max_chars=60, placeholder="Two years compacted, on spot")
    note = st.text_input("Note", key="cost_note", max_chars=500, placeholder="What it assumes")
    there = name.strip() in {one.name for one in kept}
    if st.button("Replace it" if there else "Save", key="cost_save_now", type="primary", icon=":material/save:"):
        perform("Kept.", _store, name, question, note=note, replace=there)
    st.caption("The address of this page holds every slider: copy it to share B without keeping it.")


def _store(name: str, question: Question, *, note: str, replace: bool) -> str:
    services().save_scenario(name, question.turned, note=note, replace=replace)
    return f"{name.strip()} is kept: open it here, or compare others with it."
