"""Runs: which dates are right, which are not, and what to do about them."""

import streamlit as st

from pages.ui import data, dialogs, run_data
from pages.ui.day_view import dates, follow_day
from pages.ui.listing import first_page, id_in_url
from pages.ui.run_table import STATUS_OF, run_filter, run_table
from pages.ui.url_choice import warn_of_unknown
from pages.ui.widgets import known_parameters, page

pipelines = [*data.pipelines(), run_data.STREAM]

head = st.container(horizontal=True, vertical_alignment="bottom")
# Before its widgets, which take out of the address what they cannot read.
known_parameters("day", "year", "since", "until", "backfill", before=int, pipeline=pipelines, status=STATUS_OF)
with head:
    st.title("Runs", width="content")
    pipeline = st.selectbox("Pipeline", pipelines, key="pipeline", bind="query-params", label_visibility="collapsed", width=180)
    year_switch = st.container(width="content")
    st.space("stretch")
    day = st.date_input("Look at a date", value=None, key="day", bind="query-params", width=150, on_change=follow_day)
    if pipeline == run_data.STREAM:
        st.page_link(page("stream.py"), label="The stream", icon=":material/candlestick_chart:")
    elif st.button("Backfill…", key="backfill_range", icon=":material/date_range:"):
        dialogs.ask_backfill(pipeline)

years = run_data.years(pipeline, day)
warn_of_unknown([str(year) for year in years], name="year", noun="a year of which no date has a run")
year = year_switch.segmented_control(
    "Year",
    years,
    default=day.year if day else run_data.opening_year(pipeline),
    required=True,
    key="year",
    bind="query-params",
    label_visibility="collapsed",
)
dates(pipeline, year or years[-1], chosen=day)

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="top", key="run_filters"):
    words = st.pills("Status", list(STATUS_OF), selection_mode="multi", key="status", bind="query-params", on_change=first_page, wrap=True)
    with st.container(horizontal=True, width="content", vertical_alignment="bottom", key="run_dates"):
        since = st.date_input("Dates from", value=None, key="since", bind="query-params", on_change=first_page, width=150)
        until = st.date_input("to", value=None, key="until", bind="query-params", on_change=first_page, width=150)
        backfill = st.number_input(
            "Backfill",
            value=None,
            min_value=1,
            step=1,
            key="backfill",
            bind="query-params",
            on_change=first_page,
            width=120,
            placeholder="any",
        )

run_table(run_filter(pipeline, words, since=since, until=until, backfill_id=backfill), before=id_in_url("before"))
