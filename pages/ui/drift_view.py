"""The Drift page above its sliders: which session, what is said of it, the market's part and one feature in depth."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date

import numpy as np
import streamlit as st

from engine.drift.judging import SERIES, Z
from engine.drift.limits import MOST_GROSS
from engine.drift.names import part_named
from engine.drift.watched import WATCHED
from engine.drifting import uncalibrated
from pages.ui import drift_data, theme
from pages.ui import drift_words as words
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.charts import drift as charts
from pages.ui.drift_data import Book, DistanceView, ReportView, SaidView
from pages.ui.drift_dialogs import MEANS, ask_label
from pages.ui.text import plain
from pages.ui.url_choice import choice, warn_of_unknown
from pages.ui.widgets import badge, empty_state, page, pairs, run_link
from storage.status import DriftCause, DriftLabel, DriftVerdict

SESSION, FEATURE, STATISTIC = "session", "feature", "statistic"  # of the URL
_BANNERS = {
    DriftCause.ALARM: (st.error, ":material/notification_important:"),
    DriftCause.REGIME: (st.info, ":material/trending_down:"),
    DriftCause.DECLARED: (st.warning, ":material/gavel:"),
}
UNSAID = (
    f"Until somebody says what it is, sessions like it go on alarming, {MOST_GROSS} of them at most; then they are what is usual. "
    "A fault is never what others are compared with, a change that is accepted is from its first session on."
)
_FAR = 2.0  # robust deviations from which the market's own moves are called so


def nothing_compared() -> None:
    """Say that nothing was compared yet, and what begins it."""
    empty_state(
        "No session was compared yet",
        text="Once a session is loaded and no run waits, a runner compares it. Backfill some dates, and they appear.",
        icon=":material/ssid_chart:",
    )
    st.page_link(page("overview.py"), label="Overview", icon=":material/monitor_heart:")


def chooser(reports: Sequence[ReportView]) -> ReportView:
    """Let the visitor choose a session, newest first; the choice is in the URL."""
    by_name = {one.session.isoformat(): one for one in reversed(reports)}
    newest = next(iter(by_name))
    with st.container(horizontal=True, vertical_alignment="bottom", width="content", gap="small", key="session_choice"):
        days = list(by_name)
        at = days.index(st.query_params.get(SESSION, newest)) if st.query_params.get(SESSION, newest) in by_name else 0
        _step("Earlier", days[at + 1] if at + 1 < len(days) else None, icon="chevron_left")
        chosen = choice("Session", days, name=SESSION, default=newest, said=lambda day: _named(by_name[day]), width=230)
        _step("Later", days[at - 1] if at else None, icon="chevron_right")
    return by_name[chosen or newest]


def _step(label: str, day: str | None, *, icon: str) -> None:
    def go() -> None:
        if day is not None:
            st.query_params[SESSION] = day

    st.button(label, key=f"drift_{label.lower()}", icon=f":material/{icon}:", on_click=go, disabled=day is None)


def _named(one: ReportView) -> str:
    sign = f" {theme.look(one.cause).sign} {theme.look(one.cause).word}" if one.cause else ""
    return f"{say.day(one.session)}{sign}"


def banner(report: ReportView, said: SaidView | None) -> None:
    """Say what lies beyond its limit and what it is taken for; then the market's part, and what a person said."""
    draw, icon = _BANNERS[report.cause] if report.cause else (st.success, ":material/check_circle:")
    if report.cause is None and not report.calibrated:
        draw, icon = st.info, ":material/hourglass_top:"
    over = drift_data.over_uncalibrated(report.session)
    headline = uncalibrated(over, report.history) if over and report.cause is None else report.headline  # also of one judged long ago
    with st.container(key="drift_says", gap="xsmall"):
        draw(f"**{plain(headline)}**", icon=icon)
        if report.waits:
            st.caption(":material/sync: A session before it has changed, or a person has spoken: it waits to be compared anew by a runner.")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if report.cause is not None:
                badge(report.cause)
            _regime(report)
            if report.since is not None and report.since != report.session:
                st.badge(f"since {say.short_day(report.since)}", icon=":material/history:", color="gray")
            run_link(report.run_id, icon=":material/manage_search:")
            query = {SESSION: report.session.isoformat()}
            st.page_link(page("quality.py"), label="Checks", icon=":material/verified:", query_params=query)
            st.page_link(
                page("dead_letters.py"),
                label="Dead letters",
                icon=":material/mail:",
                query_params={"since": query[SESSION], "until": query[SESSION]},
            )
        since, until, sessions = report.reference
        against = f"{say.count(sessions, 'session')}, {say.day(since)} to {say.day(until)}" if sessions else "nothing yet"
        st.caption(f"Compared with {against}. Limits {words.how_calibrated(report)}.")
        _labels(report, said)


