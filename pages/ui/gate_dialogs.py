"""What a person decides about a blocked session, with a reason each time: let it through, hold it, look at it again."""

import streamlit as st

from pages.ui import format as say
from pages.ui import run_data
from pages.ui.actions import perform, request_key, services
from pages.ui.letter_dialogs import agreed
from pages.ui.views import RunView

GATE = "quality"  # the stage that judges


def ask_approval(run: RunView) -> None:
    """Ask why a blocked session shall pass."""

    @st.dialog(f"Approve the session of {say.day(run.session_date or run.partition)}?", icon=":material/check:")
    def ask() -> None:
        st.markdown(
            f"1 date runs again from the gate on: its good rows are loaded, those set aside stay so. {run_data.cost(run.pipeline, 1)}"
        )
        st.caption("The approval stands for these very bytes. A file that the source changes is judged anew.")
        reason = _reason("approve", "The exchange confirmed the prices")
        if agreed("Approve", key="approve", disabled=not reason):
            perform("Approved.", services().approve, run.id, reason=reason)

    ask()


def ask_rejection(run: RunView) -> None:
    """Ask why a blocked session is rightly held."""

    @st.dialog(f"Reject the session of {say.day(run.session_date or run.partition)}?", icon=":material/block:")
    def ask() -> None:
        st.markdown("1 date stays failed, with your reason; nothing runs. It can be approved or run again later.")
        reason = _reason("reject", "The exchange published a test file")
        if agreed("Reject", key="reject", disabled=not reason):
            perform("Rejected.", services().reject, run.id, reason=reason)

    ask()


def ask_another_look(run: RunView) -> None:
    """Ask from where a blocked date shall run again."""

    @st.dialog(f"Run {say.day(run.partition)} again?", icon=":material/replay:")
    def ask() -> None:
        st.markdown(f"1 date. {run_data.cost(run.pipeline, 1)}")
        places = {"With the thresholds of now": GATE, "From the start: fetch the file again": None}
        place = st.radio("From where", list(places), key="rerun_from", label_visibility="collapsed")
        if agreed("Rerun 1 date", key="rerun_blocked"):
            key = request_key(f"blocked:{run.id}:{places[place]}")
            perform("Queued again.", services().rerun, run.id, from_stage=places[place], request_key=key)

    ask()


def _reason(key: str, example: str) -> str:
    return (st.text_input("Why?", key=f"{key}_reason", max_chars=500, placeholder=example) or "").strip()
