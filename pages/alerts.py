"""Alerts: what broke a rule of the stream, against which limit, and who has seen it."""

import streamlit as st

from pages.ui import alert_list, data
from pages.ui.widgets import known_parameters

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Alerts", width="content")
    st.space("stretch")
    alert_list.silence_button()
known_parameters("rule", "symbol", "session", "before", "unfold", state=alert_list.STANDINGS)
st.caption(
    "Trades that broke a rule of the stream. Many symbols at once are one alert of the whole market, with its symbols folded under it."
)
alert_list.filters()


@st.fragment(run_every=data.pace(2))
def moving() -> None:
    """Draw the alerts that match and the silences; both follow what the stream and people do."""
    alert_list.alerts()
    st.subheader("Silences")
    alert_list.silences()


moving()