def _regime(report: ReportView) -> None:
    """Show what the market did, apart from what the data are."""
    if report.halted:
        st.badge("trading halted by the index", icon=":material/front_hand:", color="blue")
    move = report.regime.get("market_return", {})
    if (value := move.get("value")) is not None:
        z = move.get("z") or 0.0
        st.badge(f"market {100 * (np.exp(value) - 1):+.1f}%", icon=":material/monitoring:", color="blue" if abs(z) > _FAR else "gray")
    for name, up, down in (("dispersion", "wide dispersion", "narrow dispersion"), ("activity", "busy", "quiet")):
        z = (report.regime.get(name) or {}).get("z") or 0.0
        if abs(z) > _FAR:
            st.badge(up if z > 0 else down, icon=":material/monitoring:", color="blue")


def _labels(report: ReportView, said: SaidView | None) -> None:
    if not report.explained:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="drift_label"):
        if said is not None:
            badge(said.label)
            st.caption(f"says {plain(said.by)}: {plain(said.reason)}", width="content")
            if st.button("Take it back", key="label_back", type="tertiary", icon=":material/undo:"):
                perform("Taken back.", services().label_drift, report.session, None)
        else:
            st.caption("What is it?", width="content", help=UNSAID if report.cause is DriftCause.ALARM else None)
            for label in DriftLabel:
                seen = theme.look(label)
                if st.button(seen.word.capitalize(), key=f"label_{label.value}", icon=seen.icon, help=MEANS[label]):
                    ask_label(report.session, label)


def tiles(reports: Sequence[ReportView], report: ReportView) -> None:
    """Show how often it alarms beside what is allowed, and how much of it is known."""
    last = drift_data.around(reports, report)
    alarmed = sum(one.cause is DriftCause.ALARM for one in last)
    calibrated = sum(one.calibrated for one in last)
    rate = words.a_month(sum(one.cause is DriftCause.ALARM and one.calibrated for one in last), calibrated)
    tested = sum(one.value is not None for one in drift_data.distances(report.session))
    with st.grid(4, min_column_width=150, key="drift_tiles"):
        _tile("Alarms", f"{alarmed:,}", f"of the {say.count(len(last), 'session')} below", good=rate <= report.alarms_per_month)
        _tile("A month", f"{rate:.1f}", words.budget(report.alarms_per_month), good=rate <= report.alarms_per_month)
        over = drift_data.over_uncalibrated(report.session)
        if over and not report.alarms:
            _tile("Beyond a limit", f"{over:,}", f"of {tested:,}; uncalibrated", good=False)
        else:
            more = f"; {over:,} uncalibrated" if over else " statistics"
            _tile("Beyond a limit", f"{report.alarms:,}", f"of {tested:,}{more}", good=not report.alarms)
        said = "sessions, calibrated" if report.calibrated else "sessions, uncalibrated"
        _tile("Limits learnt from", f"{report.history:,}", said, good=report.calibrated)


def _tile(label: str, value: str, note: str, *, good: bool) -> None:
    with st.container(border=True, height="stretch"):
        st.metric(label, value, delta=note, delta_color="green" if good else "orange", delta_arrow="off")


def feature_choice(report: ReportView) -> str:
    """Let the visitor choose a feature; the one that lies farthest is the default."""
    default = next(iter(report.explained), None) or _farthest(report)
    chosen = choice("Feature", words.FEATURES, name=FEATURE, default=default, said=words.title, width=320)
    return chosen or default


def _farthest(report: ReportView) -> str:
    """Return the feature with the statistic that is the largest multiple of its limit; the first one where nothing was measured."""
    reached = dict.fromkeys((name for name in words.FEATURES if not words.is_market(name)), 0.0)
    for one in drift_data.distances(report.session):
        if one.feature in reached:
            reached[one.feature] = max(reached[one.feature], _ratio(one))
    return max(reached, key=lambda name: reached[name])


def in_depth(book: Book, report: ReportView, feature: str) -> str:
    """Show one feature: its distances over time, how its values spread, and everything that was measured; return the statistic."""
    st.caption(plain(words.meaning(feature)))
    options = words.statistics_of(feature)
    rows = {one.statistic: one for one in drift_data.distances(report.session) if one.feature == feature}
    worst = max(options, key=lambda name: _ratio(rows.get(name)))
    asked = st.query_params.get(STATISTIC)
    statistic = asked if asked in options else worst

    def follow() -> None:
        picked = st.session_state.get("drift_statistic")
        if picked:
            st.query_params[STATISTIC] = picked

    if st.session_state.get("drift_statistic") != statistic:
        st.session_state["drift_statistic"] = statistic
    st.segmented_control(
        "Statistic",
        options,
        format_func=words.statistic_name,
        key="drift_statistic",
        on_change=follow,
        required=True,
        label_visibility="collapsed",
    )
    left, right = st.columns([6, 5], gap="large")
    with left:
        _over_time(book, report, feature, statistic)
    with right:
        _spread(book, report, feature, rows.get(Z))
    _measured(rows)
    return statistic


def _ratio(one: DistanceView | None) -> float:
    return 0.0 if one is None or one.value is None or not one.limit else abs(one.value) / one.limit


