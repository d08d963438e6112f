"""Turning budget and floors of drift: what every stored session would have come to, at once; saved with a reason."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from engine.drift.limits import BUDGET, FLOORS, floors_of
from engine.drift.pair import Floats
from engine.thresholds import Thresholds, ThresholdSpec
from pages.ui import drift_words as words
from pages.ui import format as say
from pages.ui import quality_data
from pages.ui.actions import perform, request_key, services, set_all
from pages.ui.drift_data import Book
from pages.ui.widgets import page

_MOST = 12  # sessions that are named
_PUT_BACK = "drift_put_back"


@st.fragment
def tune(book: Book, statistic: str) -> None:
    """Draw the sliders of the budget and of one statistic's floor beside what they come to; only this is drawn anew."""
    current = quality_data.thresholds()
    controls, effect = st.columns([4, 7], gap="large")
    with controls:
        turned = {
            spec.key: value
            for spec, name in ((BUDGET, "Alarms allowed a month"), (FLOORS[statistic], f"Floor of {words.statistic_name(statistic)}"))
            if (value := _slider(spec, name, current[spec.key], current.version)) != current[spec.key]
        }
        st.caption(f"{words.budget(turned.get(BUDGET.key, current[BUDGET.key])).capitalize()}, over everything that is watched.")
        _save(turned, current)
    with effect:
        _effect(book, current, turned)


def _slider(spec: ThresholdSpec, name: str, value: float, version: int) -> float:
    key = f"drift_{spec.key}_{version}_{st.session_state.get(_PUT_BACK, 0)}"
    digits = max(-int(np.floor(np.log10(spec.step))), 0)
    return round(
        float(st.slider(name, float(spec.low), float(spec.high), float(value), float(spec.step), format=f"%.{digits}f", key=key)), 9
    )


def _turned(current: Thresholds, turned: Mapping[str, float]) -> tuple[Floats, float]:
    values = Thresholds({**current.values, **turned}, current.version)
    return floors_of(values), values[BUDGET.key]


def _effect(book: Book, current: Thresholds, turned: Mapping[str, float]) -> None:
    limits = book.past.limits(*_turned(current, {}))
    judged = ~np.isnan(limits).all(axis=1)
    sessions = int(judged.sum())
    if not sessions:
        st.info("There are too few sessions yet: limits are learnt from 60 or more.", icon=":material/hourglass_top:")
        return
    before = book.past.alarms(*_turned(current, {}))
    after = book.past.alarms(*_turned(current, turned)) if turned else before
    were, would = np.asarray(before.any(axis=1)), np.asarray(after.any(axis=1))
    new, gone = np.flatnonzero(would & ~were), np.flatnonzero(were & ~would)
    rate = words.a_month(int(would.sum()), sessions)
    _told(int(were.sum()), len(new), len(gone), sessions=sessions, rate=rate, turned=bool(turned))
    kinds = {"alarms now": were} | ({"would alarm": would} if turned else {})
    rows = {
        "": list(kinds),
        **{f"Last {last}": [f"{int(kind[-last:].sum()):,}" for kind in kinds.values()] for last in (20, 60, 120) if last <= len(were)},
        f"All {sessions:,}": [f"{int(kind.sum()):,}" for kind in kinds.values()],
    }
    st.table(rows, border="horizontal", hide_index=True, alt="How many sessions alarm, and would")
    for name, found in (("More", new), ("Fewer", gone)):
        if len(found):
            shown = ", ".join(say.day(book.sessions[at]) for at in found[::-1][:_MOST])
            st.caption(f"{name}: {shown}{f' and {len(found) - _MOST:,} more' if len(found) > _MOST else ''}.")
    st.caption(
        "Every session is held against limits from the sessions before it alone, as it was at its time. It counts also what the market "
        "did and what was declared."
    )


def _told(now: int, new: int, gone: int, *, sessions: int, rate: float, turned: bool) -> None:
    """Say how many sessions lie beyond a limit now, and how many more or fewer would, as turned."""
    with st.container(key="drift_backtest"):
        if not turned:
            st.info(
                f"As it stands: **{say.count(now, 'session')}** of {sessions:,} would lie beyond a limit, {rate:.1f} a month.",
                icon=":material/rule:",
            )
        elif not new and not gone:
            st.success("No session would have come out otherwise.", icon=":material/check:")
        else:
            parts = [f"{new:,} more" if new else "", f"{gone:,} fewer" if gone else ""]
            said = ", ".join(part for part in parts if part)
            st.info(
                f"**{said}:** {now:,} → {now + new - gone:,} of {say.count(sessions, 'session')}, {rate:.1f} a month.",
                icon=":material/compare_arrows:",
            )


def _save(turned: Mapping[str, float], current: Thresholds) -> None:
    with st.container(key="drift_save"):
        if not turned:
            st.page_link(
                page("thresholds.py"), label="All limits and their history", icon=":material/tune:", query_params={"check": "drift"}
            )
            return
        reason = st.text_input("Reason", key="drift_reason", placeholder="Why is the new limit the better one?", max_chars=500)
        with st.container(horizontal=True):
            if st.button("Save", key="drift_save_turn", type="primary", icon=":material/save:"):
                if not reason.strip():
                    st.warning("Give a reason: it stands in the history.", icon=":material/edit:")
                else:
                    key = request_key(f"drift:{current.version}:{sorted(turned.items())}")
                    perform("Saved; it holds from the next session on.", _store, turned, reason.strip(), key)
            st.button("Put back", key="drift_back", icon=":material/undo:", on_click=_put_back)


def _store(turned: Mapping[str, float], reason: str, key: str) -> str:
    version = set_all(services(), turned, reason=reason, key=key)
    return f"Saved as version {version}; it holds from the next session on."


def _put_back() -> None:
    st.session_state[_PUT_BACK] = st.session_state.get(_PUT_BACK, 0) + 1
