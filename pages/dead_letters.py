"""Dead letters: what did not pass, why, and what to do about it."""

import streamlit as st

from pages.ui import letter_list, letter_view, listing
from pages.ui.panels import live_backfill
from pages.ui.widgets import known_parameters

words = {"state": letter_list.STATE_WORDS, "kind": letter_list.KIND_WORDS, "pipeline": letter_list.PIPELINE_NAMES}
known_parameters("reason", "symbol", "since", "until", "letter", before=int, **words)
letter_id = listing.id_in_url("letter")
if letter_id is not None:
    letter_view.letter_page(letter_id)
    st.stop()

st.title("Dead letters")
st.caption("Lines, rows and files that did not get into a session. Each is kept as it came until it passes or a person puts it away.")
with st.container(horizontal=True, vertical_alignment="bottom", key="letter_filters"):
    again = listing.first_page
    named = letter_list.PIPELINE_NAMES
    pipeline = st.selectbox(
        "Pipeline", named, index=None, key="pipeline", bind="query-params", on_change=again, width=160, placeholder="any"
    )
    symbol = st.text_input("Symbol", key="symbol", bind="query-params", on_change=again, width=150, placeholder="any")
    kinds = letter_list.KIND_WORDS
    kind = st.selectbox("What", kinds, index=None, key="kind", bind="query-params", on_change=again, width=150, placeholder="any")
    since = st.date_input("Dates from", value=None, key="since", bind="query-params", on_change=again, width=150)
    until = st.date_input("to", value=None, key="until", bind="query-params", on_change=again, width=150)
live_backfill()
letter_list.letters(letter_list.Asked(pipeline, symbol, kind, since, until))
