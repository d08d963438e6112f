"""One dead letter: the line as it came beside what was read of it, the rule that refused it, its history, and what can be done."""

from datetime import datetime

import pyarrow as pa
import streamlit as st

from engine.clock import NEPAL
from engine.market.csv_line import as_text, cells_of, escaped
from pages.ui import data, letter_data, letter_dialogs, quality_link, run_quality_data
from pages.ui import format as say
from pages.ui.letter_data import LetterView
from pages.ui.letter_edit import editor
from pages.ui.letter_list import SHOWN, open_letter, undoable
from pages.ui.letter_words import KINDS, blamed, compared, line_values, rule, standing
from pages.ui.text import plain, words
from pages.ui.tick_edit import tick_editor
from pages.ui.widgets import badge, empty_state, page, pairs, run_link
from storage.status import LetterKind

_EVERY = 2  # seconds
_LONGEST = 4096  # bytes of a line that are shown
_SHA = 12


def letter_page(letter_id: int) -> None:
    """Draw everything that is known of a letter; what moves follows the runs of its date."""
    letter = letter_data.letter(letter_id)
    if letter is None:
        empty_state(f"There is no letter {letter_id}", text="The link may be mistyped, or come from another console.")
        if st.button("All letters", key="letters_back", icon=":material/list:"):
            open_letter(None)
        return
    _way_back(letter)
    st.fragment(_moving, run_every=data.pace(_EVERY))(letter)
    if letter.kind is LetterKind.FILE:
        _file(letter)
        _history(letter)
        return
    left, right = st.columns(2, gap="large")
    with left:
        (_record if letter.of_stream else _line)(letter)
    with right:
        (tick_editor if letter.of_stream else editor)(letter)
    _history(letter)


def _way_back(letter: LetterView) -> None:
    ids = st.session_state.get(SHOWN, [])
    place = ids.index(letter.id) if letter.id in ids else None
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("All letters", key="letters_back", icon=":material/arrow_back:", type="tertiary"):
            open_letter(None)
        if place is not None:
            st.space("stretch")
            if st.button("Newer", key="letter_newer", icon=":material/chevron_left:", type="tertiary", disabled=place == 0):
                open_letter(ids[place - 1])
            st.caption(f"{place + 1} of the {len(ids)} on the list", width="content")
            last = place == len(ids) - 1
            older = {"icon": ":material/chevron_right:", "icon_position": "right"}
            if st.button("Older", key="letter_older", type="tertiary", disabled=last, **older):  # type: ignore[arg-type]
                open_letter(ids[place + 1])


def _moving(before: LetterView) -> None:
    """Draw where the letter stands; once that has changed, the page is drawn anew."""
    letter = letter_data.letter(before.id) or before
    if (letter.state, letter.edited_raw, letter.run_id) != (before.state, before.edited_raw, before.run_id):
        st.rerun()
    active = letter_data.active_run(letter.pipeline, letter.partition)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(_title(letter), width="content")
        badge(letter.state)
        st.badge(KINDS[letter.kind], color="gray")
        if data.simulated():
            st.badge("simulated", icon=":material/science:", color="violet")
    st.caption(plain(" · ".join(_facts(letter))))
    with st.container(key="letter_standing"):
        st.markdown(plain(standing(letter)))
        if active is not None and not letter.of_stream:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.info(
                    f"A run of {say.day(letter.partition)} is on its way; what it makes of the letter appears here.", icon=":material/sync:"
                )
                run_link(active, label=f"Watch run {active}", icon=":material/progress_activity:")
    _why(letter)
    _actions(letter)


def _title(letter: LetterView) -> str:
    if letter.kind is LetterKind.FILE:
        return plain(f"{letter.source_file or 'File'} of {say.day(letter.partition)}")
    return plain(f"{letter.symbol or 'No symbol'}, {say.day(letter.partition)}")


def _facts(letter: LetterView) -> list[str]:
    place = f"offset {letter.line:,}" if letter.of_stream else f"line {letter.line}"
    where = [f"{place} of {letter.source_file}"] if letter.line or letter.of_stream else []
    facts = [f"Letter {letter.id}", *where, f"found by stage {letter.stage}"]
    if letter.session and letter.session != letter.partition:
        facts.append(f"session {say.day(letter.session)}")
    tried = [say.count(letter.tries, "failed replay")] if letter.tries else []
    return [*facts, f"first seen {say.stamp(letter.first_seen)}", *tried]


def _why(letter: LetterView) -> None:
    """Draw what refused it: the words of each rule with what it saw and what was allowed; or the defect, or the error."""
    box = st.error if letter.waits else st.info  # what is settled is no alarm
    if letter.kind is not LetterKind.ROW or not letter.checks:
        title = words(letter.reason).capitalize()
        box(plain(letter.message), title=title, icon=":material/error:")
        return
    limits = run_quality_data.limits(letter.run_id)
    for finding in letter.checks:
        limit = limits.get(f"{finding['check']}.error_above")
        box(plain(compared(finding, limit)), title=rule(finding["check"]), icon=":material/rule:")