def _window(book: Book, session: date) -> slice:
    """Return the sessions that lines are drawn over: the last 180, or those around a session of long ago."""
    at = book.sessions.index(session) if session in book.sessions else len(book.sessions) - 1
    end = min(max(at + drift_data.LAST, 3 * drift_data.LAST), len(book.sessions))
    return slice(max(end - 3 * drift_data.LAST, 0), end)


def _over_time(book: Book, report: ReportView, feature: str, statistic: str) -> None:
    values, limits = book.of(feature, statistic)
    window = _window(book, report.session)
    drawn = book.is_drift()[:, SERIES.index((feature, statistic))][window]
    days = book.sessions[window]
    name, unit = words.statistic_name(statistic), words.unit(statistic)
    at = days.index(report.session) if report.session in days else None
    tracks = [
        charts.Track(name, list(values[window]), "blue", marks=tuple(int(place) for place in np.flatnonzero(drawn))),
        charts.Track("its limit", list(limits[window]), "red", dashed=True),
    ]
    st.echarts_chart(
        charts.over_time(days, tracks, at=at, unit=unit),
        height=charts.HEIGHT,
        key="drift_over_time",
        alt=f"{name} of {words.title(feature)} over {len(days)} sessions beside its limit",
    )
    st.caption(plain(words.statistic_says(statistic)))


def _spread(book: Book, report: ReportView, feature: str, level: DistanceView | None) -> None:
    drawn = drift_data.overlay(report.session, feature)
    if drawn is not None:
        fewer = drawn.sessions < report.reference[2]
        names = (f"{drawn.sessions} sessions {'since its change' if fewer else 'before'}", say.short_day(report.session))
        st.echarts_chart(
            charts.overlaid(drawn.edges, drawn.reference, drawn.current, names=names, unit=WATCHED[feature].unit),
            height=charts.HEIGHT,
            key="drift_overlay",
            alt=f"How {words.title(feature)} spreads in the session and before",
        )
        why = " It is compared with fewer sessions than others: what it means has changed, and those before are none to compare with."
        st.caption(f"Shares of the rows, reference and session on each other. The outer bins are open.{why if fewer else ''}")
    elif feature in WATCHED:
        days = book.sessions[_window(book, report.session)]
        part = level.part if level else None
        known = drift_data.levels(feature, part, days)
        track = charts.Track(words.title(feature) + (f" ({part_named(part)})" if part else ""), known, "blue")
        at = days.index(report.session) if report.session in days else None
        st.echarts_chart(
            charts.over_time(days, [track], at=at, unit=WATCHED[feature].unit),
            height=charts.HEIGHT,
            key="drift_levels",
            alt=f"The level of {words.title(feature)} over {len(days)} sessions",
        )
        st.caption("The level itself, session by session.")
    else:
        st.caption("It is counted over symbols or sectors: there is no one distribution to draw.")


def _measured(rows: Mapping[str, DistanceView]) -> None:
    table = {
        "Statistic": [words.statistic_name(name) + (f" ({plain(part_named(one.part))})" if one.part else "") for name, one in rows.items()],
        "Value": [say.figure(one.value) for one in rows.values()],
        "Limit": [say.figure(one.limit) for one in rows.values()],
        "Session": [say.figure(one.observed) for one in rows.values()],
        "Usual": [say.figure(one.usual) for one in rows.values()],
        "Verdict": [_verdict(one) for one in rows.values()],
    }
    st.table(table, border="horizontal", hide_index=True, alt="What was measured of the feature in this session")


def _verdict(one: DistanceView) -> str:
    return {
        DriftVerdict.DRIFT: ":red-badge[:material/error: beyond its limit]",
        DriftVerdict.NO_DRIFT: ":green-badge[:material/check: usual]",
        DriftVerdict.UNCALIBRATED: ":orange-badge[:material/help: uncalibrated]",
        DriftVerdict.INSUFFICIENT: ":gray-badge[:material/hourglass_empty: too few sessions]",
    }.get(one.verdict, plain(one.verdict.replace("_", " ")))


def explanation(report: ReportView, feature: str) -> None:
    """Say why a feature alarms: its cause, since when, which sectors and symbols drive it."""
    known = report.explained.get(feature)
    if known is None:
        return
    st.subheader(f"Why: {words.title(feature)}")
    rows = [("Taken for", theme.look(DriftCause(known["cause"])).badge + (f" {plain(known['reason'])}" if known["reason"] else ""))]
    if known["parts"]:
        rows.append(("Which part", plain(", ".join(map(part_named, known["parts"])))))
    if known["since"]:
        rows.append(("Its level lies there since", say.day(date.fromisoformat(known["since"]))))
    rows += words.driven_by(known, feature)
    pairs(*rows, alt=f"Why {words.title(feature)} alarms")


def unknown_session(reports: Sequence[ReportView]) -> None:
    """Say that the address names a session that was not compared; what is no date at all is said of every page."""
    with suppress(ValueError):
        date.fromisoformat(st.query_params.get(SESSION, ""))
        warn_of_unknown([one.session.isoformat() for one in reports], name=SESSION, noun="a session that was not compared with others")
