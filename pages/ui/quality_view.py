"""The upper part of the Quality page: which session, what the gate said of it, where its lines went, what a person can do."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date

import streamlit as st

from pages.ui import data, dialogs, quality_data, quality_words, run_data
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.charts import quality as charts
from pages.ui.quality_views import DecisionView, JudgedView, ReportView, ResultView, StatusView
from pages.ui.quality_words import Trust
from pages.ui.text import plain, sentence
from pages.ui.theme import Colour
from pages.ui.widgets import badge, empty_state, page, run_link
from storage.status import CheckStatus, Decision, GateVerdict

_LONGEST_REASON = 500
_PICKED = "session_picked"
_MEANS = {
    Decision.APPROVE: "These very bytes pass the gate: good rows are served, bad ones stay set aside. The date runs again.",
    Decision.REJECT: "The session stays out. A new file of the date is judged afresh.",
}
_DECIDED = {Decision.APPROVE: ":material/how_to_reg: Approved", Decision.REJECT: ":material/block: Rejected"}
_BANNERS = {Trust.GOOD: st.success, Trust.PARTLY: st.warning, Trust.NOT: st.error}
_ICONS = {Trust.GOOD: ":material/verified:", Trust.PARTLY: ":material/filter_alt:", Trust.NOT: ":material/front_hand:"}


def chosen() -> date | None:
    """Return the session that the address names; None: the newest one."""
    try:
        return date.fromisoformat(st.query_params.get("session", ""))
    except ValueError:
        return None


def _look_at(session: date | None) -> None:
    """Choose a session, which is in the URL then; None: the newest one."""
    if session is None:
        st.query_params.pop("session", None)
    else:
        st.query_params["session"] = session.isoformat()


def chooser(judged: Sequence[JudgedView]) -> None:
    """Let the visitor choose a session."""
    days, looked_at = [one.session for one in judged], chosen()
    at = looked_at or (days[-1] if days else None)
    earlier = [day for day in days if at and day < at]
    later = [day for day in days if at and day > at]
    with st.container(horizontal=True, vertical_alignment="bottom", width="content", gap="small", key="session_choice"):
        st.button(
            "Earlier",
            key="session_earlier",
            icon=":material/chevron_left:",
            on_click=_look_at,
            args=(earlier[-1] if earlier else None,),
            disabled=not earlier,
        )
        # The address leads: what a click writes there outlives a run that is cut short, and what it writes into a field does not.
        if st.session_state.get(_PICKED) != looked_at:
            st.session_state[_PICKED] = looked_at
        st.date_input("Look at a session", value=None, key=_PICKED, on_change=_follow, width=150)
        st.button(
            "Later",
            key="session_later",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=_look_at,
            args=(later[0] if later else None,),
            disabled=not later,
        )
        st.button(
            "Newest",
            key="session_newest",
            icon=":material/last_page:",
            on_click=_look_at,
            args=(None,),
            disabled=looked_at is None,
            type="tertiary",
        )


def _follow() -> None:
    _look_at(st.session_state[_PICKED])


def nothing_judged() -> None:
    """Say that no session was judged yet, and where it begins."""
    empty_state("No session was judged yet", text="Every run of a session judges it. Backfill some dates, and they appear here.")
    st.page_link(page("overview.py"), label="Overview", icon=":material/monitor_heart:")


def not_judged(session: date) -> None:
    """Say that this date has no judgement."""
    expected = data.calendar().expected(session)
    known = "A session is expected on that date." if expected.trading else f"No session is expected: {plain(expected.reason)}."
    empty_state(f"{say.day(session)} was not judged", text=known, icon=":material/event_busy:")
    with st.container(horizontal=True):
        st.page_link(
            page("runs.py"), label="What is known of that date", icon=":material/calendar_month:", query_params={"day": session.isoformat()}
        )


def verdict(report: ReportView, judged: Sequence[JudgedView]) -> None:
    """Answer whether the session can be trusted, with what the gate said, its run and its thresholds."""
    degree, served = quality_words.trust(report), quality_data.served_by(report.session)
    with st.container(key="quality_banner", gap="xsmall"):
        _BANNERS[degree](quality_words.headline(report, served=served, rejected=_rejected(report)), icon=_ICONS[degree])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            badge(report.verdict)
            if report.approved_by:
                st.badge(f"approved by {plain(report.approved_by)}", icon=":material/how_to_reg:", color="violet")
            run_link(report.run_id, icon=":material/manage_search:")
            version = "default thresholds" if not report.threshold_version else f"thresholds version {report.threshold_version}"
            st.page_link(page("thresholds.py"), label=version, icon=":material/tune:")
            st.caption(f"judged {say.stamp(report.reported_at)}", width="content")
        _today(report, judged)


def _rejected(report: ReportView) -> bool:
    if report.verdict is not GateVerdict.BLOCKED:
        return False
    said = _decision(report)
    return said is not None and said.decision is Decision.REJECT


def _decision(report: ReportView) -> DecisionView | None:
    return quality_data.decision(report.pipeline, report.partition, report.source_sha256)


def _today(report: ReportView, judged: Sequence[JudgedView]) -> None:
    today = data.today()
    if report.session == judged[-1].session < today and data.calendar().expected(today).trading:
        st.caption(f":material/hourglass_top: The session of {say.day(today)} has not been judged yet.")


@st.fragment(run_every=2)
def follow(pipeline: str, report: ReportView) -> None:
    """Say that the session is being judged again, and draw the page anew when it was; draws nothing while it is not."""
    runs = run_data.runs_of_date(pipeline, report.partition)
    active = [run for run in runs if run_data.active(run)]
    newest = quality_data.report(pipeline, report.session)
    if newest is not None and newest.run_id != report.run_id:
        st.rerun()
    if active:
        with st.container(horizontal=True, vertical_alignment="center", key="judged_again"):
            st.info(f"This session is being judged again by run {active[0].id}.", icon=":material/progress_activity:")


def tiles(report: ReportView, listed: Sequence[JudgedView], results: Sequence[ResultView], statuses: Sequence[StatusView]) -> None:
    """Show four numbers of the session, each with its course over the sessions up to it."""
    judged = [one for one in listed if one.session <= report.session]
    course = quality_words.course(judged)
    found = Counter(one.run_id for one in statuses if one.status in (CheckStatus.WARNED, CheckStatus.FAILED))
    aside, flagged = [one.share_aside for one in judged], [one.share_flagged for one in judged]
    lines = max(report.loaded + report.quarantined, 1)
    ended = quality_words.ended(results)
    wrong = ended[CheckStatus.FAILED] + ended[CheckStatus.WARNED]
    ran = wrong + ended[CheckStatus.PASSED]
    with st.grid(4, min_column_width=150, key="quality_tiles"):
        _tile(
            "Quality",
            course.word,
            note=course.note,
            colour=course.colour,
            chart=[a + b for a, b in zip(aside, flagged, strict=True)],
            explanation="The share of rows with a flag or set aside: in the mean of the last ten sessions, and of those before them.",
        )
        _tile(
            "Lines set aside",
            say.count(report.quarantined),
            note=f"{say.percent(report.quarantined, lines)}, usually {say.percent(quality_words.usual(aside), 100)}",
            colour="red" if report.quarantined else "green",
            chart=aside,
            explanation="Lines that could not be read and rows that a check refused; in percent of the data lines, beside the median.",
        )
        _tile(
            "Rows with a flag",
            say.count(report.warned),
            note=f"{say.percent(report.warned, lines)}, usually {say.percent(quality_words.usual(flagged), 100)}",
            colour="orange" if report.warned else "green",
            chart=flagged,
            explanation="Rows that are served and of which a check warned; in percent of the data lines, beside the median.",
        )
        _tile(
            "Checks passed",
            f"{ran - wrong} of {ran}",
            note=", ".join(
                f"{ended[status]} {word}"
                for status, word in ((CheckStatus.FAILED, "failed"), (CheckStatus.WARNED, "warned"), (CheckStatus.OFF, "off"))
                if ended[status]
            )
            or "none found anything",
            colour="red" if ended[CheckStatus.FAILED] else "orange" if wrong else "green",
            chart=[float(found[one.run_id]) for one in judged],
            explanation="Of the checks that could judge the session; the bars count those that found something.",
        )


def _tile(label: str, value: str, *, note: str, colour: Colour, chart: Sequence[float], explanation: str) -> None:
    drawn = list(chart) if any(chart) and len(chart) > 1 else None
    with st.container(border=True, height="stretch"):
        st.metric(label, value, delta=note, delta_color=colour, delta_arrow="off", chart_data=drawn, chart_type="bar", help=explanation)


def law(report: ReportView) -> None:
    """Draw where every physical line of the file went, and write it as an equation."""
    st.subheader("Where every line went")
    st.echarts_chart(charts.law(report.law), height=charts.LAW_HEIGHT, key=f"law_{report.run_id}", alt=_equation(report))
    holds = ":green[:material/check_circle: it holds]" if report.holds else ":red[:material/error: lines are missing]"
    st.markdown(f"{_equation(report)} {holds}")


def _equation(report: ReportView) -> str:
    parts = " + ".join(f"{number:,} {name}" for name, number in report.law.items())
    return f"**{report.physical:,} lines** = {parts}"


def decide(pipeline: str, report: ReportView) -> None:
    """Offer what a person can do about a blocked session, and say what was decided."""
    if report.verdict is not GateVerdict.BLOCKED:
        return
    said = _decision(report)
    with st.container(border=True, key="gate_decision"):
        st.markdown(f"#### Why it is blocked\n{sentence(_short(report.reason))}")
        if said is not None:
            _decided(said)
        approve, reject, rerun = st.columns(3, gap="medium")
        with approve:
            if st.button("Approve…", key="gate_approve", icon=":material/how_to_reg:", type="primary"):
                ask_decision(report, Decision.APPROVE)
            st.caption(_MEANS[Decision.APPROVE])
        with reject:
            if st.button("Reject…", key="gate_reject", icon=":material/block:"):
                ask_decision(report, Decision.REJECT)
            st.caption(_MEANS[Decision.REJECT])
        with rerun:
            if st.button("Rerun…", key="gate_rerun", icon=":material/replay:"):
                dialogs.ask_rerun(pipeline, [report.partition], origin=report.run_id)
            st.caption("The source is asked again, and what it gives is judged by the thresholds of now.")


def _short(reason: str) -> str:
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"


def _decided(said: DecisionView) -> None:
    stands = "" if said.decision is Decision.REJECT else " Its date runs again."
    st.markdown(f"{_DECIDED[said.decision]} by **{plain(said.decided_by)}**, {say.stamp(said.decided_at)}: {sentence(said.reason)}{stands}")


def _to_run(run_id: int) -> None:
    st.switch_page("run.py", query_params={"id": str(run_id)})


def ask_decision(report: ReportView, decision: Decision, *, show: Callable[[int], None] = _to_run) -> None:
    """Ask for the reason of a decision about a blocked session, and give it; `show` goes to the run that an approval makes."""
    word = decision.value.capitalize()

    @st.dialog(f"{word} the session of {say.day(report.session)}?")
    def ask() -> None:
        st.markdown(_MEANS[decision])
        reason = st.text_input("Reason", key="gate_reason", placeholder="What do you know that the checks do not?", max_chars=500)
        with st.container(horizontal=True):
            agreed = st.button(word, key="gate_yes", type="primary")
            if st.button("Not now", key="gate_no"):
                st.rerun()
        if agreed and not reason.strip():
            st.warning("Give a reason: it stands beside the session for good.", icon=":material/edit:")
        elif agreed:
            command = services().approve if decision is Decision.APPROVE else services().reject
            perform("Decided.", command, report.run_id, show=show, reason=reason.strip())

    ask()
