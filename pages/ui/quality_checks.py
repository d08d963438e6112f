"""The checks of the Quality page: their grid over sessions, what each found in the chosen session, and its findings with their labels."""

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd
import streamlit as st

from engine.quality.check import Check
from pages.ui import format as say
from pages.ui import quality_data
from pages.ui.actions import perform, request_key, services
from pages.ui.charts import heat
from pages.ui.charts import quality as charts
from pages.ui.charts.heat import Cell
from pages.ui.quality_data import name_of
from pages.ui.quality_views import FindingView, JudgedView, LabelView, ReportView, ResultView, StatusView
from pages.ui.text import plain, sentence
from pages.ui.theme import Colour, look
from pages.ui.widgets import badge, page
from storage.status import CheckStatus, GateVerdict, Label

GATE_ROW = "the session"
CHECK = "check"  # of the URL
_OF_VERDICT = {GateVerdict.PASSED: CheckStatus.PASSED, GateVerdict.FLAGGED: CheckStatus.WARNED, GateVerdict.BLOCKED: CheckStatus.FAILED}
_WORST_FIRST = (CheckStatus.FAILED, CheckStatus.WARNED, CheckStatus.PASSED, CheckStatus.NOT_APPLICABLE, CheckStatus.OFF)
_ON_A_PAGE = 8
_FOUND, _ALL = "Found something", "All checks"


def chosen_check(results: Sequence[ResultView]) -> ResultView | None:
    """Return what the check found that the URL names; without one the worst that found something."""
    named = st.query_params.get(CHECK)
    found = [result for result in results if result.check_id == named]
    wrong = [result for result in _sorted(results) if result.status in (CheckStatus.FAILED, CheckStatus.WARNED)]
    return next(iter(found or wrong), None)


def look_at(check_id: str) -> None:
    """Choose a check, which is in the URL then."""
    st.query_params[CHECK] = check_id


def _sorted(results: Sequence[ResultView]) -> list[ResultView]:
    return sorted(results, key=lambda result: (_WORST_FIRST.index(result.status), -(result.failed + result.warned), result.check_id))


def rows_of(statuses: Sequence[StatusView]) -> list[str]:
    """Return the checks of the grid from top to bottom: those that failed or warned most often first."""
    badly: dict[str, tuple[int, int]] = {}
    for one in statuses:
        failed, warned = badly.get(one.check_id, (0, 0))
        badly[one.check_id] = (failed + (one.status is CheckStatus.FAILED), warned + (one.status is CheckStatus.WARNED))
    return sorted(badly, key=lambda check_id: (-badly[check_id][0], -badly[check_id][1], check_id))


def grid(judged: Sequence[JudgedView], statuses: Sequence[StatusView], *, session: date, check: str | None) -> None:
    """Draw checks over sessions; a click chooses both, and they stand in the URL."""
    columns = {one.run_id: place for place, one in enumerate(judged)}
    checks, quiet = _shown_rows(statuses, check)
    places = {check_id: place + 1 for place, check_id in enumerate(checks)}
    cells = [Cell(0, place, _OF_VERDICT[one.verdict], _gate_text(one)) for place, one in enumerate(judged)]
    cells += [Cell(places[one.check_id], columns[one.run_id], one.status, _cell_text(one)) for one in statuses if one.check_id in places]
    key = f"quality_grid_{judged[-1].run_id}_{len(checks)}"

    def choose() -> None:
        picked = [place for series in st.session_state[key].selection.selected for place in series["data_indices"]]
        if not picked or picked[0] >= len(cells):
            return
        cell = cells[picked[0]]
        check = {CHECK: checks[cell.row - 1]} if cell.row else {}
        st.query_params.update({"session": judged[cell.column].session.isoformat(), **check})  # at once: a reload has both or neither

    column = next((place for place, one in enumerate(judged) if one.session == session), None)
    st.echarts_chart(
        heat.heat(
            [GATE_ROW, *map(name_of, checks)],
            [charts.label(one.session) for one in judged],
            cells,
            shades=charts.shades(),
            chosen=(places.get(check or ""), column),
        ),
        height=heat.height(len(checks) + 1),
        key=key,
        on_select=choose,
        alt=f"{len(checks)} checks over {len(judged)} sessions, each marked by how it ended",
    )
    if quiet:
        st.caption(f":material/check: {say.count(quiet, 'more check')} found nothing in any of these sessions.")


def _shown_rows(statuses: Sequence[StatusView], check: str | None) -> tuple[list[str], int]:
    """Return the checks that are drawn, and how many quiet ones are left out unless all are asked for."""
    checks = rows_of(statuses)
    wrong = {one.check_id for one in statuses if one.status is not CheckStatus.PASSED} | {check}
    loud = [check_id for check_id in checks if check_id in wrong]
    every = st.toggle("Also the checks that found nothing", key="grid_all") if len(loud) < len(checks) else True
    return (checks, 0) if every else (loud, len(checks) - len(loud))


