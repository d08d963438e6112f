"""The editor of a dead letter's line: a field a column, or the whole line; each change is judged at once, and nothing is saved before."""

from collections.abc import Sequence

import streamlit as st

from engine.market.csv_line import as_text, cells_of, line_of
from engine.pipelines.recheck import Fate, Recheck
from pages.ui import format as say
from pages.ui import letter_data, run_quality_data
from pages.ui.actions import perform, request_key, services
from pages.ui.letter_data import LetterView
from pages.ui.letter_dialogs import touches
from pages.ui.letter_words import blamed, compared, rule
from pages.ui.text import plain
from pages.ui.theme import look

_LONGEST = 4096  # characters that can be edited here
FIELDS, LINE = "A field a column", "The whole line"


def editor(letter: LetterView) -> None:
    """Draw the editor with what the line would come to; for a letter that is settled, only what stands in its place."""
    if not letter.waits and letter.edited_raw is None:
        return
    st.subheader("Correct the line" if letter.waits else "Corrected to")
    if not letter.waits:
        st.code((letter.edited_raw or b"").decode("utf-8", errors="replace"), language=None, wrap_lines=True)
        return
    if letter.raw is None or len(letter.raw) > _LONGEST:
        st.caption("The line is too long to be edited here; discard it, or have the source mend its file.")
        return
    draft = f"draft_{letter.id}"
    start = as_text(letter.edited_raw or letter.raw)
    line = st.session_state.setdefault(draft, start)
    header = letter_data.source(letter.id).header
    fits = bool(header) and len(cells_of(line)) == len(header)
    way = st.segmented_control(
        "How to edit", [FIELDS, LINE], default=FIELDS if fits else LINE, required=True, key=f"way_{letter.id}", label_visibility="collapsed"
    )
    if way == FIELDS and header:
        _fields(letter, header, line)
    else:
        st.session_state[f"line_{letter.id}"] = line
        st.text_area("The line", key=f"line_{letter.id}", height=120, on_change=_from_line, args=(letter.id,), label_visibility="collapsed")
    _outcome(letter, start, line)


def _fields(letter: LetterView, header: Sequence[str], line: str) -> None:
    """Draw the columns that the refusal is about, and the others folded away."""
    cells = cells_of(line)
    cells = [*cells, *[""] * (len(header) - len(cells))]
    wrong = blamed(letter)
    first = [place for place, name in enumerate(header) if name in wrong]
    if len(cells) > len(header):
        st.warning(f"The line has {len(cells)} cells and the header {len(header)}: edit the whole line.", icon=":material/warning:")
        return
    if first:
        with st.grid(len(first), min_column_width=150):
            for place in first:
                _field(letter.id, header, cells, place)
    rest = [place for place in range(len(header)) if place not in first]
    others = f"{'The other' if first else 'All'} {say.count(len(rest), 'column')}"
    with st.expander(others, expanded=not first, key=f"rest_{letter.id}"), st.grid(3, min_column_width=130):
        for place in rest:
            _field(letter.id, header, cells, place)


def _field(letter_id: int, header: Sequence[str], cells: Sequence[str], place: int) -> None:
    key = f"cell_{letter_id}_{place}"
    st.session_state[key] = cells[place]
    st.text_input(plain(header[place]), key=key, on_change=_from_cell, args=(letter_id, list(cells), place))


def _from_cell(letter_id: int, cells: list[str], place: int) -> None:
    cells[place] = str(st.session_state[f"cell_{letter_id}_{place}"])
    st.session_state[f"draft_{letter_id}"] = line_of(cells)


def _from_line(letter_id: int) -> None:
    st.session_state[f"draft_{letter_id}"] = "".join(str(st.session_state[f"line_{letter_id}"]).splitlines())


def _outcome(letter: LetterView, start: str, line: str) -> None:
    """Say what the line would come to, what is changed, and offer to save it."""
    changed = line != as_text(letter.raw or b"")
    found = letter_data.would_be(letter.id, line)
    with st.container(key="recheck"):
        _verdict(letter, found, changed=changed)
    if changed:
        st.caption("In its place will stand")
        st.code(line, language=None, wrap_lines=True)
    st.caption(touches([letter]))
    with st.container(horizontal=True):
        save = "Save and replay" if found.passes else "Save and replay all the same"
        if st.button(
            save, key="edit_replay", type="primary" if found.passes else "secondary", icon=":material/replay:", disabled=not changed
        ):
            _forget(letter.id)
            key = request_key(f"edit:{letter.id}:{line}")
            perform("Saved and queued.", services().edit_and_replay, letter.id, line, request_key=key)
        if st.button("Save only", key="edit_save", icon=":material/save:", disabled=not changed or line == start):
            _forget(letter.id)
            perform("Saved.", services().edit_letter, letter.id, line)
        if line != start and st.button("Start over", key="edit_reset", icon=":material/undo:", type="tertiary"):
            st.session_state[f"draft_{letter.id}"] = start
            st.rerun()


def _forget(letter_id: int) -> None:
    st.session_state.pop(f"draft_{letter_id}", None)


def _verdict(letter: LetterView, found: Recheck, *, changed: bool) -> None:
    when = "With this line" if changed else "As it stands"
    whole = f" The session would be {look(found.verdict).word}." if found.verdict is not None else ""
    if found.fate is Fate.PASSES:
        st.success(f"{when} the row passes every rule.{whole}", icon=":material/check_circle:")
    elif found.fate is Fate.FLAGGED:
        st.warning(f"{when} the row passes, with a flag.{whole}", icon=":material/flag:")
    elif found.fate is Fate.REFUSED:
        st.error(f"{when} the row is refused.{whole}", icon=":material/block:")
    else:
        words = {Fate.UNREADABLE: "it is no row", Fate.DUPLICATE: "the symbol comes twice", Fate.UNKNOWN: "it cannot be judged"}
        box = st.info if found.fate is Fate.UNKNOWN else st.error
        box(f"{when} {words[found.fate]}: {plain(found.reason)}", icon=":material/block:")
    limits = run_quality_data.limits(letter.run_id)
    for one in found.found:
        icon = ":red[:material/block:]" if one["refuses"] else ":orange[:material/flag:]"
        limit = limits.get(f"{one['check']}.{'error' if one['refuses'] else 'warn'}_above")
        st.markdown(f"{icon} {plain(rule(one['check']))} :gray[{plain(compared(one, limit))}]")
