"""Questions that are asked before dead letters are replayed, put away or opened again: how many, of how many dates, how long it takes."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from engine.services import Services
from engine.services.replays import Replay
from pages.ui import data, run_data
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.letter_data import LetterView
from pages.ui.text import plain
from pages.ui.theme import look
from storage.dead_letters import LetterFilter
from storage.status import LetterState

_NAMED = 6  # letters that are written out


def ask_replay(picked: Sequence[LetterView]) -> None:
    """Ask whether the dates of these letters shall run again; those that do not wait any more are left out, and said so."""
    waiting = [letter for letter in picked if letter.waits]

    @st.dialog(f"Replay {say.count(len(waiting), 'letter')}?", icon=":material/replay:")
    def ask() -> None:
        st.markdown(_listed(waiting))
        _left_out(picked)
        st.markdown(touches(waiting))
        if agreed(f"Replay {say.count(len(waiting), 'letter')}", key="replay_letters"):
            ids = [letter.id for letter in waiting]
            key = request_key(f"replay:{','.join(map(str, sorted(ids)))}")
            perform("", _replay, services(), ids=ids, request_key=key)

    ask()


def ask_take_in(picked: Sequence[LetterView]) -> None:
    """Ask whether trades that were set aside shall be taken into their session."""
    days = {letter.partition for letter in picked}
    trades = say.count(len(picked), "trade")

    @st.dialog(f"Take {trades} in?", icon=":material/move_to_inbox:")
    def ask() -> None:
        st.markdown(_listed(picked))
        st.markdown("The bars that they belong to get a new revision; what the stream made of them stays beside it. No alert is raised.")
        if any(letter.reason == "duplicate" and letter.edited_raw is None for letter in picked):
            st.caption("A duplicate that says something else takes the place of the trade under its contract; an equal copy stays out.")
        if len(days) > 1:
            st.warning("They are of several sessions. Take in those of one at a time.", icon=":material/event:")
        elif agreed(f"Take {trades} in", key="take_in"):
            perform("", services().reinject_letters, [letter.id for letter in picked])

    ask()


def ask_replay_all(chosen: LetterFilter, number: int, dates: int) -> None:
    """Ask whether all open letters of a filter shall be replayed."""

    @st.dialog(f"Replay all {say.count(number, 'open letter')}?", icon=":material/replay:")
    def ask() -> None:
        st.markdown(_cost(number, dates, pipeline=data.first_pipeline().name, older=True))
        st.caption("Parked letters are left out: choose them by hand.")
        if agreed(f"Replay {say.count(number, 'letter')}", key="replay_all"):
            perform("", _replay, services(), chosen=chosen, request_key=request_key(f"replay_all:{chosen}"))

    ask()


def touches(letters: Sequence[LetterView]) -> str:
    """Say how many letters and dates a replay of these touches, and how long it takes."""
    newest, dates = data.newest_session(), {letter.partition for letter in letters}
    older = newest is not None and min(dates) < newest
    return _cost(len(letters), len(dates), pipeline=letters[0].pipeline, older=older)


def _cost(number: int, dates: int, *, pipeline: str, older: bool) -> str:
    touched = f"**{say.count(number, 'letter')} of {say.count(dates, 'date')}.** {run_data.cost(pipeline, dates)}"
    later = " Later sessions are computed again where their features change with it." if older else ""
    progress = " The dates run as one backfill, which shows how far it is." if dates > 1 else ""
    return f"{touched}{later}{progress}"


def _replay(commands: Services, **asked: object) -> str:
    replay: Replay = commands.replay_letters(**asked)  # type: ignore[arg-type]
    return replayed(replay)


def replayed(replay: Replay) -> str:
    """Say what came of asking for a replay, with what was left out."""
    if replay.submitted is not None:
        said = replay.submitted.message
    else:
        said = f"Backfill {replay.backfill_id} replays {say.count(len(replay.dates), 'date')}."
    left = ", ".join(f"{say.count(number, 'letter')} {why}" for why, number in replay.left_out.items())
    return f"{said} Left out: {left}." if left else said


def ask_discard(picked: Sequence[LetterView]) -> None:
    """Ask why these letters shall be put away."""
    waiting = [letter for letter in picked if letter.waits]
    dates = {letter.partition for letter in waiting}

    @st.dialog(f"Discard {say.count(len(waiting), 'letter')}?", icon=":material/delete:")
    def ask() -> None:
        st.markdown(_listed(waiting))
        _left_out(picked)
        st.caption(
            f"{say.count(len(waiting), 'letter')} of {say.count(len(dates), 'date')}, at once; no date runs. "
            "The line stays out of the session and is kept as it came; this can be undone."
        )
        reason = st.text_input("Why?", key="discard_reason", max_chars=500, placeholder="A test row of the exchange")
        if agreed(f"Discard {say.count(len(waiting), 'letter')}", key="discard_letters", disabled=not (reason or "").strip()):
            perform("", services().discard_letters, [letter.id for letter in waiting], reason=reason or "")

    ask()


def ask_undo(picked: Sequence[LetterView]) -> None:
    """Ask whether decisions about these letters shall be taken back."""
    taken = [letter for letter in picked if letter.of_stream and letter.state in {LetterState.EDITED, LetterState.REPLAYED}]
    reruns = {letter.partition for letter in picked if letter.state is LetterState.EDITED and not letter.of_stream}

    @st.dialog(f"Undo {say.count(len(picked), 'decision')}?", icon=":material/undo:")
    def ask() -> None:
        st.markdown(_listed(picked))
        st.markdown("Each letter is open again, its line as it came." if len(taken) < len(picked) else "Each letter is open again.")
        if taken:
            out = f"**{say.count(len(taken), 'trade')}** of the stream: out of the session again"
            st.markdown(f"{out}. The bars get a new revision; a correction stays written, and can be changed.")
        if reruns:
            again = "run again without the corrected rows" if len(reruns) > 1 else "runs again without the corrected row"
            st.markdown(f"**{say.count(len(reruns), 'date')}** {again}. {run_data.cost(picked[0].pipeline, len(reruns))}")
        if agreed(f"Undo {say.count(len(picked), 'decision')}", key="undo_letters"):
            perform("", _undo, services(), [letter.id for letter in picked])

    ask()


def _undo(commands: Services, ids: Sequence[int]) -> str:
    answers = [commands.undo_letter(letter_id) for letter_id in ids]
    return answers[0] if len(answers) == 1 else f"{say.count(len(answers), 'letter')} open again."


def _left_out(picked: Sequence[LetterView]) -> None:
    handled = Counter(letter.state for letter in picked if not letter.waits)
    if handled:
        listed = ", ".join(f"{say.count(number, 'letter')} {look(state).word}" for state, number in handled.items())
        st.caption(f":material/info: Left out, because they were handled already: {listed}.")


def _listed(picked: Sequence[LetterView]) -> str:
    named = ", ".join(
        f"{plain(letter.symbol or (f'line {letter.line}' if letter.line else letter.source_file))} of {say.short_day(letter.partition)}"
        for letter in picked[:_NAMED]
    )
    return named if len(picked) <= _NAMED else f"{named} and {len(picked) - _NAMED} more"


def agreed(button: str, *, key: str, disabled: bool = False) -> bool:
    """Draw the two buttons under a question; say whether the person agreed."""
    with st.container(horizontal=True):
        yes = st.button(button, key=f"{key}_yes", type="primary", disabled=disabled)
        if st.button("Not now", key=f"{key}_no"):
            st.rerun()
    return yes
