"""The Thresholds page around the sliders: which check, every limit with its last change, the history, and dates to run again."""

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd
import streamlit as st

from engine.drift.names import STATISTICS
from engine.quality import CHECKS
from engine.quality.preview import GATE
from engine.thresholds import SPECS, Thresholds, ThresholdSpec
from pages.ui import book, data, quality_data
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.quality_data import name_of
from pages.ui.quality_views import ChangeView
from pages.ui.shared import forget
from pages.ui.text import plain, sentence
from pages.ui.widgets import page

CHECK = "check"  # of the URL
_SHOWN = 20
_ALL, _CHANGED = "All limits", "Changed from their default"
_MINE, _EVERY = "Of this check", "All changes"


def groups() -> Mapping[str, Sequence[ThresholdSpec]]:
    """Return every threshold by what it belongs to: the gate first, then the checks as the catalogue has them, then what judges no row."""
    found: dict[str, list[ThresholdSpec]] = {name: [] for name in (GATE, *CHECKS)}
    for key, spec in SPECS.items():
        found.setdefault(key.rpartition(".")[0], []).append(spec)
    return {name: specs for name, specs in found.items() if specs}


def _judges_no_row(spec: ThresholdSpec) -> bool:
    name = spec.key.rpartition(".")[0]
    return name != GATE and name not in CHECKS


def rule(name: str) -> str:
    """Return what a group of thresholds decides, in words."""
    return CHECKS[name].summary if name in CHECKS else " ".join(dict.fromkeys(spec.why for spec in groups()[name] if not spec.is_switch))


def shown(spec: ThresholdSpec, value: float) -> str:
    """Return a value of a threshold as people read it."""
    return ("off", "on")[bool(value)] if spec.is_switch else f"{value:g}"


def limit_name(spec: ThresholdSpec) -> str:
    """Return what a threshold does, as its slider says it."""
    name, _, kind = spec.key.rpartition(".")
    if kind == "error_above":
        return "Sets a row aside above" if name not in CHECKS or CHECKS[name].scope in ("row", "symbol") else "Blocks the session above"
    return {
        "enabled": "Switched on",
        "warn_above": "Warns above",
        "block_above": "Blocks a session above",
        "alert_above": "Alerts above",
        "margin": "Alerts ahead of a level by",
        "min_symbols": "Least symbols",
        "loaded_by": "Loaded by",
        "objective_pct": "In time, at least",
        "keep_days": "Kept for",
        "alarms_per_month": "False alarms that are allowed a month",
    }.get(kind, f"Floor of {STATISTICS[kind[6:]]}" if kind.startswith("floor_") else kind)


def chooser() -> str:
    """Let the visitor choose a check; the choice is in the URL."""
    names = list(groups())
    named = st.query_params.get(CHECK, "")
    chosen = named if named in names else GATE
    if st.session_state.get("tuned") != chosen:
        st.session_state["tuned"] = chosen

    def follow() -> None:
        st.query_params[CHECK] = st.session_state["tuned"]

    st.selectbox("Check", names, key="tuned", format_func=_title, on_change=follow, help="Type to find one by its name or its rule.")
    return chosen


def _title(name: str) -> str:
    return f"{name_of(name) if name != GATE else 'the gate'} · {rule(name)}"


def again(pipeline: str, current: Thresholds) -> None:
    """Offer to run again every date that would come out otherwise by the thresholds of now; or show that it is being done."""
    if (backfill := data.open_backfill()) is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="judged_anew"):
            said = f"**Backfill {backfill.id}** runs {say.count(backfill.dates, 'date')}: what comes of them shows here when it has ended."
            st.info(said, icon=":material/progress_activity:")
            st.page_link(page("runs.py"), label="See its runs", icon=":material/list:", query_params={"backfill": str(backfill.id)})
        _until_done()
        return
    past = book.book(pipeline)
    dates = past.stale(current)
    if not dates:
        return
    _until_judged(pipeline, past)
    number = say.count(len(dates), "date")
    with st.container(horizontal=True, vertical_alignment="center", key="rerun_changed"):
        word = (
            "was judged by other thresholds and would come out otherwise"
            if len(dates) == 1
            else ("were judged by other thresholds and would come out otherwise")
        )
        st.info(f"**{number}** {word} now: {_span(dates)}.", icon=":material/history:")
        if st.button(f"Rerun the {number} this changes", key="rerun_changed_now", icon=":material/replay:", type="primary"):
            key = request_key(f"rerun_changed:{current.version}:{len(dates)}")
            perform(f"{number} will be judged again.", services().rerun_changed, pipeline, dates, request_key=key)


def _span(dates: Sequence[date]) -> str:
    first, last = dates[0], dates[-1]
    return say.day(first) if first == last else f"{say.day(first)} to {say.day(last)}"


