"""Lost: there is no page at the address that was asked for."""

import streamlit as st

from pages.ui.text import plain
from pages.ui.widgets import empty_state

st.title("No such page")
asked = st.query_params.get("path", "")
empty_state(
    f"There is no page {plain('/' + asked)}" if asked else "No page was named",
    text="The address may be mistyped, or come from another console.",
    icon=":material/search_off:",
)
st.page_link("overview.py", label="Overview", icon=":material/monitor_heart:")
st.page_link("runs.py", label="Runs", icon=":material/calendar_month:")
st.page_link("pipelines.py", label="Pipelines", icon=":material/account_tree:")
