"""What the gate said of a run's session, on the run's page: the verdict, where every line went, what the letters came to, the decision."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import streamlit as st

from pages.ui import drift_link, gate_dialogs, letter_data, quality_data, quality_link, run_quality_data, run_view
from pages.ui import format as say
from pages.ui.letter_data import LetterView
from pages.ui.letter_words import rule, why
from pages.ui.quality_view import ask_decision
from pages.ui.quality_views import ReportView, ResultView
from pages.ui.run_data import RunRow
from pages.ui.text import plain, sentence, words
from pages.ui.theme import look
from pages.ui.views import RunDetail, RunView
from pages.ui.widgets import badge, page
from storage.held import BLOCKED
from storage.status import CheckStatus, Decision, GateVerdict, LetterState, RunStatus

_MARKS = {state: f"{look(state).sign} {look(state).word}" for state in LetterState}
_CHECK_MARKS = {status: f"{look(status).sign} {look(status).word}" for status in CheckStatus}
_FOUND = (CheckStatus.FAILED, CheckStatus.WARNED)


def decision(run: RunView, others: Sequence[RunRow]) -> None:
    """Offer what a person decides about a blocked session, or say what was decided; nothing for any other run.

    `others` are the runs of its date, newest first.
    """
    if run.status is not RunStatus.FAILED or run.error_type != BLOCKED:
        return
    report = run_quality_data.report(run.id)
    made = quality_data.decision(run.pipeline, run.partition, run.source_sha256 or "")
    newer = [other for other in others if other.id > run.id]
    if made is not None and made.run_id == run.id:
        word = "Approved" if made.decision is Decision.APPROVE else "Rejected"
        by, when = f"{word} by {plain(made.decided_by)}", f"on {say.stamp(made.decided_at)}: {sentence(made.reason)}"
        if made.decision is Decision.APPROVE and newer:
            follows = newer[-1].id  # an approval queues its run at once, and only of the newest one
            st.info(f"{by} {when} It runs on as run {follows}.", icon=":material/gavel:")
            if st.button(f"Open run {follows}", key="approved_run", icon=":material/arrow_forward:", type="tertiary"):
                run_view.show(follows)
            return
        st.info(f"{by} {when}", icon=":material/gavel:")
    if report is None:
        return
    if newer:
        st.caption("A newer run of this date has been since: decide about that one.")
        return
    with st.container(horizontal=True, key="decision"):
        if st.button("Approve…", key="approve", icon=":material/how_to_reg:"):
            ask_decision(report, Decision.APPROVE, show=run_view.show)
        rejected = made is not None and made.run_id == run.id and made.decision is Decision.REJECT
        if not rejected and st.button("Reject…", key="reject", icon=":material/block:"):
            ask_decision(report, Decision.REJECT)
        if st.button("Rerun from the gate…", key="rerun_blocked", icon=":material/replay:"):
            gate_dialogs.ask_another_look(run)


def quality(detail: RunDetail) -> None:
    """Draw the verdict of the gate; where a run was never judged, the lines that could not be read."""
    report = run_quality_data.report(detail.run.id)
    if report is None:
        run_view.rejected(detail)
        letters(detail.run)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Quality", width="content")
        badge(report.verdict)
        if report.approved_by:
            st.badge(f"approved by {plain(report.approved_by)}", icon=":material/gavel:", color="violet")
        st.space("stretch")
        quality_link.to_quality(report.session)
        drift_link.to_drift(report.session)
    if detail.run.error_type != BLOCKED:  # the box above says it
        st.markdown(sentence(report.reason))
    checked = run_quality_data.results(report.run_id)
    taken_over = f" Judged in run {report.run_id}, whose checkpoint this run took over." if report.run_id != detail.run.id else ""
    st.caption(plain(f"{conservation(report)} {counted(checked)} {version(report)}{taken_over}"))
    _findings([result for result in checked if result.status in _FOUND], blocked=report.verdict is GateVerdict.BLOCKED)
    letters(detail.run)


def conservation(report: ReportView) -> str:
    """Say where every physical line of the file went."""
    parts = [
        say.count(report.header, "header"),
        f"{report.blank:,} blank",
        f"{report.loaded:,} loaded",
        f"{report.quarantined:,} set aside",
        say.count(report.duplicates, "duplicate"),
    ]
    return f"{say.count(report.physical, 'physical line')} = {' + '.join(parts)}."


def counted(results: Sequence[ResultView]) -> str:
    """Say how the checks ended."""
    ended = Counter(result.status for result in results)
    named = [f"{ended[status]} {look(status).word}" for status in CheckStatus if ended[status]]
    return f"{say.count(len(results), 'check')}: {', '.join(named)}."


def version(report: ReportView) -> str:
    """Say which thresholds the session was judged by."""
    return f"Thresholds: version {report.threshold_version}." if report.threshold_version else "Thresholds: the defaults (version 0)."


def _findings(found: Sequence[ResultView], *, blocked: bool) -> None:
    if not found:
        return
    with st.expander(f"What the checks found ({len(found)})", icon=":material/rule:", expanded=blocked, key="checks"):
        st.dataframe(
            check_frame(found),
            key="checks_table",
            hide_index=True,
            height="content",
            placeholder=say.NOTHING,
            alt="Checks that warned or failed",
            column_config={
                "Check": st.column_config.TextColumn(width=180),
                "Status": st.column_config.MultiselectColumn(
                    options=list(_CHECK_MARKS.values()), color=[look(status).colour for status in CheckStatus], width=90
                ),
                "Rule": st.column_config.TextColumn(width=380),
            },
        )


def check_frame(found: Sequence[ResultView]) -> pa.Table:
    """Return what each check found, one row each."""
    return pa.table(
        {
            "Check": [words(result.check_id) for result in found],
            "Status": [[_CHECK_MARKS[result.status]] for result in found],
            "Refused": pa.array([result.failed for result in found], pa.int64()),
            "Warned": pa.array([result.warned for result in found], pa.int64()),
            "Of": pa.array([result.applicable for result in found], pa.int64()),
            "Worst": [f"{say.figure(result.observed)} against {say.figure(result.bound)}" for result in found],
            "Score": [say.figure(result.worst) for result in found],
            "Warns above": [say.figure(result.warn_above) for result in found],
            "Refuses above": [say.figure(result.error_above) for result in found],
            "Rule": [rule(result.check_id) for result in found],
        }
    )


def letters(run: RunView) -> None:
    """Draw the dead letters that the run found, saw again or resolved; nothing when there are none."""
    touched = letter_data.of_run(run.pipeline, run.partition, run.id)
    if not touched:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Dead letters", width="content")
        st.space("stretch")
        day = run.partition.isoformat()
        st.page_link(page("dead_letters.py"), label="Those of this date", icon=":material/mail:", query_params={"since": day, "until": day})
    st.markdown(came_to(touched, run.id))
    key = f"letters_of_{run.id}"
    st.dataframe(
        letter_frame(touched, run.id),
        key=key,
        hide_index=True,
        height="content",
        placeholder=say.NOTHING,
        alt="Dead letters of the run",
        column_config={
            "Letter": st.column_config.ButtonColumn(type="tertiary", key=f"{key}_open", alignment="left", width=90, help="Open the letter"),
            "Now": st.column_config.MultiselectColumn(
                options=list(_MARKS.values()), color=[look(state).colour for state in LetterState], width=110
            ),
            "In this run": st.column_config.TextColumn(width=150),
            "Why": st.column_config.TextColumn(width=420),
        },
    )
    if click := st.session_state.get(f"{key}_open"):
        st.switch_page("dead_letters.py", query_params={"letter": str(click["label"]).rsplit(" ", 1)[-1]})


def role(letter: LetterView, run_id: int) -> str:
    """Say what a run did to a letter."""
    if letter.resolved_run_id == run_id:
        return "passed, corrected" if letter.edited_raw is not None else "passed as it was"
    if letter.first_run_id == run_id:
        return "found"
    return "failed again, parked" if letter.state is LetterState.PARKED else "failed again"


def came_to(touched: Sequence[LetterView], run_id: int) -> str:
    """Say how many letters a run found, saw again and resolved."""
    roles = Counter(role(letter, run_id) for letter in touched)
    more = f" These are the first {len(touched)}." if len(touched) == letter_data.MOST_OF_A_RUN else ""
    return f"{', '.join(f'**{number:,}** {word}' for word, number in roles.items())}.{more}"


def letter_frame(touched: Sequence[LetterView], run_id: int) -> pa.Table:
    """Return the letters of a run, one row each."""
    return pa.table(
        {
            "Letter": [f"Letter {letter.id}" for letter in touched],
            "In this run": [role(letter, run_id) for letter in touched],
            "Now": [[_MARKS[letter.state]] for letter in touched],
            "Symbol": [letter.symbol for letter in touched],
            "Line": pa.array([letter.line or None for letter in touched], pa.int64()),
            "Reason": [words(letter.reason) for letter in touched],
            "Why": [why(letter) for letter in touched],
        }
    )
