"""What runs when, what depends on what, why a date did not run; backfills and the source."""

import streamlit as st

from pages.ui import data
from pages.ui import pipeline as parts
from pages.ui.circuit import circuit as draw_circuit
from pages.ui.dialogs import ask_backfill
from pages.ui.panels import ledger, live_backfill
from pages.ui.url_choice import warn_of_unknown
from pages.ui.widgets import known_parameters

names = list(data.pipelines())
st.title("Pipelines")
known_parameters("ledger_dates", pipeline=names)
name = st.segmented_control(
    "Pipeline", names, default=names[0], required=True, key="pipeline", bind="query-params", label_visibility="collapsed"
)
pipeline = data.pipelines()[name or names[0]]


@st.fragment(run_every=data.pace(4))
def past_backfills() -> None:
    """List the newest backfills; one that ends while it is looked at is seen to end."""
    parts.past_backfills()


@st.fragment(run_every=data.pace(4))
def slots(dates: str) -> None:
    """Show what became of the dates."""
    known = data.slots(pipeline.name, *parts.ledger_range(dates))
    if known:
        ledger(known)
    else:
        st.caption(
            "The ledger knows none of these dates. A runner opens it within five seconds of its start: "
            "one row a date from then on, whatever happens, and before it each date from the first that a run covered."
        )


@st.fragment(run_every=data.pace(4))
def schedule() -> None:
    """Say when the pipeline runs next; a time that comes while it is looked at is seen to."""
    parts.schedule(pipeline)


@st.fragment(run_every=data.pace(4))
def source() -> None:
    """Show which files there are and whether the source is called; what comes out, opens or closes while it is looked at is seen to."""
    parts.source()
    draw_circuit()


st.caption(pipeline.summary)

parts.drawing(pipeline)

left, middle, right = st.columns(3, gap="large")
with left:
    st.subheader("Schedule")
    schedule()
with middle:
    st.subheader("Run now")
    parts.run_now(pipeline)
with right:
    st.subheader("Source")
    source()

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Backfills", width="content")
    if st.button("Backfill a range…", key="backfill", icon=":material/date_range:"):
        ask_backfill(pipeline.name)
live_backfill()
past_backfills()
choices = parts.ledger_choices(pipeline)
warn_of_unknown(choices, name="ledger_dates", noun="dates of which the ledger knows nothing")
with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Why did it run, or not?", width="content")
    chosen = st.segmented_control(
        "Dates", choices, default=choices[0], required=True, key="ledger_dates", bind="query-params", label_visibility="collapsed"
    )
slots(chosen or choices[0])
