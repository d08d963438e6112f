"""The way to the Quality page of a session."""

from datetime import date
from pathlib import Path

import streamlit as st

_PAGE = Path(__file__).resolve().parents[1] / "quality.py"


def to_quality(session: date) -> None:
    """Link to what the checks found in a session."""
    if _PAGE.exists():
        st.page_link(
            "quality.py", label="Quality of the session", icon=":material/verified:", query_params={"session": session.isoformat()}
        )
