"""What is asked before sessions are computed anew, and before a version is served, taken back or dropped."""

from collections.abc import Mapping
from datetime import date

import streamlit as st

from engine.stream.version_list import Version
from engine.thresholds import SPECS, Thresholds
from pages.ui import data, quality_data, version_data
from pages.ui import format as say
from pages.ui import version_words as words
from pages.ui.actions import perform, request_key, services
from pages.ui.text import plain
from pages.ui.widgets import confirm

VERSION, SESSION, PART, SYMBOL = "version", "session", "part", "symbol"  # of the URL
_KEYS = sorted(key for key in SPECS if key.startswith("stream."))


def ask_rebuild(session: date | None = None, turned: Mapping[str, float] | None = None) -> None:
    """Ask which sessions shall be computed anew, under which thresholds and why."""
    over, standing = version_data.over(), quality_data.thresholds()
    first = session or (over[0].session if over else data.today())

    @st.dialog("Rebuild from the log", icon=":material/layers:")
    def ask() -> None:
        left, right = st.columns(2)
        since = left.date_input("From", value=first, max_value=data.today(), key="rebuild_since")
        until = right.date_input("To", value=first, max_value=data.today(), key="rebuild_until")
        taken = [one for one in over if since <= one.session <= until]
        st.markdown(_takes(taken))
        values = _thresholds(turned or {}, standing)
        reason = st.text_input("Reason", key="rebuild_reason", placeholder="What do you want to find out?", max_chars=500)
        st.caption("What is served stays as it is. You compare the version with it, and then promote or drop it.")
        if not data.machine().alive:
            st.warning("No runner is alive: the version waits for one.", icon=":material/warning:")
        with st.container(horizontal=True):
            agreed = st.button("Rebuild", key="rebuild_yes", type="primary", icon=":material/layers:", disabled=not taken)
            if st.button("Not now", key="rebuild_no"):
                st.rerun()
        if agreed and not reason.strip():
            st.warning("Give a reason: it stands beside the version.", icon=":material/edit:")
        elif agreed:
            key = request_key(f"rebuild:{since}:{until}:{sorted(values.items())}:{reason}")
            perform("It is being built.", _rebuild, since, until, values, reason=reason, key=key)

    ask()


def _rebuild(since: date, until: date, turned: Mapping[str, float], *, reason: str, key: str) -> str:
    asked = services().rebuild_sessions(since, until, turned=turned, reason=reason, request_key=key)
    if VERSION in st.query_params:  # of the Rebuild page, which shows the newest where its address names none
        for name in (VERSION, SESSION, PART, SYMBOL):
            st.query_params.pop(name, None)
    return asked.message


def _takes(taken: list[version_data.Over]) -> str:
    if not taken:
        return ":orange[No session of the stream that is over lies in this range.]"
    records = sum(one.records for one in taken)
    return f"Takes **{say.count(len(taken), 'session')}** with {say.count(records, 'record')}."


def _thresholds(turned: Mapping[str, float], standing: Thresholds) -> dict[str, float]:
    """Let thresholds be turned; return those that stand elsewhere than what is saved."""
    chosen = st.multiselect(
        "Thresholds to turn",
        _KEYS,
        default=sorted(turned),
        format_func=lambda key: f"{words.threshold(key, standing[key])} now",
        placeholder="None: as they stand now",
        key="rebuild_keys",
    )
    values = {key: _value(key, turned.get(key, standing[key])) for key in chosen}
    return {key: value for key, value in values.items() if value != standing[key]}


def _value(key: str, value: float) -> float:
    spec, field, name = SPECS[key], f"rebuild_{key}", words.threshold_name(key).capitalize()
    if spec.is_switch:
        return float(st.toggle(name, value=bool(value), key=field, help=plain(spec.why)))
    low, high, at, step = map(float, (spec.low, spec.high, value, spec.step))
    given = st.number_input(f"{name} ({plain(spec.unit)})", low, high, at, step, format="%.10g", key=field, help=plain(spec.why))
    return round(float(given), 9)


def ask_promote(version: Version) -> None:
    """Ask whether a version shall be served."""
    others = f"It differs in {words.differing(version)}" if version.different else "Nothing differs"
    confirm(
        f"Promote version {version.id}?",
        question=f"It becomes what is served of {words.sessions(version)}: prices, bars, alerts and dead letters, all at once. {others}. "
        "What people said about alerts that are in both stays, and what is served now can be had back.",
        button="Promote",
        done="It is served.",
        key="promote",
        command=services().promote_version,
        options={"version": version.id},
    )


def ask_undo(version: Version) -> None:
    """Ask whether what a version has taken the place of shall be served again."""
    confirm(
        f"Take version {version.id} back?",
        question=f"What was served of {words.sessions(version)} before it is served again. The version itself stays, and can be promoted "
        "again or dropped.",
        button="Take it back",
        done="It is taken back.",
        key="undo",
        command=services().undo_version,
        options={"version": version.id},
    )


def ask_drop(version: Version) -> None:
    """Ask whether a version shall be deleted."""
    confirm(
        f"Drop version {version.id}?",
        question="What it holds is deleted; what is served is not touched. It can be built again from the log.",
        button="Drop",
        done="It is dropped.",
        key="drop",
        command=services().drop_version,
        options={"version": version.id},
    )
