"""What stands beside every page: where the data come from, whether a runner is alive, what runs, what is wrong, the time in Nepal."""

import streamlit as st

from engine.clock import nepal_date
from pages.ui import data, operation_data
from pages.ui import format as say
from pages.ui.widgets import page
from storage.status import AlertSeverity


def source_notice() -> None:
    """Say above the page, on every page, that the data are simulated."""
    if data.simulated():
        st.badge("Simulated exchange: no price here is real", icon=":material/science:", color="violet")


@st.fragment(run_every=5)
def status_strip() -> None:
    """Show the machine's state; the sidebar draws it anew every five seconds."""
    machine, moment = data.machine(), data.now()
    with st.container(gap="xsmall", key="status_strip"):
        if data.simulated():
            st.badge("SIMULATED", icon=":material/science:", color="violet", help="A seeded, made-up market; no price is real.")
        else:
            st.badge("FILES", icon=":material/folder:", color="gray", help=str(data.settings().source_dir))
        if machine.alive:
            st.badge(f"runner alive, {say.ago(machine.heartbeat_at, moment)}", icon=":material/favorite:", color="green")
        elif machine.starting:
            st.badge("runner starting", icon=":material/hourglass_top:", color="gray")
        elif machine.heartbeat_at is None:
            st.badge("no runner", icon=":material/heart_broken:", color="red")
        else:
            st.badge(f"runner silent, {say.ago(machine.heartbeat_at, moment)}", icon=":material/heart_broken:", color="red")
        idle = not (machine.running or machine.queued)
        st.badge(
            f"{machine.running} running · {machine.queued} queued", icon=":material/pending_actions:", color="gray" if idle else "blue"
        )
        if waiting := operation_data.waiting():
            colour = "red" if any(alert.severity is AlertSeverity.ERROR for alert in waiting) else "orange"
            label = f":{colour}[**{say.count(len(waiting), 'open alert')}**]"
            st.page_link(page("alerts.py"), label=label, icon=":material/notifications_active:", query_params={"on": "operations"})
        st.caption(f"{say.short_day(nepal_date(moment))}, {say.clock_time(moment)[:5]} in Nepal")
