"""What is asked before a person's word on a drift alarm is kept."""

from collections.abc import Mapping
from datetime import date

import streamlit as st

from pages.ui import format as say
from pages.ui import theme
from pages.ui.actions import perform, services
from storage.status import DriftLabel

MEANS: Mapping[DriftLabel, str] = {
    DriftLabel.FAULT: "The data are wrong. The session is compared with no more, and no limit is learnt from it.",
    DriftLabel.MARKET: "The market did it, the data are right. The session stays what others are compared with.",
    DriftLabel.ACCEPTED: "It will stay so. What follows is compared with this session and those after it.",
}


def ask_label(session: date, label: DriftLabel) -> None:
    """Ask why a session's alarm is what the person says."""
    seen = theme.look(label)

    @st.dialog(f"{say.day(session)}: {seen.word}", icon=seen.icon)
    def ask() -> None:
        st.markdown(MEANS[label])
        reason = st.text_input("Why", key="label_reason", placeholder="Whoever looks later has only your reason", max_chars=500)
        with st.container(horizontal=True):
            if st.button("Say so", key="label_yes", type="primary", icon=seen.icon):
                perform("It is said.", services().label_drift, session, label, reason=reason)
            if st.button("Not now", key="label_no"):
                st.rerun()

    ask()
