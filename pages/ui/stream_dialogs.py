"""What starts and steers a session of the stream: a dialog, and the row of buttons."""

from collections.abc import Mapping
from datetime import date

import streamlit as st

from engine.stream.sources import AS_THEY_COME
from pages.ui import data, stream_data
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.stream_data import Working
from pages.ui.stream_words import speed_word

SPEEDS: Mapping[str, float | None] = {speed_word(speed): speed for speed in (1.0, 10.0, 60.0, 100.0, None)}
_USUAL = speed_word(60.0)
_WANTED, _SESSION_WANTED = "stream_speed_wanted", "stream_session_wanted"


def chosen_session() -> date | None:
    """Offer the sessions that the stream worked on; return the chosen one, the last one unless another is named, or None."""
    if wanted := st.session_state.pop(_SESSION_WANTED, None):
        st.session_state["session"] = st.query_params["session"] = wanted
    known, named = stream_data.sessions(), stream_data.session_in_url()
    offered = [day.isoformat() for day in sorted({*known, *([named] if named else [])}, reverse=True)]
    if not offered:
        return None
    current = named or known[0]
    st.session_state["session"] = current.isoformat()

    def follow() -> None:
        st.query_params["session"] = st.session_state["session"]
        st.query_params.pop("symbol", None)

    st.selectbox("Session", offered, key="session", on_change=follow, width=150, label_visibility="collapsed")
    return current


def ask_start(chosen: date | None = None) -> None:
    """Ask which session shall be worked on, and how fast."""

    @st.dialog("Start the stream", icon=":material/play_arrow:")
    def ask() -> None:
        offered, trouble = stream_data.offered()
        if trouble is not None:
            st.warning(f"The source of ticks does not say which sessions it has: {trouble}", icon=":material/warning:")
        day = _session(offered, chosen)
        speed = st.segmented_control("Speed, times the clock", list(SPEEDS), default=_USUAL, required=True, key="start_speed")
        st.caption("The speed can be changed while it works. A live source gives trades as they come, whatever is chosen.")
        if not data.machine().alive:
            st.warning("No runner is alive: the session waits for one.", icon=":material/warning:")
        with st.container(horizontal=True):
            wanted = st.button("Start", key="start_yes", type="primary", icon=":material/play_arrow:", disabled=day is None)
            if st.button("Not now", key="start_no"):
                st.rerun()
        if wanted and day is not None:  # below the buttons: what is wrong is said there
            start(day, SPEEDS[speed or _USUAL])

    ask()


def _session(offered: tuple[date, ...], chosen: date | None) -> date | None:
    if not offered:
        return st.date_input("Session", value=chosen or data.today(), max_value=data.today(), key="start_day")
    place = offered.index(chosen) if chosen in offered else 0
    return st.selectbox("Session", offered, index=place, format_func=say.day, key="start_session")


def start(day: date, speed: float | None) -> None:
    """Start a session, or go on with one that was stopped, and look at it."""
    if st.query_params.get("session") != day.isoformat():
        st.session_state[_SESSION_WANTED] = day.isoformat()
    perform("It is queued.", services().start_stream, day, speed=speed, request_key=request_key(f"stream:{day}:{speed}"))


def controls(known: Working) -> None:
    """Draw what can be done about a session now; each button keeps its place."""
    state = known.state
    with st.container(horizontal=True, vertical_alignment="bottom", key="stream_controls"):
        if known.active:
            if state.paused:
                if st.button("Resume", key="stream_resume", icon=":material/play_arrow:", type="primary"):
                    perform("It goes on.", services().resume_stream, state.session)
            elif st.button("Pause", key="stream_pause", icon=":material/pause:"):
                perform("It is paused.", services().pause_stream, state.session)
            if st.button("Stop", key="stream_stop", icon=":material/stop:", disabled=known.cancel_requested):
                perform("It is asked to stop.", services().stop_stream, state.session)
            if state.source not in AS_THEY_COME:
                _speed(known)
            return
        if state.ended_at is None and st.button("Go on", key="stream_go_on", icon=":material/play_arrow:", type="primary"):
            start(state.session, state.speed)
        if st.button("Start a session…", key="stream_start", icon=":material/play_arrow:"):
            ask_start()


def _speed(known: Working) -> None:
    key, current = "stream_speed", speed_word(known.state.speed)
    offered = list(SPEEDS) if current in SPEEDS else [*SPEEDS, current]
    if wanted := st.session_state.pop(_WANTED, None):
        perform("It goes at another speed.", services().set_stream_speed, known.state.session, SPEEDS.get(wanted, known.state.speed))
    st.session_state[key] = current  # what is so, whoever has said it last

    def choose() -> None:
        if st.session_state[key] not in (None, current):
            st.session_state[_WANTED] = st.session_state[key]

    st.segmented_control("Speed, times the clock", offered, key=key, on_change=choose, label_visibility="collapsed")