def _actions(letter: LetterView) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        again = "Replay with its correction…" if letter.corrected else "Replay as it is…" if letter.line else "Fetch the file again…"
        if letter.waits and not letter.of_stream and st.button(again, key="letter_replay", icon=":material/replay:"):
            letter_dialogs.ask_replay([letter])
        if letter.can_be_taken_in and st.button("Take it in…", key="letter_take_in", icon=":material/move_to_inbox:"):
            letter_dialogs.ask_take_in([letter])
        if letter.waits and st.button("Discard…", key="letter_discard", icon=":material/delete:"):
            letter_dialogs.ask_discard([letter])
        if undoable(letter) and st.button("Undo…", key="letter_undo", icon=":material/undo:"):
            letter_dialogs.ask_undo([letter])
        run_link(letter.run_id, icon=":material/manage_search:")
        if letter.of_stream:
            query = {"session": letter.partition.isoformat()} | ({"symbol": letter.symbol} if letter.symbol else {})
            st.page_link(page("stream.py"), label="The session in the stream", icon=":material/candlestick_chart:", query_params=query)
            return
        if letter.session is not None:
            quality_link.to_quality(letter.session)
        st.page_link(
            page("runs.py"),
            label="The date in the calendar",
            icon=":material/calendar_month:",
            query_params={"day": letter.partition.isoformat()},
        )


def _line(letter: LetterView) -> None:
    """Draw the line as it came, then column by column; the columns that the refusal is about stand out."""
    st.subheader("As it came")
    raw = letter.raw or b""
    st.code(escaped(raw[:_LONGEST]) or "(an empty line)", language=None, wrap_lines=True)
    if len(raw) > _LONGEST:
        st.caption(f"The first {_LONGEST:,} of {len(raw):,} bytes; the export has more.")
        return
    file = letter_data.source(letter.id)
    if file.lost:
        st.caption(f"{plain(file.lost)} Its columns cannot be named without the header.")
    wrong = blamed(letter)
    cells = len(cells_of(as_text(raw)))
    if file.header and cells != len(file.header):
        st.caption(f"{cells} cells under {len(file.header)} names: from where they part, each cell stands under the wrong name.")
    rows = line_values(letter, file.header, as_text(raw))
    marked = [(_marked(name, wrong), _marked_cell(name, cell, wrong), _plainly(read)) for name, cell, read in rows]
    columns = ("Column", "As it came", "Read as") if letter.parsed else ("Column", "As it came")
    frame = pa.table({title: [row[place] for row in marked] for place, title in enumerate(columns)})
    st.table(frame, border="horizontal", hide_index=True, alt="The line, column by column")


def _record(letter: LetterView) -> None:
    """Draw a record of the tick stream as it came."""
    st.subheader("As it came")
    st.code(escaped((letter.raw or b"")[:_LONGEST]) or "(an empty record)", language=None, wrap_lines=True)
    if letter.parsed:
        pairs(*((name, _told(name, value)) for name, value in letter.parsed.items()), alt="The trade, field by field", width="content")


def _told(name: str, value: object) -> str:
    """Return a field of a trade as people read it; its times are stored in UTC."""
    if name.endswith("Time"):
        return f"{datetime.fromisoformat(str(value)).astimezone(NEPAL):%Y-%m-%d %H:%M:%S.%f} Nepal time"
    return str(value)


def _marked(name: str, wrong: frozenset[str]) -> str:
    odd = name.startswith("beyond")
    return f":red[:material/error: **{plain(name)}**]" if name in wrong or odd else plain(name)


def _marked_cell(name: str, cell: str, wrong: frozenset[str]) -> str:
    shown = _plainly(cell)
    return f":red[**{shown}**]" if name in wrong else shown


def _plainly(cell: str) -> str:
    return plain(cell) if cell else say.NOTHING


def _file(letter: LetterView) -> None:
    """Draw the facts of a file that could not be used as a whole, with its bytes to take home."""
    st.subheader("The file as it came")
    file = letter_data.source(letter.id)
    size = f"{len(file.content):,} bytes" if file.content else "size not known"
    st.markdown(f"{plain(letter.source_file) or say.NOTHING} · {size} · sha256:")
    st.code(letter.source_sha256 or say.NOTHING, language=None, wrap_lines=True)
    if file.header:
        st.markdown("Its first line:")
        st.code(", ".join(file.header)[:_LONGEST], language=None, wrap_lines=True)
    if file.content:
        st.download_button(
            "Download the bytes",
            lambda: letter_data.bronze_bytes(letter.id),
            file_name=letter.source_file or f"{letter.source_sha256[:_SHA]}.bin",
            mime="application/octet-stream",
            key="letter_bytes",
            icon=":material/download:",
            on_click="ignore",
        )
    elif file.lost:
        st.caption(plain(file.lost))


def _history(letter: LetterView) -> None:
    """Draw what happened to the letter, oldest first."""
    st.subheader("History")
    events = [(letter.first_seen, "Found", f"by run {letter.first_run_id}, stage {letter.stage}")]
    if letter.run_id != letter.first_run_id:
        events.append((letter.last_seen, "Seen again", f"by run {letter.run_id}; {say.count(letter.tries, 'failed replay')} so far"))
    if letter.decided_at is not None:
        said = f"by {letter.decided_by}{f': {letter.note}' if letter.note else ''}"
        events.append((letter.decided_at, _decision(letter), said))
    rows = [(say.stamp(at), what, plain(said)) for at, what, said in sorted(events, key=lambda event: event[0])]
    if letter.resolved_run_id is not None:
        rows.append(("", "Passed", f"in run {letter.resolved_run_id}"))
    frame = pa.table({title: [row[place] for row in rows] for place, title in enumerate(("At", "What", "Said"))})
    st.table(frame, border="horizontal", hide_index=True, width="content", alt="What happened to the letter")
    runs = dict.fromkeys(run for run in (letter.first_run_id, letter.run_id, letter.resolved_run_id) if run is not None)
    if len(runs) > 1:
        with st.container(horizontal=True):
            for run_id in runs:
                run_link(run_id, icon=":material/manage_search:")


def _decision(letter: LetterView) -> str:
    if letter.note is not None and not letter.corrected:
        return "Put away"
    return "Corrected" if letter.edited_raw is not None else "Opened again"
