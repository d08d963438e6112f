"""Turning the limits of one check: sliders, what the turn would have changed in the past, and saving it with a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.quality import CHECKS
from engine.quality.backtest import SessionFlip
from engine.quality.preview import GATE, Preview, histogram, preview, scores, turn
from engine.services import Services
from engine.thresholds import Thresholds, ThresholdSpec
from pages.ui import book, quality_data
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services, set_all
from pages.ui.book import Book, warn_of_lost
from pages.ui.charts import limits as charts
from pages.ui.quality_data import name_of
from pages.ui.quality_views import ChangeView
from pages.ui.text import plain, sentence
from pages.ui.thresholds_view import groups, limit_name, rule, shown
from pages.ui.widgets import page
from storage.status import Label

_POINTS = 61  # of the slider at which precision and recall are measured
_SESSIONS, _ROWS = "Sessions", "Rows"
_MOST = 200  # flips that are listed
_ROOM = 1.15  # of the largest thing that is drawn


@st.fragment
def tune(pipeline: str, name: str) -> None:
    """Draw the limits of one check beside what turning them would have changed; only this is drawn anew when one is turned."""
    current, past = quality_data.thresholds(), book.book(pipeline)
    controls, effect = st.columns([4, 7], gap="large")
    with controls:
        turned = _controls(name, current)
        _meanwhile(name)
        _save(name, turned, current)
    with effect:
        if name != GATE and name not in CHECKS:
            _no_check(name)
            return
        if not past.judged:
            st.caption("No session was judged yet: there is nothing to try a limit on.")
            return
        warn_of_lost(past)
        seen = preview(past.scores, current, turned)
        _headline(seen, turned=bool(turned))
        _sums(seen)
        _where_scores_lie(name, past, current, turned)
    if turned:
        _flips(name, seen)


def _no_check(name: str) -> None:
    """Say of a limit that judges no row where its effect shows."""
    if name == "drift":
        st.info(
            "What another budget or floor would have meant in every session so far shows on the Drift page.", icon=":material/ssid_chart:"
        )
        st.page_link(page("drift.py"), label="Drift", icon=":material/ssid_chart:")
    elif name.partition(".")[0] == "stream":
        st.info("What another limit would have alerted on, on any day of the past, shows in the Replay lab.", icon=":material/biotech:")
        st.page_link(page("replay_lab.py"), label="Replay lab", icon=":material/biotech:")
    else:
        st.caption("No session was judged by this limit: what another would have changed is not known.")


def _controls(name: str, current: Thresholds) -> Mapping[str, float]:
    """Draw a slider or switch for each threshold; return those that stand elsewhere than what is saved."""
    changed = quality_data.last_changes()
    check = CHECKS.get(name)
    st.markdown(f"#### {name_of(name) if name != GATE else 'the gate'}")
    st.markdown(plain(rule(name)))
    turned: dict[str, float] = {}
    for spec in groups()[name]:
        change = changed.get(spec.key)
        saved = change.id if change else 0
        value = _control(spec, current[spec.key], saved=saved)
        _remember(spec, change, _Turn(saved, value, turned=value != current[spec.key]))
        if value != current[spec.key]:
            turned[spec.key] = value
        st.caption(_caption(spec, change))
    if check is not None:
        for key, limit in check.keys().items():
            if limit.fixed:
                st.caption(
                    f"Whatever is found at all {'warns' if key.endswith('warn_above') else 'is an error'}: there is no limit to turn."
                )
        if check.explanation:
            st.caption(f"Left alone when explained: {plain(check.explanation)}.")
    return turned


@dataclass(frozen=True, slots=True)
class _Turn:
    """How a limit stood when it was drawn last, over change `saved` of it."""

    saved: int
    value: float
    turned: bool


def _remember(spec: ThresholdSpec, change: ChangeView | None, turn_now: _Turn) -> None:
    """Keep how a limit stands; where somebody else has saved it since it was turned, the turn is gone, and that is to be said."""
    before: _Turn | None = st.session_state.get(f"{_SEEN}{spec.key}")
    if before is not None and before.turned and change is not None and before.saved != turn_now.saved:
        st.session_state.setdefault(_LOST, {})[spec.key] = (
            f"{limit_name(spec)}: {plain(change.changed_by)} set it to {shown(spec, change.value)} meanwhile "
            f"({sentence(change.reason)}). Your {shown(spec, before.value)} was not saved; turn it again if it still shall be so."
        )
    st.session_state[f"{_SEEN}{spec.key}"] = turn_now


def _meanwhile(name: str) -> None:
    """Say, once, which turns were not saved because somebody else has changed the same limit."""
    for key, said in st.session_state.pop(_LOST, {}).items():
        if key.rpartition(".")[0] == name:
            st.error(said, icon=":material/sync_problem:")


def _control(spec: ThresholdSpec, value: float, *, saved: int) -> float:
    key = f"turn_{spec.key}_{saved}_{st.session_state.get(_PUT_BACK, 0)}"  # another key once it was saved: it stands at the new value then
    if spec.is_switch:
        return float(st.toggle(limit_name(spec), value=bool(value), key=key))
    digits = max(-int(np.floor(np.log10(spec.step))), 0)
    slid = st.slider(
        f"{limit_name(spec)} ({plain(spec.unit)})",
        float(spec.low),
        float(spec.high),
        float(value),
        float(spec.step),
        format=f"%.{digits}f",
        key=key,
    )
    return round(float(slid), 9)


_PUT_BACK, _SEEN, _LOST = "put_back", "turn_seen_", "turns_lost"


def _caption(spec: ThresholdSpec, change: ChangeView | None) -> str:
    span = "" if spec.is_switch else f", {spec.low:g} to {spec.high:g}"
    said = f"Default {shown(spec, spec.default)}{span}. "
    if change is None:
        return f"{said}Never changed."
    return (
        f"{said}Set to {shown(spec, change.value)} by {plain(change.changed_by)}, {say.stamp(change.changed_at)}: {sentence(change.reason)}"
    )


def _save(name: str, turned: Mapping[str, float], current: Thresholds) -> None:
    with st.container(key="save_turn"):
        if not turned:
            st.caption(
                ":material/touch_app: Turn a limit: what it would have changed shows at once, and nothing is saved before you say so."
            )
            return
        reason = st.text_input("Reason", key=f"turn_reason_{name}", placeholder="Why is the new limit the better one?", max_chars=500)
        with st.container(horizontal=True):
            if st.button("Save", key="turn_save", type="primary", icon=":material/save:"):
                if not reason.strip():
                    st.warning("Give a reason: it stands in the history.", icon=":material/edit:")
                else:
                    key = request_key(f"turn:{name}:{current.version}:{sorted(turned.items())}")
                    perform("Saved.", _store, services(), turned, reason=reason.strip(), key=key)
            st.button("Put back", key="turn_back", icon=":material/undo:", on_click=_put_back)


def _put_back() -> None:
    st.session_state[_PUT_BACK] = st.session_state.get(_PUT_BACK, 0) + 1


def _store(commands: Services, turned: Mapping[str, float], *, reason: str, key: str) -> str:
    version = set_all(commands, turned, reason=reason, key=key)
    for threshold in turned:  # what is drawn next stands over a change of one's own
        st.session_state.pop(f"{_SEEN}{threshold}", None)
    return f"Saved as version {version}; it holds from the next run on."


def _headline(seen: Preview, *, turned: bool) -> None:
    whole = seen.changes[-1]
    with st.container(key="preview_says"):
        if not turned:
            aside, flagged, blocked = whole.before.quarantined, whole.before.warned, whole.before.blocked
            st.info(
                f"As it stands: of {say.count(whole.before.sessions, 'session')}, {say.count(aside, 'row')} set aside, "
                f"{say.count(flagged, 'row')} with a flag, {say.count(blocked, 'session')} blocked.",
                icon=":material/rule:",
            )
        elif not seen.sessions and not seen.rows_changed:
            st.success("Nothing would have changed in any session.", icon=":material/check:")
        else:
            parts = [
                _more(whole.after.quarantined - whole.before.quarantined, "row", "set aside"),
                _more(whole.after.warned - whole.before.warned, "row", "with a flag"),
                _more(whole.after.blocked - whole.before.blocked, "session", "blocked"),
            ]
            draw = st.warning if whole.after.blocked > whole.before.blocked else st.info
            said = ", ".join(part for part in parts if part) or "as many as before of each"
            draw(
                f"**{say.count(len(seen.sessions), 'session')} and {say.count(seen.rows_changed, 'row')} would have come out otherwise:** "
                f"{said}.",
                icon=":material/compare_arrows:",
            )


def _more(difference: int, noun: str, what: str) -> str:
    return "" if not difference else f"{say.count(abs(difference), noun)} {'more' if difference > 0 else 'fewer'} {what}"


def _sums(seen: Preview) -> None:
    rows = {
        "": [f"Last {change.last}" if change.last else f"All {change.before.sessions:,}" for change in seen.changes],
        "Rows set aside": [_turned(change.before.quarantined, change.after.quarantined) for change in seen.changes],
        "Rows with a flag": [_turned(change.before.warned, change.after.warned) for change in seen.changes],
        "Sessions blocked": [_turned(change.before.blocked, change.after.blocked) for change in seen.changes],
        "Of rows": [say.count(change.before.rows) for change in seen.changes],
    }
    st.table(rows, border="horizontal", hide_index=True, alt="What the last sessions came to, and would have come to")


def _turned(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"{before:,} → **{after:,}**"


def _limits(name: str, values: Thresholds) -> dict[str, float]:
    """Return the limits of a check by what they do; none while it is switched off."""
    if name == GATE:
        return {"blocks": values["gate.block_above"]}
    warn, error = CHECKS[name].limits(values)
    error_word = "sets aside" if CHECKS[name].scope in ("row", "symbol") else "blocks"
    return {word: limit for word, limit in (("warns", warn), (error_word, error)) if np.isfinite(limit)}


def _where_scores_lie(name: str, past: Book, current: Thresholds, turned: Mapping[str, float]) -> None:
    sliders = [spec for spec in groups()[name] if not spec.is_switch]
    if not sliders:
        return
    then = turn(current, turned)
    found, now_limits, then_limits = scores(past.scores, then, name), _limits(name, current), _limits(name, then)
    low, top = min(0.0 if name == GATE else spec.low for spec in sliders), max(spec.high for spec in sliders)
    drawn = [*now_limits.values(), *then_limits.values(), *(np.quantile(found, [0.99]) if len(found) else ())]
    high = min(_rounded_up(max([low + (top - low) / 50, *map(float, drawn)]) * _ROOM), top)
    counted = histogram(found, low=low, high=high)
    unit = sliders[0].unit
    st.echarts_chart(
        charts.distribution(counted, noun="sessions" if name == GATE else "findings", unit=unit, now=now_limits, then=then_limits),
        height=charts.HEIGHT,
        key=f"distribution_{name}",
        alt=f"How many scores of {name_of(name)} lie where, with its limits drawn in",
    )
    beyond = f" The last bar holds {say.count(counted.beyond)} beyond {high:g}." if counted.beyond else ""
    what = (
        "sessions by the share of lines set aside"
        if name == GATE
        else "findings without an explanation, by how far they lie beyond the rule"
    )
    st.caption(f"{say.count(len(found))} {what}.{beyond}")
    if name != GATE:
        _trust(name, past, (low, high), unit, now_limits, then_limits)


def _rounded_up(value: float) -> float:
    """Return the next number of two digits."""
    power = 10.0 ** (np.floor(np.log10(value)) - 1) if value > 0 else 1.0
    return float(np.ceil(value / power) * power)


def _trust(name: str, past: Book, span: tuple[float, float], unit: str, now: Mapping[str, float], then: Mapping[str, float]) -> None:
    said = {(label.session, label.symbol): label.label is Label.FAULT for label in quality_data.labels() if label.check_id == name}
    if not said:
        st.caption(
            "Nobody has said yet which of its findings are true faults and which false alarms: the Quality page asks. "
            "Then precision and recall along the slider stand here."
        )
        return
    points = np.linspace(*span, _POINTS)
    measured = past.scores.trust(name, points, said)
    here = past.scores.trust(name, np.array([max(then.values(), default=np.inf), min(then.values(), default=np.inf)]), said)
    st.echarts_chart(
        charts.trust([float(point) for point in points], measured, unit=unit, now=now, then=then),
        height=charts.HEIGHT + 30,
        key=f"trust_{name}",
        alt=f"Precision and recall of {name_of(name)} along its limit",
    )
    st.caption(
        f"By {say.count(here[0].labelled, 'labelled finding')}. At the lowest limit: precision {_share(here[1].precision)}, recall "
        f"{_share(here[1].recall)}. Precision: how many of what it finds are true faults; recall: how many of the true faults it finds."
    )


def _share(value: float | None) -> str:
    return say.NOTHING if value is None else f"{100 * value:.0f}%"


def _flips(name: str, seen: Preview) -> None:
    """List the sessions and rows that come out otherwise, each with a way to its session."""
    if not seen.sessions:
        return
    kind = st.segmented_control(
        "What changes", [_SESSIONS, _ROWS], default=_SESSIONS, required=True, key="flips_of", label_visibility="collapsed"
    )
    if kind == _SESSIONS:
        _session_flips(name, seen.sessions[:_MOST])
        total = len(seen.sessions)
    else:
        _row_flips(name, seen)
        total = seen.rows_changed
    if total > _MOST:
        st.caption(f"The newest {_MOST} of {total:,}.")


def _session_flips(name: str, flips: Sequence[SessionFlip]) -> None:
    frame = pd.DataFrame(
        {
            "Session": [flip.session.isoformat() for flip in flips],
            "Rows set aside": [_arrow(flip.quarantined_before, flip.quarantined_after) for flip in flips],
            "Rows with a flag": [_arrow(flip.warned_before, flip.warned_after) for flip in flips],
            "The session": [_arrow(*(("passes", "is blocked")[b] for b in (flip.blocked_before, flip.blocked_after))) for flip in flips],
        }
    )
    _list_of_flips(name, frame, "Sessions that would have come out otherwise")


def _row_flips(name: str, seen: Preview) -> None:
    frame = pd.DataFrame(
        {
            "Session": [flip.session.isoformat() for flip in seen.rows],
            "Line": [flip.line for flip in seen.rows],
            "Symbol": [flip.symbol for flip in seen.rows],
            "The row": [_arrow(flip.before.value, flip.after.value) for flip in seen.rows],
        }
    )
    _list_of_flips(name, frame, "Rows that would have come out otherwise")


def _list_of_flips(name: str, frame: pd.DataFrame, alt: str) -> None:
    st.dataframe(
        frame,
        key=f"flips_{len(frame.columns)}_{name}",
        hide_index=True,
        height="content" if len(frame) <= 8 else 320,  # noqa: PLR2004, rows that are shown without scrolling
        alt=alt,
        column_config={
            "Session": st.column_config.ButtonColumn(type="tertiary", key="flip_open", alignment="left", width=130, help="See the session")
        },
    )
    if click := st.session_state.get("flip_open"):
        query = {"session": str(click["label"])} | ({"check": name} if name != GATE else {})
        st.switch_page("quality.py", query_params=query)


def _arrow(before: object, after: object) -> str:
    return f"{before}" if before == after else f"{before} → {after}"
