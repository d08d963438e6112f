"""The thresholds of the Replay lab: B's sliders, in the address too, and saving them as the new ones."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from math import floor, log10

import streamlit as st

from engine.services import Services
from engine.stream.alerts import COOLDOWN, GROUP, GROUP_SECONDS, HYSTERESIS, PENDING
from engine.stream.rules import HALT_SYMBOLS, INDEX_HALT, MIN_TRADES, RULES, WINDOW
from engine.thresholds import Thresholds, ThresholdSpec
from pages.ui import quality_data
from pages.ui.actions import perform, request_key, services, set_all
from pages.ui.quality_data import name_of
from pages.ui.text import plain
from pages.ui.version_dialogs import ask_rebuild

MAIN: Sequence[ThresholdSpec] = (RULES["moving_average"].limit, WINDOW, MIN_TRADES, COOLDOWN)
MORE: Sequence[ThresholdSpec] = (
    *(spec for rule in RULES.values() for spec in (rule.enabled, rule.limit) if spec not in MAIN),
    HALT_SYMBOLS,
    PENDING,
    HYSTERESIS,
    GROUP,
    GROUP_SECONDS,
)
_NAMES = {
    WINDOW.key: "Window",
    MIN_TRADES.key: "Least trades in the window",
    COOLDOWN.key: "Cooldown",
    INDEX_HALT.limit.key: "Index halt, before the level",
    HALT_SYMBOLS.key: "Index halt, least symbols",
    PENDING.key: "Pending",
    HYSTERESIS.key: "Hysteresis",
    GROUP.key: "One alert for the market from",
    GROUP_SECONDS.key: "… within",
}
_SECONDS = (0, 1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200, 1800, 2700, 3600, 7200, 14_400, 28_800, 86_400)
_FINE = 1000  # steps that a slider can be put to by hand
_PUT_BACK = "lab_put_back"


def in_url(spec: ThresholdSpec) -> str:
    """Return a threshold's name in the address."""
    return spec.key.removeprefix("stream.")


PARAMETERS = tuple(in_url(spec) for spec in (*MAIN, *MORE))


def name(spec: ThresholdSpec) -> str:
    """Return what a threshold is called here."""
    if spec.key in _NAMES:
        return _NAMES[spec.key]
    of = in_url(spec).rpartition(".")[0]
    return f"{name_of(of).capitalize()}{'' if spec.is_switch else ' above'}"


def turned(current: Thresholds) -> dict[str, float]:
    """Draw B's sliders; return those that stand elsewhere than what is saved."""
    values = {spec.key: _control(spec, current[spec.key]) for spec in MAIN}
    elsewhere = sum(_in_address(spec, current[spec.key]) != current[spec.key] for spec in MORE)
    with st.expander(f"Other rules and limits{f' · {elsewhere} turned' if elsewhere else ''}", key="lab_more"):
        values |= {spec.key: _control(spec, current[spec.key]) for spec in MORE}
    return {key: value for key, value in values.items() if value != current[key]}


def _in_address(spec: ThresholdSpec, current: float) -> float:
    try:
        asked = float(st.query_params.get(in_url(spec), current))
    except ValueError:
        return current
    return asked if spec.low <= asked <= spec.high else current


def _control(spec: ThresholdSpec, current: float) -> float:
    last = quality_data.last_changes().get(spec.key)
    # Another key once it was saved or put back: it stands at the new value then, whoever saved it.
    key = f"lab_{in_url(spec)}_{last.id if last else 0}_{st.session_state.get(_PUT_BACK, 0)}"
    asked = _in_address(spec, current)

    def follow() -> None:
        value = round(float(st.session_state[key]), 9)
        if value == current:
            st.query_params.pop(in_url(spec), None)
        else:
            st.query_params[in_url(spec)] = f"{value:.10g}"

    unit = "" if spec.is_switch else f" ({plain(spec.unit)})"
    label = f"{name(spec)}{unit}{f' · A {_stop(spec)(current)}' if asked != current else ''}"
    if spec.is_switch:
        return float(st.toggle(name(spec), value=bool(asked), key=key, on_change=follow))
    stops = _stops(spec, current, asked)
    if stops:
        return float(st.select_slider(label, stops, asked, format_func=_stop(spec), key=key, on_change=follow, help=plain(spec.why)))
    digits = max(-floor(log10(spec.step)), 0)
    slid = st.slider(
        label,
        float(spec.low),
        float(spec.high),
        float(asked),
        float(spec.step),
        format=f"%.{digits}f",
        key=key,
        on_change=follow,
        help=plain(spec.why),
    )
    return round(float(slid), 9)


def _stops(spec: ThresholdSpec, *also: float) -> Sequence[float]:
    """Return where the slider of a long range stops: seconds as people count them, or 1, 2, 5, 10; none where every step is a stop."""
    if spec.unit != "seconds" and (spec.high - spec.low) / spec.step <= _FINE:
        return ()
    marks = _SECONDS if spec.unit == "seconds" else tuple(mark * 10**power for power in range(9) for mark in (1, 2, 5))
    return sorted({float(mark) for mark in (*marks, spec.low, spec.high, *also) if spec.low <= mark <= spec.high})


def _stop(spec: ThresholdSpec) -> Callable[[float], str]:
    return _seconds if spec.unit == "seconds" else "{:,.10g}".format


def _seconds(value: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if value >= length and value % length == 0:
            return f"{value / length:g} {unit}"
    return f"{value:g} s"


def save(turned_to: Mapping[str, float], current: Thresholds, session: date) -> None:
    """Offer to save B as the new thresholds, with a reason, or to put the sliders back."""
    with st.container(key="lab_save"):
        if not turned_to:
            st.caption(":material/touch_app: Drag a threshold: the whole day is replayed at once, and nothing is saved before you say so.")
            return
        reason = st.text_input("Reason", key="lab_reason", placeholder="Why is B the better choice?", max_chars=500)
        with st.container(horizontal=True):
            if st.button("Save as the new thresholds", key="lab_save_now", type="primary", icon=":material/save:"):
                if not reason.strip():
                    st.warning("Give a reason: it stands in the history.", icon=":material/edit:")
                else:
                    key = request_key(f"lab:{current.version}:{sorted(turned_to.items())}")
                    perform("Saved.", _store, services(), turned_to, reason=reason.strip(), key=key)
            if st.button("Rebuild with B…", key="lab_rebuild", icon=":material/layers:", help="Stored, as a version of the session."):
                ask_rebuild(session, turned_to)
            st.button("Put back", key="lab_put_back_now", icon=":material/undo:", on_click=_put_back)


def _put_back() -> None:
    st.session_state[_PUT_BACK] = st.session_state.get(_PUT_BACK, 0) + 1
    _forget_in_address()


def _forget_in_address() -> None:
    for parameter in PARAMETERS:
        st.query_params.pop(parameter, None)


def _store(commands: Services, values: Mapping[str, float], *, reason: str, key: str) -> str:
    version = set_all(commands, values, reason=reason, key=key)
    _forget_in_address()  # B is A now
    return f"Saved as version {version}: B is what stands now."
