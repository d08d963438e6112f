"""The circuit of the source: whether runs call it, since when and why, and closing it by hand."""

import pyarrow as pa
import streamlit as st

from engine.circuits import CircuitReport
from pages.ui import data
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.theme import look
from pages.ui.widgets import badge, pairs
from storage.status import CircuitState


def circuit() -> None:
    """Show the state, its figures and last events, and offer a reset where there is something to reset."""
    known = data.circuit()
    with st.container(horizontal=True, vertical_alignment="center", key="circuit"):
        st.markdown("Circuit", width="content", help="Open: the source failed too often, and no run calls it until a probe is answered.")
        badge(known.state)
        if known.state is not CircuitState.CLOSED or known.failures_in_a_row:
            _reset(known)
    share = f"{known.failures:,} of {known.calls:,} calls in {say.span(known.window)}"
    rows = [("Since", say.stamp(known.since) if known.since else "it was never open"), ("Calls that failed", share)]
    if known.probe_at is not None:
        rows += [("Next probe", f"{say.clock_time(known.probe_at)}, {say.ago(known.probe_at, data.now())}")]
        rows += [("Waiting", say.count(known.waiting, "run"))]
    pairs(*rows, alt="The circuit of the source")
    _events(known)


def _events(known: CircuitReport) -> None:
    if not known.events:
        return
    with st.expander("What became of the circuit", key="circuit_events"):
        rows = {
            "At": [f"{say.stamp(event.at)}" for event in known.events],
            "State": [look(event.state).badge for event in known.events],
            "Why": [event.reason for event in known.events],
            "Run": [str(event.run_id) if event.run_id else say.NOTHING for event in known.events],
        }
        st.table(pa.table(rows), border="horizontal", hide_index=True, alt="The last events of the circuit, newest first")


def _reset(known: CircuitReport) -> None:
    """Offer to close it by hand, with a reason; in the part itself, which draws itself anew: a dialog of it would close with that."""
    with st.popover("Reset…", icon=":material/restart_alt:", key="breaker_reset"):
        st.markdown(f"Runs call the source again at once; {say.count(known.waiting, 'waiting run')} will look now.")
        reason = st.text_input("Why", key="breaker_reason", placeholder="the provider says that it is up again")
        if st.button("Close the circuit", key="breaker_reset_yes", type="primary"):
            perform("The circuit is closed.", services().reset_breaker, known.source, reason=reason)
