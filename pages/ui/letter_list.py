"""The list of dead letters: counts that filter, rows chosen by letter whatever arrives meanwhile, and what is done with the chosen ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
import streamlit as st

from engine.market.csv_line import escaped
from pages.ui import data, letter_data, letter_dialogs, listing, waiting_data
from pages.ui import format as say
from pages.ui.letter_data import LetterView
from pages.ui.letter_export import export
from pages.ui.letter_words import KINDS, why
from pages.ui.text import words
from pages.ui.theme import look
from pages.ui.widgets import empty_state
from storage.dead_letters import MOST_COUNTED, MOST_LETTERS, LetterFilter
from storage.moves import STREAM
from storage.status import LetterKind, LetterState

_EVERY = 3  # seconds
_MARKS = {state: f"{look(state).sign} {look(state).word}" for state in LetterState}
_ORDER = (LetterState.OPEN, LetterState.PARKED, LetterState.EDITED, LetterState.REPLAYED, LetterState.DISCARDED)
_REASONS_SHOWN = 12
_SESSIONS_NAMED = 3
_WHY = 320  # pixels of the column; a letter takes six
STATE_WORDS = tuple(state.value for state in LetterState)
KIND_WORDS = tuple(kind.value for kind in LetterKind)
PIPELINE_NAMES = (*data.pipelines(), STREAM)
SHOWN = "letters_shown"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the fields above the list say; `kind` is a word of `KIND_WORDS`, `pipeline` one of `PIPELINE_NAMES`."""

    pipeline: str | None = None
    symbol: str | None = None
    kind: str | None = None
    since: date | None = None
    until: date | None = None


def filter_in_url(asked: Asked) -> LetterFilter:
    """Return the filter of the fields and of the URL; words that mean nothing are left out."""
    states = tuple(state for state in LetterState if state.value in st.query_params.get_all("state"))
    kind = LetterKind(asked.kind) if asked.kind in KIND_WORDS else None
    reason = st.query_params.get("reason") or None
    pipeline = asked.pipeline if asked.pipeline in PIPELINE_NAMES else None
    return LetterFilter(states, reason, (asked.symbol or "").strip().upper() or None, asked.since, asked.until, kind, pipeline)


def letters(asked: Asked) -> None:
    """Draw the counts, then the letters that match, newest first, with the actions on those that are selected; it follows what happens."""
    st.fragment(_letters, run_every=data.pace(_EVERY))(asked)


def _letters(asked: Asked) -> None:
    chosen = filter_in_url(asked)
    _facets(chosen)
    if chosen.pipeline in (None, STREAM):
        _beyond(chosen)
    before = listing.id_in_url("before")
    key = _key(chosen, before)
    actions, grid, paging = st.container(horizontal=True, vertical_alignment="center"), st.container(), st.container(horizontal=True)
    newest = letter_data.page(chosen, before=before)
    if not newest:
        with grid:
            _nothing(chosen)
        return
    listed = listing.standing_still(key, newest, named=lambda row: row.id, again=letter_data.rows_of)
    st.session_state[SHOWN] = [row.id for row in listed.rows]
    with actions:
        _actions(chosen, listed.picked, arrived=listed.arrived)
    with grid:
        _grid(listed.rows, key)
    with paging:
        listing.paging("letters", before, older_than=newest[-1].id if len(newest) == letter_data.PAGE else None)


def _beyond(chosen: LetterFilter) -> None:
    """Say of which sessions not every record that was set aside has a letter."""
    more = letter_data.beyond(chosen.since, chosen.until)
    for day, number in list(more.items())[:_SESSIONS_NAMED]:
        of = f"the first {MOST_LETTERS:,} of {number:,} records that the stream has set aside"
        st.caption(f":material/info: {say.day(day)}: {of}; the log keeps all.")


def _key(chosen: LetterFilter, before: int | None) -> str:
    """Return the key of the grid of one filter: another filter is another grid, with nothing selected."""
    words = (*chosen.states, chosen.reason, chosen.symbol, chosen.since, chosen.until, chosen.kind, chosen.pipeline, before)
    return f"letters_{'_'.join(str(word or '') for word in words)}"


def _facets(chosen: LetterFilter) -> None:
    """Draw the states and the reasons with their counts; what is chosen stands in the URL."""
    counts = waiting_data.states()
    offered = [state for state in _ORDER if counts[state] or state in chosen.states or state is LetterState.OPEN]
    st.session_state["letter_state"] = list(chosen.states)
    st.pills(
        "State",
        offered,
        selection_mode="multi",
        format_func=lambda state: f"{look(state).sign} {look(state).word}  {say.up_to(counts[state], MOST_COUNTED)}",
        key="letter_state",
        help="Of all letters, whatever else is chosen.",
        on_change=_choose,
        args=("state",),
        wrap=True,
    )
    found, named = letter_data.reasons(replace(chosen, reason=None)), chosen.reason
    reasons = list(found)[:_REASONS_SHOWN]
    reasons += [named] if named and named not in reasons else []
    if not reasons:
        return
    st.session_state["letter_reason"] = named
    st.pills(
        "Reason",
        reasons,
        format_func=lambda name: f"{words(name)}  {say.up_to(found.get(name, 0), MOST_COUNTED)}",
        key="letter_reason",
        on_change=_choose,
        args=("reason",),
        wrap=True,
    )


def _choose(what: str) -> None:
    """Write what was chosen into the URL, which the next draw reads."""
    value = st.session_state[f"letter_{what}"]
    if value:
        st.query_params[what] = value
    else:
        st.query_params.pop(what, None)
    listing.first_page()