@st.fragment(run_every=2)
def _until_done() -> None:
    """Draw the page anew when the backfill has ended: what it judged again is known then."""
    if data.open_backfill() is None:
        forget()  # a list of judgements may be some seconds older than the end of the backfill
        st.rerun()


@st.fragment(run_every=3)
def _until_judged(pipeline: str, past: book.Book) -> None:
    """Draw the page anew when a session was judged since these dates were named, whoever has asked for it."""
    if book.book(pipeline) is not past:
        st.rerun()


def every_limit(current: Thresholds) -> None:
    """List every threshold with its value, range and last change; a click on a check opens its sliders."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Every limit", width="content")
        st.space("stretch")
        kind = st.segmented_control(
            "Shown", [_ALL, _CHANGED], default=_ALL, required=True, key="limits_shown", label_visibility="collapsed"
        )
        wanted = st.text_input(
            "Find", key="limits_find", placeholder="Find a check or a word of its rule", width=280, label_visibility="collapsed"
        )
    listed = [
        spec
        for spec in sorted(SPECS.values(), key=_judges_no_row)
        if wanted.strip().lower() in f"{spec.key} {name_of(spec.key)} {spec.why}".lower()
        and (kind == _ALL or current[spec.key] != spec.default)
    ]
    if not listed:
        st.caption("No limit matches." if wanted else "Every limit stands at its default.")
        return
    _limits(listed, current)
    if click := st.session_state.get("limit_open"):
        st.query_params[CHECK] = quality_data.id_of(str(click["label"]))
        st.rerun()


def _limits(listed: Sequence[ThresholdSpec], current: Thresholds) -> None:
    changed = quality_data.last_changes()
    last = [changed.get(spec.key) for spec in listed]
    frame = pd.DataFrame(
        {
            "Check": [name_of(spec.key.rpartition(".")[0]) for spec in listed],
            "Limit": [limit_name(spec) for spec in listed],
            "Now": [shown(spec, current[spec.key]) for spec in listed],
            "Default": [shown(spec, spec.default) for spec in listed],
            "Range": ["" if spec.is_switch else f"{spec.low:g} to {spec.high:g}" for spec in listed],
            "Unit": [spec.unit for spec in listed],
            "Changed": [f"{say.stamp(one.changed_at)} by {one.changed_by}: {one.reason}" if one else "never" for one in last],
            "Rule": [spec.why for spec in listed],
        }
    )
    st.dataframe(
        frame,
        key="every_limit",
        hide_index=True,
        height="content" if len(listed) <= 10 else 390,  # noqa: PLR2004, rows that are shown without scrolling
        alt="Every threshold: its value, default, range and last change",
        column_config={
            "Check": st.column_config.ButtonColumn(type="tertiary", key="limit_open", alignment="left", width=190, help="Open its sliders"),
            "Limit": st.column_config.TextColumn(width=170),
            "Now": st.column_config.TextColumn(width=70),
            "Default": st.column_config.TextColumn(width=70),
            "Range": st.column_config.TextColumn(width=100),
            "Unit": st.column_config.TextColumn(width=110),
            "Changed": st.column_config.TextColumn(width=260),
            "Rule": st.column_config.TextColumn(width=420),
        },
    )


def history(name: str) -> None:
    """List the changes of thresholds, newest first; the newest one of each threshold can be undone."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("History", width="content")
        kind = st.segmented_control("Of", [_MINE, _EVERY], default=_EVERY, required=True, key="history_of", label_visibility="collapsed")
    known = quality_data.changes()
    listed = [change for change in known if kind == _EVERY or change.key.rpartition(".")[0] == name][:_SHOWN]
    if not listed:
        st.caption("No threshold was ever changed." if not known else "No threshold of this check was ever changed.")
        return
    newest = quality_data.last_changes()
    for change in listed:
        _change(change, newest=newest[change.key].id == change.id)


def _change(change: ChangeView, *, newest: bool) -> None:
    spec = SPECS.get(change.key)
    name = change.key.rpartition(".")[0]
    what, button = st.columns([8, 2], vertical_alignment="center", gap="small")
    with what:
        if spec is None:
            said = f"`{change.key}` {change.previous:g} → **{change.value:g}**"
        else:
            turned = f"{shown(spec, change.previous)} → **{shown(spec, change.value)}**"
            said = f"**{name_of(name)}** {limit_name(spec).lower()} {turned}{'' if spec.is_switch else ' ' + plain(spec.unit)}"
        st.markdown(said)
        st.caption(f"Version {change.id} · {say.stamp(change.changed_at)} · {plain(change.changed_by)}: {sentence(change.reason)}")
    if newest and button.button("Undo", key=f"undo_{change.id}", icon=":material/undo:"):
        perform("Set back; it holds from the next run on.", services().undo_threshold, change.id)