def _gate_text(one: JudgedView) -> str:
    approved = f", approved by {one.approved_by}" if one.approved_by else ""
    passed = look(_OF_VERDICT[one.verdict]).word
    return f"{passed}<br/>{one.verdict}{approved}: {one.quarantined:,} set aside, {one.warned:,} with a flag of {one.lines:,}"


def _cell_text(one: StatusView) -> str:
    word = look(one.status).word
    if not (one.warned or one.failed):
        return word
    return f"{word}: {one.warned + one.failed:,} of {one.applicable:,}"


def table(results: Sequence[ResultView], trends: Mapping[str, Sequence[float]], *, chosen: str | None) -> None:
    """List what each check found, worst first, with its rate over the last sessions; a click on a check chooses it."""
    found = [result for result in _sorted(results) if result.status in (CheckStatus.FAILED, CheckStatus.WARNED)]
    shown = st.segmented_control("Checks", [_FOUND, _ALL], default=_FOUND, required=True, key="checks_shown", label_visibility="collapsed")
    listed = found if shown == _FOUND else _sorted(results)
    if not listed:
        st.caption(":material/check: No check found anything in this session.")
        return
    _listed(listed, trends, chosen)
    if click := st.session_state.get("checks_open"):
        opened = quality_data.id_of(str(click["label"]).removeprefix("▸ "))
        if opened != chosen:
            look_at(opened)
            st.rerun()


def _listed(listed: Sequence[ResultView], trends: Mapping[str, Sequence[float]], chosen: str | None) -> None:
    looks = [look(status) for status in CheckStatus]
    frame = pd.DataFrame(
        {
            "Check": [f"▸ {name_of(result.check_id)}" if result.check_id == chosen else name_of(result.check_id) for result in listed],
            "Status": [[look(result.status).word] for result in listed],
            "Found": [_found(result) for result in listed],
            "Worst": [_worst(result) for result in listed],
            "Warns above": [_limit(result.warn_above) for result in listed],
            "Fails above": [_limit(result.error_above) for result in listed],
            "Unit": [_unit(result.check_id) for result in listed],
            "Last sessions": [list(trends.get(result.check_id, ())) for result in listed],
            "Note": [result.reason or "" for result in listed],
            "Rule": [_rule(result.check_id) for result in listed],
        }
    )
    st.dataframe(
        frame,
        key="checks_table",
        hide_index=True,
        height="content",
        alt="What each check found in the session",
        column_config={
            "Check": st.column_config.ButtonColumn(
                type="tertiary", key="checks_open", alignment="left", width=190, help="See its findings"
            ),
            "Status": st.column_config.MultiselectColumn(
                options=[seen.word for seen in looks], color=[seen.colour for seen in looks], width=95
            ),
            "Found": st.column_config.TextColumn(width=140, help="Rows that were warned of or set aside, of those that could be judged"),
            "Worst": st.column_config.TextColumn(width=150, help="What was observed at the largest score, and what it was held against"),
            "Warns above": st.column_config.TextColumn(width=95),
            "Fails above": st.column_config.TextColumn(width=90, help="A row is set aside, a session blocked"),
            "Unit": st.column_config.TextColumn(width=110),
            "Last sessions": st.column_config.BarChartColumn(
                width=120, y_min=0, help="The share of rows found in each of the sessions of the grid"
            ),
            "Note": st.column_config.TextColumn(width=150, help="Why it could not be judged, or what was seen"),
            "Rule": st.column_config.TextColumn(width=420),
        },
    )


def _rule(check_id: str) -> str:
    check = quality_data.check_named(check_id)
    return check.summary if check else "This rule is in the catalogue no more."


def _found(result: ResultView) -> str:
    if result.status is CheckStatus.NOT_APPLICABLE:
        return say.NOTHING
    share = "" if result.rate is None or not result.rate else f" ({say.percent(result.warned + result.failed, result.applicable)})"
    return f"{result.warned + result.failed:,} of {result.applicable:,}{share}"


def _worst(result: ResultView) -> str:
    if result.worst is None:
        return say.NOTHING
    return f"{say.figure(result.observed)} against {say.figure(result.bound)}"


def _limit(value: float | None) -> str:
    return say.NOTHING if value is None else f"{value:g}"


def _unit(check_id: str) -> str:
    check = quality_data.check_named(check_id)
    return check.unit if check else ""


def trends(judged: Sequence[JudgedView], statuses: Sequence[StatusView]) -> Mapping[str, list[float]]:
    """Return, by check, how many percent of the rows it found in each session, oldest first."""
    columns = {one.run_id: place for place, one in enumerate(judged)}
    rates: dict[str, list[float]] = {}
    for one in statuses:
        rates.setdefault(one.check_id, [0.0] * len(judged))[columns[one.run_id]] = 100 * (one.rate or 0.0)
    return rates