def _nothing(chosen: LetterFilter) -> None:
    if chosen == LetterFilter():
        empty_state("Nothing was set aside", text="Every line that ever came is in its session.", icon=":material/mark_email_read:")
        return
    if chosen.states == (LetterState.OPEN,) and not waiting_data.states()[LetterState.OPEN]:
        empty_state("Nothing is waiting", text="Every letter has passed or was put away.", icon=":material/mark_email_read:")
    else:
        empty_state("No letter matches", text="Change or clear the filters above.", icon=":material/filter_alt_off:")
    if st.button("Clear the filters", key="letters_clear", icon=":material/filter_alt_off:"):
        st.query_params.clear()
        st.rerun()


def _actions(chosen: LetterFilter, picked: Sequence[LetterView], *, arrived: int) -> None:
    waiting = [letter for letter in picked if letter.waits]
    again = [letter for letter in waiting if not letter.of_stream]
    late = [letter for letter in waiting if letter.can_be_taken_in]
    undone = [letter for letter in picked if undoable(letter)]
    # The same buttons in the same place, whatever is selected: a grid that moves under a click gives the wrong row.
    if picked:
        if st.button(_named("Replay", len(again)), key="replay_picked", icon=":material/replay:", disabled=not again):
            letter_dialogs.ask_replay(again)
    else:
        replayed = (
            chosen if chosen.pipeline else replace(chosen, pipeline=data.first_pipeline().name)
        )  # records of the stream are not replayed so
        number, dates = (0, 0) if chosen.pipeline == STREAM else letter_data.waiting_dates(replayed)
        if st.button(_named("Replay all", number), key="replay_all", icon=":material/replay:", disabled=not number):
            letter_dialogs.ask_replay_all(replayed, number, dates)
    if late and st.button(_named("Take in", len(late)), key="take_in_picked", icon=":material/move_to_inbox:"):
        letter_dialogs.ask_take_in(late)
    if st.button(_named("Discard", len(waiting)), key="discard_picked", icon=":material/delete:", disabled=not waiting):
        letter_dialogs.ask_discard(picked)
    if st.button(_named("Undo", len(undone)), key="undo_picked", icon=":material/undo:", disabled=not undone):
        letter_dialogs.ask_undo(undone)
    export(chosen)
    if not picked:
        st.caption("Select letters to act on them; open one to correct it.")
    else:
        waits = f"; the list stands still, {say.count(arrived, 'newer letter')} waiting" if arrived else "; the list stands still."
        st.caption(f"{say.count(len(picked), 'letter')} selected{waits}")


def undoable(letter: LetterView) -> bool:
    """Say whether there is a decision about a letter that can be taken back."""
    taken_in = letter.of_stream and letter.state is LetterState.REPLAYED
    return letter.state is LetterState.DISCARDED or taken_in or (letter.corrected and letter.state is not LetterState.REPLAYED)


def _named(verb: str, number: int) -> str:
    return f"{verb} {number:,}…" if number else f"{verb}…"


def _grid(rows: Sequence[LetterView], key: str) -> None:
    opened = f"{key}_open"
    st.dataframe(
        frame(rows),
        key=key,
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="multi-row",
        placeholder=say.NOTHING,
        alt="Dead letters, newest first",
        column_config={
            "Letter": st.column_config.ButtonColumn(
                type="tertiary", key=opened, pinned=True, alignment="left", width=86, help="Open the letter"
            ),
            "State": st.column_config.MultiselectColumn(
                options=list(_MARKS.values()), color=[look(state).colour for state in LetterState], width=110
            ),
            "Symbol": st.column_config.TextColumn(width=90),
            "Date": st.column_config.TextColumn(width=130),
            "Reason": st.column_config.TextColumn(width=140),
            "Why": st.column_config.TextColumn(width=_WHY, help="Where one ends in …, the letter has the rest"),
            "Line": st.column_config.NumberColumn(format="localized", width=52),
            "Tries": st.column_config.NumberColumn(format="localized", width=52),
        },
    )
    if click := st.session_state.get(opened):  # the label says which letter was meant; its row may have moved
        open_letter(int(str(click["label"]).rsplit(" ", 1)[-1]))


def open_letter(letter_id: int | None) -> None:
    """Show a letter, or the list again; the filters stay in the URL."""
    if letter_id is None:
        st.query_params.pop("letter", None)
    else:
        st.query_params["letter"] = str(letter_id)
    st.rerun()


def frame(rows: Sequence[LetterView]) -> pa.Table:
    """Return what the grid shows of each letter."""
    columns = {
        "Letter": [f"Letter {row.id}" for row in rows],
        "Symbol": [row.symbol for row in rows],
        "Reason": [words(row.reason) for row in rows],
        "State": [[_MARKS[row.state]] for row in rows],
        "Date": [say.day(row.partition) for row in rows],
        "Why": [say.shortened(why(row), _WHY // 6) for row in rows],
        "Line": pa.array([row.line or None for row in rows], pa.int64()),
        "Tries": pa.array([row.tries for row in rows], pa.int64()),
        "What": [KINDS[row.kind] for row in rows],
        "First seen": [say.stamp(row.first_seen) for row in rows],
        "Run": pa.array([row.run_id for row in rows], pa.int64()),
        "As it came": [escaped(row.raw) if row.raw is not None else None for row in rows],
    }
    return pa.table(columns)
