"""The editor of a record that the stream has set aside: a field each, or the whole record; judged at once, and nothing is saved before."""

from difflib import get_close_matches

import streamlit as st

from engine.market.csv_line import as_text
from engine.market.trade_cells import COLUMNS
from engine.stream.record_text import fields_in, record_of
from pages.ui import letter_data
from pages.ui.actions import perform, request_key, services
from pages.ui.letter_data import LetterView, TickFate
from pages.ui.text import plain

FIELDS, RECORD = "A field each", "The whole record"


def tick_editor(letter: LetterView) -> None:
    """Draw the editor with what the record would come to; of a letter that is settled, only what stands in its record's place."""
    if not letter.waits:
        if letter.edited_raw is not None:
            st.subheader("Corrected to")
            st.code(as_text(letter.edited_raw), language="json", wrap_lines=True)
        return
    st.subheader("Correct the record")
    start = as_text(letter.edited_raw) if letter.edited_raw is not None else record_of(fields_in(letter.raw or b"", letter.parsed))
    line = st.session_state.setdefault(_draft(letter.id), start)
    way = st.segmented_control(
        "How to edit", [FIELDS, RECORD], default=FIELDS, required=True, key=f"way_{letter.id}", label_visibility="collapsed"
    )
    if way == FIELDS:
        _fields(letter.id, fields_in(line.encode()))
    else:
        st.session_state[f"record_{letter.id}"] = line
        st.text_area(
            "The record", key=f"record_{letter.id}", height=120, on_change=_from_record, args=(letter.id,), label_visibility="collapsed"
        )
    _outcome(letter, start, line)


def _draft(letter_id: int) -> str:
    return f"tick_draft_{letter_id}"


def _fields(letter_id: int, fields: dict[str, str]) -> None:
    with st.grid(2, min_column_width=150):
        for name in COLUMNS:
            key = f"field_{letter_id}_{name}"
            st.session_state[key] = fields[name]
            st.text_input(name, key=key, on_change=_from_field, args=(letter_id, fields, name))


def _from_field(letter_id: int, fields: dict[str, str], name: str) -> None:
    st.session_state[_draft(letter_id)] = record_of(fields | {name: str(st.session_state[f"field_{letter_id}_{name}"])})


def _from_record(letter_id: int) -> None:
    st.session_state[_draft(letter_id)] = " ".join(str(st.session_state[f"record_{letter_id}"]).splitlines())


def _outcome(letter: LetterView, start: str, line: str) -> None:
    """Say what the record would come to, and offer to save it."""
    found = letter_data.would_be_tick(letter.id, line)
    with st.container(key="recheck"):
        _verdict(found)
    st.caption("In its place will stand, behind the end of the log")
    st.code(line, language="json", wrap_lines=True)
    can = found.problem is None
    if can and not found.over:
        st.caption("The stream is not done with the session: the correction can be saved now, and taken in afterwards.")
    with st.container(horizontal=True):
        if st.button(
            "Save and take in", key="tick_take_in", type="primary", icon=":material/move_to_inbox:", disabled=not can or not found.over
        ):
            key = request_key(f"tick:{letter.id}:{line}")
            perform("Taken in.", services().edit_and_replay, letter.id, line, request_key=key)
        saved = letter.edited_raw is not None and line == start
        if st.button("Save only", key="tick_save", icon=":material/save:", disabled=not can or saved):
            perform("Saved.", services().edit_letter, letter.id, line)
        if line != start and st.button("Start over", key="tick_reset", icon=":material/undo:", type="tertiary"):
            st.session_state[_draft(letter.id)] = start
            st.rerun()


def _verdict(found: TickFate) -> None:
    if found.problem is not None:
        st.error(f"This is no trade of the session: {plain(found.problem)}.", icon=":material/block:")
    elif found.twin is not None:
        st.info(
            f"Its trade is in the session already, from offset {found.twin:,}: {plain(found.says)}. "
            "Taken in, the letter is settled and nothing is counted twice.",
            icon=":material/content_copy:",
        )
    elif not found.known:
        near = get_close_matches(found.symbol, found.symbols, n=3, cutoff=0.5)
        like = f" The nearest that were: {', '.join(map(plain, near))}." if near else ""
        st.warning(
            f"It can be taken in: {plain(found.says)}. But {plain(found.symbol)} was not traded in this session.{like}",
            icon=":material/help:",
        )
    else:
        st.success(
            f"It can be taken in: {plain(found.says)}. Its bar gets a new revision, and the day of {plain(found.symbol)} is made anew.",
            icon=":material/check_circle:",
        )