def findings(pipeline: str, report: ReportView, result: ResultView, judged: Sequence[JudgedView], trend: Sequence[float]) -> None:
    """Show one check: its rule, its course, and every finding with what people said of it."""
    check = quality_data.check_named(result.check_id)
    with st.container(border=True, key="check_detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {name_of(result.check_id)}", width="content")
            badge(result.status)
            st.page_link(page("thresholds.py"), label="Its thresholds", icon=":material/tune:", query_params={CHECK: result.check_id})
        st.markdown(plain(_rule(result.check_id)))
        if result.reason:
            st.caption(sentence(result.reason))
        if any(trend):
            st.echarts_chart(
                charts.shares([one.session for one in judged], {"share of rows found": (trend, look(CheckStatus.WARNED))}, limit=None),
                height=150,
                key=f"trend_{result.check_id}_{judged[-1].run_id}",
                alt=f"How many percent of the rows {name_of(result.check_id)} found in each session",
            )
        _finding_list(report, result, check)
        _offer_again(pipeline, report)


def _finding_list(report: ReportView, result: ResultView, check: Check | None) -> None:
    found, lost = quality_data.findings(report.findings_path, result.check_id)
    if lost:
        st.error(plain(lost), icon=":material/error:")
        return
    if not found:
        st.caption("It found nothing in this session, not even below its limits.")
        return
    said = {(label.symbol, label.check_id): label for label in quality_data.labels_of(report.session)}
    pages = -(-len(found) // _ON_A_PAGE)
    at = st.session_state.get(f"findings_{result.check_id}", 1) if pages > 1 else 1
    for place, finding in enumerate(found[(at - 1) * _ON_A_PAGE : at * _ON_A_PAGE]):
        _finding(report, result, finding, said.get((finding.symbol, result.check_id)), unit=check.unit if check else "", place=place)
    if pages > 1:
        st.pagination(pages, key=f"findings_{result.check_id}")
    if check is not None and check.explanation and any(finding.explained for finding in found):
        st.caption(f"*explained*: {plain(check.explanation)}; or a person called it a false alarm.")


def _finding(report: ReportView, result: ResultView, finding: FindingView, said: LabelView | None, *, unit: str, place: int) -> None:
    word, colour = _fate(result, finding)
    what, buttons = st.columns([7, 5], vertical_alignment="center", gap="small")
    with what.container(horizontal=True, vertical_alignment="center", gap="small", key=f"finding_{place}"):
        where = f"`line {finding.line}`" if finding.line is not None else "the session as a whole"
        st.markdown(f"**{plain(finding.symbol)}** {where}" if finding.symbol else where, width="content")
        st.markdown(
            f"{say.figure(finding.observed)} against {say.figure(finding.bound)} · score {say.figure(finding.score)} {plain(unit)}",
            width="content",
        )
        st.badge(word, color=colour)
    if not finding.symbol:
        return
    with buttons.container(horizontal=True, vertical_alignment="center", gap="small", horizontal_alignment="right"):
        if said is not None:
            seen = look(said.label)
            st.badge(f"{seen.word}, says {plain(said.labelled_by)}", icon=seen.icon, color=seen.colour)
            if st.button("Take back", key=f"label_none_{place}", icon=":material/undo:", type="tertiary"):
                _say(report, result, finding, None)
            return
        for label in Label:
            seen = look(label)
            if st.button(seen.word.capitalize(), key=f"label_{label}_{place}", icon=seen.icon):
                _say(report, result, finding, label)


def _say(report: ReportView, result: ResultView, finding: FindingView, label: Label | None) -> None:
    perform("Said.", services().label, report.session, finding.symbol, result.check_id, label, report.run_id)


def _fate(result: ResultView, finding: FindingView) -> tuple[str, Colour]:
    if finding.explained:
        return "explained", "gray"
    if result.error_above is not None and finding.score > result.error_above:
        return "set aside", "red"
    if result.warn_above is not None and finding.score > result.warn_above:
        return "flag", "orange"
    return "below the limits", "gray"


def _offer_again(pipeline: str, report: ReportView) -> None:
    """Say what labels do, and offer to judge the session again when some were given since it was judged."""
    given = [label for label in quality_data.labels_of(report.session) if label.labelled_at > report.reported_at]
    alarms = sum(label.label is Label.FALSE_ALARM for label in given)
    if not alarms:
        st.caption(
            "A false alarm lets its row pass the next time that its date is judged. "
            "Both words teach the Thresholds page where the limit belongs."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", key="judge_again"):
        rows = "Its row passes" if alarms == 1 else "Their rows pass"
        st.info(f"{say.count(alarms, 'false alarm')} said since. {rows} the next time that this date is judged.", icon=":material/info:")
        if st.button("Judge it again", key="judge_again_now", icon=":material/replay:", type="primary"):
            perform(
                f"The session of {say.day(report.session)} is judged again.",
                services().rerun_changed,
                pipeline,
                [report.partition],
                request_key=request_key(f"judge_again:{report.run_id}"),
            )
