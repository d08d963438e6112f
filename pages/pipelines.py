"""What runs when, what depends on what, why a date did not run; backfills and the source."""

from datetime import timedelta

import streamlit as st

from pages.ui import data
from pages.ui import pipeline as parts
from pages.ui.dialogs import ask_backfill
from pages.ui.panels import ledger, live_backfill
from pages.ui.widgets import known_parameters

names = list(data.pipelines())
st.title("Pipelines")
known_parameters("pipeline")
name = st.segmented_control(
    "Pipeline", names, default=names[0], required=True, key="pipeline", bind="query-params", label_visibility="collapsed"
)
pipeline = data.pipelines()[name or names[0]]


@st.fragment(run_every=data.pace(4))
def past_backfills() -> None:
    """List the newest backfills; one that ends while it is looked at is seen to end."""
    parts.past_backfills()


@st.fragment(run_every=data.pace(4))
def slots() -> None:
    """Show what became of the last dates."""
    st.subheader("Why did it run, or not?")
    known = data.slots(pipeline.name, data.today() - timedelta(days=parts.LEDGER_DAYS), data.today())
    if known:
        ledger(known)
    else:
        st.caption(
            "The ledger is empty. A runner opens it within five seconds of its start: one row a date from then on, whatever happens."
        )


st.caption(pipeline.summary)

parts.drawing(pipeline)

left, middle, right = st.columns(3, gap="large")
with left:
    st.subheader("Schedule")
    parts.schedule(pipeline)
with middle:
    st.subheader("Run now")
    parts.run_now(pipeline)
with right:
    st.subheader("Source")
    parts.source()

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Backfills", width="content")
    if st.button("Backfill a range…", key="backfill", icon=":material/date_range:"):
        ask_backfill(pipeline.name)
live_backfill()
past_backfills()
slots()
