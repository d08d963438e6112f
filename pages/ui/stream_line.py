"""The stream in a line, for the Overview."""

import streamlit as st

from pages.ui import data, stream_data
from pages.ui.stream_words import Tone, standing
from pages.ui.text import plain
from pages.ui.widgets import page

_LOOKS = {
    Tone.GOOD: ":green[:material/check_circle:]",
    Tone.NOTE: ":blue[:material/hourglass_top:]",
    Tone.WARN: ":orange[:material/warning:]",
    Tone.BAD: ":red[:material/error:]",
}


def standing_line() -> None:
    """Say how the session stands that the stream worked on last; nothing where it never worked."""
    sessions = stream_data.sessions()
    known = stream_data.working(sessions[0]) if sessions else None
    if known is None:
        return
    told = standing(known, runner_alive=bool(data.machine().alive), now=data.now())
    alerts = f" · {known.open_alerts:,} open alerts" if known.open_alerts else ""
    st.subheader("Stream")
    with st.container(key="stream_line", gap="xsmall"):
        st.markdown(f"{_LOOKS[told.tone]} {plain(told.headline)}{alerts}")
        if told.tone is Tone.BAD and told.detail:
            st.caption(f":red[{plain(told.detail)}]")
        query = {"session": known.state.session.isoformat()}
        st.page_link(page("stream.py"), label="The stream", icon=":material/arrow_forward:", icon_position="right", query_params=query)
