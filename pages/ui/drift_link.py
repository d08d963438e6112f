"""What other pages say of drift: the newest alarm that nobody has spoken about, and the way to a session's comparison."""

from datetime import date

import streamlit as st

import engine.runtime
from pages.ui import format as say
from pages.ui.health import Problem, Severity
from pages.ui.shared import shared
from pages.ui.widgets import page
from storage import drift
from storage.status import DriftCause

_CALM = 4.0  # seconds a read may be old


@shared(seconds=_CALM, entries=2)
def problems() -> tuple[Problem, ...]:
    """Return the newest session's alarm, as long as nobody has said what it is."""
    with engine.runtime.runtime().database.reading() as connection:
        newest = next(iter(drift.newest(connection, limit=1)), None)
        said = {row["session"] for row in drift.labels(connection)} if newest is not None else set()
    if newest is None or newest["cause"] != DriftCause.ALARM or newest["session"] in said:
        return ()
    day = newest["session"].isoformat()
    headline = f"{say.day(newest['session'])} does not look like the sessions before"
    return (Problem(Severity.WARN, headline, newest["headline"], "drift.py", {"session": day}, "See what changed"),)


@shared(seconds=_CALM, entries=100)
def compared(session: date) -> bool:
    """Say whether a session was compared with others."""
    with engine.runtime.runtime().database.reading() as connection:
        return drift.report(connection, session) is not None


def to_drift(session: date) -> None:
    """Link to how a session compares with those before it, where it was compared."""
    if compared(session):
        query = {"session": session.isoformat()}
        st.page_link(page("drift.py"), label="Against the sessions before", icon=":material/ssid_chart:", query_params=query)
