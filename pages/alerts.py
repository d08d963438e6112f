"""Alerts: what is wrong now and who was told, what broke a rule of the stream, and the channels."""

import streamlit as st

from pages.ui import alert_list, alert_parts, channel_view, data, operation_view
from pages.ui.alert_parts import Part
from pages.ui.widgets import known_parameters

st.title("Alerts")
filters = [name for name in alert_parts.STREAM_FILTERS if name != "state"]
known_parameters(*filters, on=list(Part), state=alert_list.STANDINGS)
with st.container(horizontal=True, vertical_alignment="bottom"):
    part = alert_parts.chosen()
    st.space("stretch")
    if part is Part.STREAM:
        alert_list.silence_button()
    elif part is Part.OPERATIONS:
        operation_view.silence_button()


@st.fragment(run_every=data.pace(2))
def operations() -> None:
    """Draw how things stand in a line, what is wrong now, what was, and the silences."""
    operation_view.summary()
    operation_view.open_alerts()
    st.subheader("Over")
    operation_view.over()
    st.subheader("Silences")
    alert_list.silences()


@st.fragment(run_every=data.pace(2))
def of_the_stream() -> None:
    """Draw the alerts that match and the silences; both follow what the stream and people do."""
    alert_list.alerts()
    st.subheader("Silences")
    alert_list.silences()


@st.fragment(run_every=data.pace(2))
def channels() -> None:
    """Draw the channels and what they were told."""
    channel_view.channels()
    st.subheader("Delivery log")
    channel_view.log()


if part is Part.OPERATIONS:
    st.caption("What is wrong with runs, sessions, sources and this machine, as rules find it every ten seconds.")
    operations()
elif part is Part.STREAM:
    st.caption(
        "Trades that broke a rule of the stream. Many symbols at once are one alert of the whole market, with its symbols folded under it."
    )
    alert_list.filters()
    of_the_stream()
else:
    st.caption("Who is told of alerts, by mail, chat or webhook; and what became of each message.")
    channels()
