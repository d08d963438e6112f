"""Alerts of operations: what is wrong now, where each stands, who was told, what became of it, and the way to its cause."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import streamlit as st

from engine.alerts.rule import ALERT_RULES, MANY
from engine.services import Services
from pages.ui import data, operation_data
from pages.ui import format as say
from pages.ui.actions import perform, request_key, services
from pages.ui.operation_data import NotificationView, OperationView
from pages.ui.text import plain, sentence, words
from pages.ui.theme import look
from pages.ui.widgets import badge, empty_state, page
from storage.status import AlertMove, AlertSeverity, AlertStanding, NotificationKind, NotificationState

MOST = 25  # alerts that are drawn with their buttons; rules group what they find
_NAMED = 12  # members of a group
_LISTED = "ack_listed"  # in the session: the numbers of what waited when the page was drawn
_BANNERS = (st.error, st.warning, st.info)  # by the rank of a severity
_SIGNS = (":material/error:", ":material/warning:", ":material/visibility:")
_LENGTHS: Mapping[str, int] = {"1 h": 60, "4 h": 240, "1 day": 1_440, "1 week": 10_080}
_MOVES: Mapping[AlertMove, str] = {
    AlertMove.FIRED: "It fired",
    AlertMove.REOPENED: "It came back",
    AlertMove.CHANGED: "It says something else",
    AlertMove.TOLD: "Channels are told",
    AlertMove.ESCALATED: "Nobody had acknowledged it: it was escalated",
    AlertMove.ACKNOWLEDGED: "It was acknowledged",
    AlertMove.RESOLVED: "It is over",
}
_MESSAGES: Mapping[NotificationKind, str] = {
    NotificationKind.FIRED: "alert",
    NotificationKind.RESOLVED: "all-clear",
    NotificationKind.ESCALATED: "escalation",
    NotificationKind.REPORT: "report",
    NotificationKind.TEST: "test",
}


def summary() -> None:
    """Say in a line how much is wrong, how grave, what waits for somebody, and whether anybody beyond this page is told."""
    found, waiting = operation_data.open_ones(), operation_data.waiting()
    if found:
        kinds = Counter(alert.severity for alert in found)
        graver = ", ".join(say.count(kinds[severity], severity.value) for severity in AlertSeverity if kinds[severity])
        unseen = f"{len(waiting):,} of them" if len(waiting) < len(found) else "any"
        waits = f"nobody has acknowledged {unseen}" if waiting else "each is acknowledged or silenced"
        gravest = min(alert.severity.rank for alert in waiting) if waiting else AlertSeverity.INFO.rank
        _BANNERS[gravest](f"**{say.count(len(found), 'alert fires', 'alerts fire')}** ({graver}); {waits}.", icon=_SIGNS[gravest])
    _told_nobody()
    if len(waiting) > 1:
        _acknowledge_all(waiting)


def _acknowledge_all(waiting: Sequence[OperationView]) -> None:
    """Offer to take care of all that is listed; what has come between the list and the click is left out, as nobody has seen it."""
    listed = st.session_state.get(_LISTED, ())
    st.session_state[_LISTED] = tuple(alert.id for alert in waiting)
    label = f"Acknowledge all {len(waiting):,}"
    if st.button(label, key="ack_all", icon=":material/visibility:", help="You take care of each that is listed now"):
        perform(f"{say.count(len(listed), 'alert is', 'alerts are')} acknowledged.", _acknowledge, services(), listed)


def _acknowledge(commands: Services, numbers: Sequence[int]) -> None:
    for number in numbers:
        commands.acknowledge(number)


def silence_button() -> None:
    """Offer to silence a rule before it alerts: a machine that is to be mended tonight."""
    if st.button("Silence…", key="quiet", icon=":material/notifications_paused:"):
        ask_silence()


def _told_nobody() -> None:
    named = operation_data.named()
    if named.channels:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        why = "the file of channels cannot be used" if named.trouble else "no channel is set up"
        st.markdown(f":orange[:material/notifications_off:] Alerts stand on this page only: {why}.", width="content")
        st.page_link(page("alerts.py"), label="Channels", icon=":material/send:", query_params={"on": "channels"})


def open_alerts() -> None:
    """List what is wrong now, what nobody has acknowledged first."""
    found = operation_data.open_ones()
    if not found:
        empty_state(
            "Nothing is wrong",
            text="No rule finds anything. They look every ten seconds, as long as a runner is alive.",
            icon=":material/check_circle:",
        )
    told = operation_data.told_of(tuple(alert.id for alert in found[:MOST]))
    for alert in found[:MOST]:
        with st.container(border=True, gap="xsmall", key=f"operation_{alert.id}"):
            _alert(alert, told[alert.id])
    if (more := len(found) - MOST) > 0:
        st.caption(f"and {more:,} more: `python -m engine alerts`")
    if found and not data.machine().alive:
        st.warning("No runner is alive: nobody looks whether these are over, and channels are told nothing.", icon=":material/warning:")


def _alert(alert: OperationView, told: Sequence[NotificationView]) -> None:
    seen = look(alert.severity)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":{seen.colour}[{seen.icon}] **{plain(alert.title)}**", width="content")
        badge(alert.standing)
        st.space("stretch")
        query = {str(name): str(value) for name, value in (alert.query or {}).items()}
        st.page_link(
            page(f"{alert.page}.py"), label="Its cause", icon=":material/arrow_forward:", icon_position="right", query_params=query
        )
    st.markdown(sentence(alert.detail))
    if alert.members:
        named = ", ".join(plain(str(member)) for member in alert.members[:_NAMED])
        st.caption(f"Of {named}" + (f" and {len(alert.members) - _NAMED:,} more" if len(alert.members) > _NAMED else ""))
    st.caption(" · ".join(_since(alert, data.now())))
    st.markdown(f":small[{_delivery(told)}]")
    with st.container(horizontal=True):
        if alert.standing is not AlertStanding.ACKNOWLEDGED and st.button(
            "Acknowledge", key=f"ack_{alert.id}", icon=":material/visibility:"
        ):
            perform("Acknowledged.", services().acknowledge, alert.id)
        if st.button("Silence…", key=f"quiet_{alert.id}", icon=":material/notifications_paused:"):
            ask_silence(alert)
        if st.button("Timeline", key=f"timeline_{alert.id}", icon=":material/timeline:", type="tertiary"):
            timeline(alert)


def _since(alert: OperationView, now: datetime) -> list[str]:
    parts = [f"{words(alert.rule)}", f"since {say.stamp(alert.fired_at)} ({say.ago(alert.fired_at, now)})"]
    if alert.suppressed:
        parts.append(f"came back {say.count(alert.suppressed, 'time')} within the cooldown")
    if alert.acknowledged_at is not None:
        parts.append(f"seen by {plain(alert.acknowledged_by or 'somebody')} {say.ago(alert.acknowledged_at, now)}")
    return parts


def _delivery(told: Sequence[NotificationView]) -> str:
    """Say what became of the newest notification of each channel."""
    newest = {one.channel: one for one in told}
    return ", ".join(f"{plain(name)}: {delivered(one)}" for name, one in newest.items()) or "no channel was told"


def delivered(one: NotificationView) -> str:
    """Say where the delivery of a notification stands."""
    seen = look(one.state)
    said = f":{seen.colour}[{seen.icon} {_message(one)}]"
    if one.state is NotificationState.WAITING:
        tries = f", {say.count(one.attempts, 'try', 'tries')} failed" if one.attempts else ""
        until = f" until {say.clock_time(one.due_at)}" if one.due_at > data.now() else ""  # then a process, or its turn, is waited for
        return f"{said}{until}{tries}"
    return said


def _message(one: NotificationView) -> str:
    return f"{_MESSAGES[one.kind]} {look(one.state).word}"


def ask_silence(alert: OperationView | None = None) -> None:
    """Ask for how long nobody wants to hear of what an alert is about, or of a rule that nothing breaks yet, and why."""

    @st.dialog("Silence this alert" if alert is not None else "Silence a rule", icon=":material/notifications_paused:")
    def ask() -> None:
        rule, subject = _of_rule() if alert is None else _of_alert(alert)
        length = st.segmented_control("For", list(_LENGTHS), default="1 h", required=True, key="quiet_length")
        reason = st.text_input("Why", key="quiet_reason", placeholder="Whoever looks later has only your reason")
        with st.container(horizontal=True):
            wanted = st.button("Silence", key="quiet_yes", type="primary", icon=":material/notifications_paused:")
            if st.button("Not now", key="quiet_no"):
                st.rerun()
        if wanted:  # below the buttons: what is wrong is said there
            perform(
                "It is silenced.",
                services().silence_alerts,
                rule=rule,
                symbol=subject,
                minutes=_LENGTHS[length or "1 h"],
                reason=reason,
                request_key=request_key("quiet"),
            )

    ask()


def _of_alert(alert: OperationView) -> tuple[str, str | None]:
    about = "every alert of its rule" if alert.subject == MANY else f"it ({plain(words(alert.rule))} of {plain(alert.subject)})"
    st.markdown(f"**{plain(alert.title)}**")
    st.caption(f"Channels hear nothing of {about} until then. If it still fires, they do.")
    return alert.rule, None if alert.subject == MANY else alert.subject


def _of_rule() -> tuple[str, str | None]:
    rule = st.selectbox("Rule", list(ALERT_RULES), format_func=lambda name: words(name).capitalize(), key="quiet_rule")
    st.caption(f"{plain(ALERT_RULES[rule].says)} Channels hear nothing of it until then; what still fires at the end is told.")
    subject = st.text_input(
        "Of", key="quiet_subject", placeholder="any", help="What the rule names: `daily_prices 2025-06-03`, a source, a job"
    )
    return rule, subject.strip() or None


def timeline(alert: OperationView) -> None:
    """Show what happened to an alert and what channels were told of it, in order."""

    @st.dialog("Timeline", width="large", icon=":material/timeline:")
    def show() -> None:
        st.markdown(f"**{plain(alert.title)}**")
        rule = ALERT_RULES.get(alert.rule)
        st.caption(plain(rule.says if rule is not None else words(alert.rule)))
        rows = [(one.at, _MOVES[one.move], one.message or "") for one in operation_data.moves_of(alert.id)]
        rows += [(one.ended_at or one.created_at, f"{one.channel}: {_message(one)}", _tries(one)) for one in _told(alert)]
        rows.sort(key=lambda row: row[0])
        table = {
            "When": [say.stamp(at) for at, _, _ in rows],
            "What": [plain(what) for _, what, _ in rows],
            "More": [plain(more) for _, _, more in rows],
        }
        st.table(pa.table(table), border="horizontal", hide_index=True, alt="What happened to the alert, oldest first")

    show()


def _told(alert: OperationView) -> Sequence[NotificationView]:
    return operation_data.told_of((alert.id,))[alert.id]


def _tries(one: NotificationView) -> str:
    return " · ".join(filter(None, [say.count(one.attempts, "try", "tries") if one.attempts else "", one.note or ""]))


def over() -> None:
    """List the alerts that ended last."""
    found = operation_data.over()
    if not found:
        st.caption("None yet.")
        return
    table = pa.table(
        {
            "Alert": [f"{alert.id} · {alert.title}" for alert in found],
            "Severity": [[look(alert.severity).word] for alert in found],
            "From": [say.stamp(alert.fired_at) for alert in found],
            "Lasted": [say.span(alert.resolved_at - alert.fired_at) if alert.resolved_at else say.NOTHING for alert in found],
            "Came back": pa.array([alert.suppressed for alert in found], pa.int64()),
            "Seen by": [alert.acknowledged_by for alert in found],
        }
    )
    looks = [look(severity) for severity in type(found[0].severity)]
    st.dataframe(
        table,
        key="operations_over",
        hide_index=True,
        height="content",
        placeholder=say.NOTHING,
        alt="Alerts that are over, the newest first",
        column_config={
            "Alert": st.column_config.ButtonColumn(
                type="tertiary", key="operations_over_open", alignment="left", width=420, help="Its timeline"
            ),
            "Severity": st.column_config.MultiselectColumn(options=[s.word for s in looks], color=[s.colour for s in looks], width=100),
            "Came back": st.column_config.NumberColumn(format="localized", width=90, help="Within the cooldown, without a message"),
        },
    )
    if len(found) == operation_data.OVER:
        st.caption(f"The newest {operation_data.OVER}; more: `python -m engine alerts --resolved 200`")
    if click := st.session_state.get("operations_over_open"):
        number = int(str(click["label"]).split(" · ", maxsplit=1)[0])
        if (alert := next((one for one in found if one.id == number), None)) is not None:
            timeline(alert)


def standing_line() -> None:
    """Say in a line how many alerts wait for somebody, with a link to them; nothing while none does."""
    if waiting := operation_data.waiting():
        label = f"{say.count(len(waiting), 'alert')} nobody has acknowledged"
        st.page_link(page("alerts.py"), label=label, icon=":material/notifications_active:", query_params={"on": "operations"})
