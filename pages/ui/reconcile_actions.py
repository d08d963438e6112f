"""What makes a session of the stream equal to the official one with a click: its gap replayed, the batch promoted."""

from datetime import date

import streamlit as st

from engine.services import GapReplayed, Services
from engine.stream.reconcile import Reconciliation, Side, Verdict
from pages.ui import data, reconcile_data
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.reconcile_data import Served
from pages.ui.shared import forget
from pages.ui.text import plain
from pages.ui.widgets import page, run_link
from storage.status import RunStatus


def offered(day: date, side: Side, found: Reconciliation | None) -> None:
    """Say what of the session is missing and what is served of it, each beside the button that mends it; it follows the runs."""
    st.fragment(_offered, run_every=data.pace(3))(day, side, found, reconcile_data.served(day))


def _offered(day: date, side: Side, found: Reconciliation | None, before: Served) -> None:
    served = reconcile_data.served(day)
    if (served.batch, served.accepted_by) != (before.batch, before.accepted_by):
        forget()
        st.rerun()  # the grid compares with other rows now
    with st.container(border=True, gap="small", key="reconcile_actions"):
        if side is Side.STREAM and found is not None and found.verdict is not Verdict.UNDER_WAY:
            _gap(day, found)
            _letters(day, found)
        _served(day, served)


def _gap(day: date, found: Reconciliation) -> None:
    tape = reconcile_data.sides(day).tape
    gap = reconcile_data.gap(day) if tape else None
    with st.container(horizontal=True, vertical_alignment="center", key="reconcile_gap"):
        if gap is None or not len(gap):
            st.markdown(f":gray[:material/playlist_add_check:] {_nothing_to_replay(found, tape=tape)}", width="stretch")
            return
        came = [f"{say.count(len(gap.lost), 'trade')} that never came"] if len(gap.lost) else []
        came += [f"{say.count(len(gap.late), 'trade')} that came late"] if len(gap.late) else []
        st.markdown(f":orange[:material/playlist_add:] The source's tape has {' and '.join(came)}.", width="stretch")
        explanation = "Appends to the log what never came and takes in what was late; bars and days get a new revision. The grid follows."
        if st.button("Replay the gap", key="replay_gap", icon=":material/replay:", type="primary", help=explanation):
            perform("", _replay_gap, services(), day)


def _letters(day: date, found: Reconciliation) -> None:
    waiting = reconcile_data.letters_waiting(day)
    if found.verdict is not Verdict.EXACT or not waiting:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="reconcile_letters"):
        wait = f"{say.count(waiting, 'letter')} of what was set aside still {'waits' if waiting == 1 else 'wait'}"
        st.markdown(f":gray[:material/mark_email_unread:] {wait}, and nothing of the session is missing.", width="stretch")
        explanation = "Copies, and records that could not be read whose trades came otherwise. Each can be opened again."
        if st.button("Put them away", key="settle_letters", icon=":material/done_all:", help=explanation):
            perform("", services().settle_letters, day)


def _replay_gap(commands: Services, day: date) -> str:
    with st.spinner("Replaying the gap…"):
        done: GapReplayed = commands.replay_gap(day)
    return done.message


def _nothing_to_replay(found: Reconciliation, *, tape: bool) -> str:
    missing = found.missing_by_total if found.missing_by_total is not None else found.missing_by_ids
    if missing <= 0:
        return "No trade is missing: there is no gap to replay."
    lacking = say.count(missing, "trade")
    if not tape:
        return f"The source has no tape of this session to replay the {lacking} from that are missing."
    told = "the contract ids tell" if found.missing_by_total is None else "the official rows tell"
    return f"The source's own tape does not have the {lacking} that are missing either: only {told} of them."


def _served(day: date, served: Served) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="reconcile_served"):
        if served.file_date is not None and served.accepted_by is not None:
            file = f"the daily file of {say.day(served.file_date)}"
            st.markdown(f":green[:material/verified:] `prices` serves the official rows, out of {file}.", width="stretch")
            run_link(served.accepted_by)
            return
        now = "what the stream has" if served.streamed else "nothing"
        st.markdown(f":orange[:material/bolt:] `prices` serves {now}: {_why_not_batch(served)}", width="stretch")
        if served.run_id is not None:
            run_link(served.run_id)
        if served.status is RunStatus.FAILED and _is_blocked(served):
            query = {"session": day.isoformat()}
            st.page_link(page("quality.py"), label="Decide on it", icon=":material/gavel:", query_params=query)
        elif not served.on_its_way:
            explanation = "Runs the daily pipeline of that date: once its rows are loaded, `prices` serves them and no more the stream's."
            if st.button("Promote the batch", key="promote_batch", icon=":material/publish:", help=explanation):
                perform("", services().promote_batch, day)


def _is_blocked(served: Served) -> bool:
    return served.error_type == "SessionBlocked"


def _why_not_batch(served: Served) -> str:
    if served.status is None:
        return "its daily pipeline was not run."
    if served.on_its_way:
        return f"its daily run is {served.status.value}."
    return f"its daily run {served.status.value}. {plain(served.error or '')}"
