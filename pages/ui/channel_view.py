"""Channels: who is told of alerts, whether that works, and what each was told."""

import pyarrow as pa
import streamlit as st

from engine.alerts.channels import Channel
from pages.ui import data, operation_data
from pages.ui import format as say
from pages.ui.actions import perform, services
from pages.ui.operation_data import NotificationView
from pages.ui.operation_view import delivered
from pages.ui.text import plain
from pages.ui.theme import look
from pages.ui.widgets import empty_state, pairs
from storage.status import NotificationKind, NotificationState

_EXAMPLE = """[[channel]]
name = "desk"
url = "mailtos://${SMTP_USER}:${SMTP_PASSWORD}@example.com?to=desk@example.com"
severity = "warning"    # this and graver
quiet = "22:00-06:00"   # Nepal time
wants = ["fired", "resolved", "escalated", "report"]"""


def channels() -> None:
    """Show each channel with a button that tests it; or what is wrong with their file."""
    named = operation_data.named()
    if named.trouble:
        st.error(f"**Nobody is told of alerts.** {plain(named.trouble)}", icon=":material/error:")
        return
    if not named.channels:
        empty_state(
            "Nobody is told of alerts",
            text=f"They stand in the console only. Name channels in `{data.settings().channels_file}`:",
            icon=":material/notifications_off:",
        )
        st.code(_EXAMPLE, language="toml")
        st.caption("A URL is one of Apprise's (mail, Slack, Teams, Telegram, PagerDuty, webhooks, ...). It is never shown or stored.")
        return
    with st.grid(3, min_column_width=280, key="channels"):
        for place, channel in enumerate(named.channels.values()):
            with st.container(border=True, gap="xsmall", height="stretch", key=f"channel_{place}"):
                _channel(channel, place)


def _channel(channel: Channel, place: int) -> None:
    st.markdown(f"**{plain(channel.name)}** :gray[{plain(channel.kind)}]")
    hears = f"{channel.severity.value} and graver" if channel.severity.rank else channel.severity.value
    wants = ", ".join(kind.value for kind in NotificationKind if kind in channel.wants)
    pairs(("Severity", hears), ("Hears of", wants), ("Quiet hours", channel.hours()), alt=f"What {channel.name} hears")
    trouble = operation_data.troubles().get(channel.name, "")
    if trouble:
        st.error(plain(trouble), icon=":material/error:")
    told = operation_data.log(channel.name)
    _newest(told[0] if told else None, said=trouble)
    under_way = any(one.kind is NotificationKind.TEST and one.ended_at is None for one in told)
    help_ = "Sends a message now, whatever its filter and hours"
    if st.button("Send a test", key=f"test_{place}", icon=":material/send:", disabled=under_way, help=help_):
        perform("A test is on its way.", services().test_channel, channel.name)


def _newest(one: NotificationView | None, *, said: str) -> None:
    if one is None:
        st.caption("It was told nothing yet.")
        return
    st.markdown(f":small[{delivered(one)}] · :small[{say.stamp(one.ended_at or one.created_at)}]")
    if one.note and one.note not in said and one.state is not NotificationState.SENT:
        colour = "gray" if one.state is NotificationState.DROPPED else "red"  # it is over, and nobody has missed anything
        st.markdown(f":small[:{colour}[{plain(one.note)}]]")


def log() -> None:
    """List what channels were told, the newest first."""
    rows = operation_data.log()
    if not rows:
        st.caption("Nothing yet.")
        return
    table = {
        "Written": [say.stamp(row.created_at) for row in rows],
        "Channel": [plain(row.channel) for row in rows],
        "Message": [plain(row.title) for row in rows],
        "State": [look(row.state).badge + (f" {row.attempts:,} tries" if row.attempts > 1 else "") for row in rows],
        "Ended": [say.stamp(row.ended_at) for row in rows],
        "Note": [plain(row.note or "") for row in rows],
    }
    st.table(pa.table(table), border="horizontal", hide_index=True, alt="What channels were told, the newest first")
