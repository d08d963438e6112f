"""Which part of the Alerts page is shown: it stands in the URL, and an address that filters the stream's alerts means those."""

from enum import StrEnum

import streamlit as st

STREAM_FILTERS = ("state", "rule", "symbol", "session", "before", "unfold")


class Part(StrEnum):
    """A part of the page."""

    OPERATIONS = "operations"
    STREAM = "stream"
    CHANNELS = "channels"


_WORDS = {Part.OPERATIONS: ":material/engineering: Operations", Part.STREAM: ":material/candlestick_chart: Stream"}
_WORDS |= {Part.CHANNELS: ":material/send: Channels"}


def chosen() -> Part:
    """Let the visitor choose a part, and return the one that is shown."""
    asked = st.query_params.get("on")
    filtered = any(name in st.query_params for name in STREAM_FILTERS)
    part = Part(asked) if asked in list(Part) else Part.STREAM if filtered else Part.OPERATIONS
    if part is Part.STREAM:
        st.query_params["on"] = str(part)  # with its last filter gone, the address still means the stream
    st.session_state["alerts_on"] = part
    st.segmented_control(
        "Part",
        list(Part),
        format_func=lambda one: _WORDS[one],
        key="alerts_on",
        on_change=_choose,
        label_visibility="collapsed",
        required=True,
    )
    return part


def _choose() -> None:
    st.query_params.clear()
    st.query_params["on"] = str(st.session_state["alerts_on"])
