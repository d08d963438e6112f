"""Pieces that several pages are built from."""

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum

import streamlit as st

from pages.ui.actions import perform
from pages.ui.theme import look


def run_link(run_id: int, *, label: str | None = None, icon: str | None = None) -> None:
    """Link to the page of one run."""
    st.page_link("run.py", label=label or f"Run {run_id}", icon=icon, query_params={"id": str(run_id)})


def date_link(day: date, *, label: str) -> None:
    """Link to the runs of one date."""
    st.page_link("runs.py", label=label, query_params={"day": day.isoformat()})


def badge(status: StrEnum) -> None:
    """Show a status with its icon, word and colour."""
    seen = look(status)
    st.badge(seen.word, icon=seen.icon, color=seen.colour)


def empty_state(title: str, *, text: str, icon: str = ":material/inbox:") -> None:
    """Say that there is nothing here, why, and what to do next."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f"#### {icon} {title}", width="content")
        st.markdown(text, width="content")


def confirm(title: str, *, question: str, button: str, key: str, command: Callable[..., object], options: Mapping[str, object]) -> None:
    """Open a dialog that asks before a command is given; `command(**options)` is given when the person agrees."""

    @st.dialog(title)
    def ask() -> None:
        st.markdown(question)
        with st.container(horizontal=True):
            if st.button(button, key=f"{key}_yes", type="primary"):
                perform(f"{button}: done.", command, **options)
            if st.button("Not now", key=f"{key}_no"):
                st.rerun()

    ask()
