"""What is asked before a blocked session is looked at again."""

import streamlit as st

from pages.ui import format as say
from pages.ui import run_data, run_view
from pages.ui.actions import perform, request_key, services
from pages.ui.letter_dialogs import agreed
from pages.ui.views import RunView

GATE = "quality"  # the stage that judges


def ask_another_look(run: RunView) -> None:
    """Ask from where a blocked date shall run again."""

    @st.dialog(f"Run {say.day(run.partition)} again?", icon=":material/replay:")
    def ask() -> None:
        st.markdown(f"1 date. {run_data.cost(run.pipeline, 1)}")
        places = {"With the thresholds of now": GATE, "From the start: fetch the file again": None}
        place = st.radio("From where", list(places), key="rerun_from", label_visibility="collapsed")
        if agreed("Rerun 1 date", key="rerun_blocked"):
            key = request_key(f"blocked:{run.id}:{places[place]}")
            perform("Queued again.", services().rerun, run.id, show=run_view.show, from_stage=places[place], request_key=key)

    ask()
