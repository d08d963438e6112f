"""How each status looks: an icon and a word first, a colour beside them; and the colours of the charts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import streamlit as st

from storage.status import (
    AlertSeverity,
    AlertStanding,
    BackfillState,
    CheckStatus,
    CircuitState,
    DriftCause,
    DriftLabel,
    GateVerdict,
    JobOutcome,
    Label,
    LetterState,
    NotificationState,
    RunStatus,
    SlotOutcome,
    StageStatus,
    Verdict,
    VersionState,
)

Colour = Literal["green", "red", "orange", "yellow", "blue", "violet", "gray"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a status looks like; `sign` is its one character where there is room for no more."""

    word: str
    icon: str
    colour: Colour
    sign: str = ""

    @property
    def badge(self) -> str:
        """The status as a Markdown badge with its icon and word."""
        return f":{self.colour}-badge[{self.icon} {self.word}]"


_QUEUED = Look("queued", ":material/schedule:", "blue", "…")
_RUNNING = Look("running", ":material/progress_activity:", "blue", "▸")
_DONE = Look("succeeded", ":material/check_circle:", "green", "✓")
_SKIPPED = Look("skipped", ":material/skip_next:", "gray", "—")
_FAILED = Look("failed", ":material/error:", "red", "✕")
_CANCELLED = Look("cancelled", ":material/cancel:", "gray", "○")
_CRASHED = Look("crashed", ":material/bolt:", "red", "✕")
_PAUSED = Look("paused", ":material/pause_circle:", "orange", "‖")

LOOKS: Mapping[type[StrEnum], Mapping[str, Look]] = {
    RunStatus: {
        RunStatus.QUEUED: _QUEUED,
        RunStatus.RUNNING: _RUNNING,
        RunStatus.SUCCEEDED: _DONE,
        RunStatus.SKIPPED: Look("no session", ":material/event_busy:", "gray", "—"),
        RunStatus.FAILED: _FAILED,
        RunStatus.CANCELLED: _CANCELLED,
        RunStatus.CRASHED: _CRASHED,
    },
    StageStatus: {
        StageStatus.RUNNING: _RUNNING,
        StageStatus.SUCCEEDED: _DONE,
        StageStatus.SKIPPED: _SKIPPED,
        StageStatus.UPSTREAM_FAILED: Look("not reached", ":material/block:", "gray", "—"),
        StageStatus.FAILED: _FAILED,
        StageStatus.CANCELLED: _CANCELLED,
        StageStatus.CRASHED: _CRASHED,
    },
    Verdict: {
        Verdict.SESSION: Look("session", ":material/check_circle:", "green", ""),
        Verdict.NO_SESSION: Look("no session", ":material/event_busy:", "gray", "—"),
        Verdict.FAILED: _FAILED,
        Verdict.MISSING: Look("missing", ":material/help:", "orange", "?"),
    },
    SlotOutcome: {
        SlotOutcome.DUE: Look("due", ":material/schedule:", "blue"),
        SlotOutcome.RAN: Look("ran", ":material/check_circle:", "green"),
        SlotOutcome.LATE: Look("late", ":material/history:", "orange"),
        SlotOutcome.HOLIDAY: Look("holiday", ":material/event_busy:", "gray"),
        SlotOutcome.PAUSED: _PAUSED,
        SlotOutcome.BLOCKED: Look("blocked", ":material/block:", "orange"),
        SlotOutcome.SOURCE_EMPTY: Look("source empty", ":material/inbox:", "orange"),
        SlotOutcome.FAILED: _FAILED,
        SlotOutcome.CANCELLED: _CANCELLED,
        SlotOutcome.MISSED: Look("missed", ":material/event_repeat:", "orange"),
        SlotOutcome.BACKFILLED: Look("backfilled", ":material/playlist_add_check:", "green"),
        SlotOutcome.NOT_DUE: Look("not due", ":material/event_note:", "gray"),
    },
    JobOutcome: {
        JobOutcome.QUEUED: _QUEUED,
        JobOutcome.RUNNING: _RUNNING,
        JobOutcome.SUCCEEDED: _DONE,
        JobOutcome.SKIPPED: Look("skipped", ":material/skip_next:", "gray", "—"),
        JobOutcome.FAILED: _FAILED,
    },
    BackfillState: {
        BackfillState.RUNNING: _RUNNING,
        BackfillState.PAUSED: _PAUSED,
        BackfillState.STOPPED: Look("stopped at a failure", ":material/report:", "red"),
        BackfillState.CANCELLED: _CANCELLED,
        BackfillState.DONE: Look("done", ":material/check_circle:", "green"),
    },
    GateVerdict: {
        GateVerdict.PASSED: Look("passed", ":material/verified:", "green"),
        GateVerdict.FLAGGED: Look("flagged", ":material/flag:", "orange", "!"),
        GateVerdict.BLOCKED: Look("blocked", ":material/front_hand:", "red", "✕"),
    },
    CheckStatus: {
        CheckStatus.PASSED: Look("passed", ":material/check_circle:", "green"),
        CheckStatus.WARNED: Look("warned", ":material/warning:", "orange", "!"),
        CheckStatus.FAILED: _FAILED,
        CheckStatus.NOT_APPLICABLE: Look("not applicable", ":material/do_not_disturb_on:", "gray", "·"),
        CheckStatus.OFF: Look("off", ":material/toggle_off:", "gray", "–"),  # noqa: RUF001, a dash of its own: "·" says not applicable
    },
    Label: {
        Label.FAULT: Look("true fault", ":material/report:", "red"),
        Label.FALSE_ALARM: Look("false alarm", ":material/notifications_off:", "blue"),
    },
    LetterState: {
        LetterState.OPEN: Look("open", ":material/mark_email_unread:", "orange", "●"),
        LetterState.PARKED: Look("parked", ":material/local_parking:", "red", "‖"),
        LetterState.EDITED: Look("edited", ":material/edit_note:", "green", "✎"),
        LetterState.REPLAYED: Look("replayed", ":material/check_circle:", "green", "✓"),
        LetterState.DISCARDED: Look("discarded", ":material/delete:", "gray", "○"),
    },
    AlertStanding: {
        AlertStanding.OPEN: Look("open", ":material/notifications_active:", "red", "●"),
        AlertStanding.ACKNOWLEDGED: Look("acknowledged", ":material/visibility:", "blue", "✓"),
        AlertStanding.SILENCED: Look("silenced", ":material/notifications_paused:", "orange", "‖"),
        AlertStanding.RESOLVED: Look("resolved", ":material/check_circle:", "gray", "○"),
    },
    AlertSeverity: {
        AlertSeverity.ERROR: Look("error", ":material/error:", "red"),
        AlertSeverity.WARNING: Look("warning", ":material/warning:", "orange"),
        AlertSeverity.INFO: Look("info", ":material/info:", "blue"),
    },
    NotificationState: {
        NotificationState.WAITING: Look("waiting", ":material/schedule:", "blue", "…"),
        NotificationState.SENDING: Look("being sent", ":material/send:", "blue", "▸"),
        NotificationState.SENT: Look("sent", ":material/check_circle:", "green", "✓"),
        NotificationState.GIVEN_UP: Look("given up", ":material/error:", "red", "✕"),
        NotificationState.DROPPED: Look("no longer needed", ":material/remove_circle:", "gray", "○"),
    },
    VersionState: {
        VersionState.BUILDING: Look("building", ":material/progress_activity:", "blue", "▸"),
        VersionState.BUILT: Look("built", ":material/layers:", "violet", "◆"),
        VersionState.FAILED: _FAILED,
        VersionState.PROMOTED: Look("served", ":material/check_circle:", "green", "✓"),
        VersionState.DROPPED: Look("dropped", ":material/delete:", "gray", "○"),
    },
    DriftCause: {
        DriftCause.ALARM: Look("alarm", ":material/notification_important:", "red", "●"),
        DriftCause.REGIME: Look("market", ":material/trending_down:", "blue", "~"),
        DriftCause.DECLARED: Look("declared change", ":material/gavel:", "violet", "§"),
    },
    DriftLabel: {
        DriftLabel.FAULT: Look("fault of the data", ":material/report:", "red"),
        DriftLabel.MARKET: Look("the market", ":material/trending_down:", "blue"),
        DriftLabel.ACCEPTED: Look("accepted change", ":material/task_alt:", "green"),
    },
    CircuitState: {
        CircuitState.CLOSED: Look("closed", ":material/check_circle:", "green"),
        CircuitState.OPEN: Look("open", ":material/power_off:", "red"),
        CircuitState.HALF_OPEN: Look("probing", ":material/hourglass_top:", "orange"),
    },
}


def look(status: StrEnum) -> Look:
    """Return how a status looks."""
    return LOOKS[type(status)][status]


def mode() -> Literal["light", "dark"]:
    """Return which of the two themes this visitor sees."""
    return "dark" if st.context.theme.type == "dark" else "light"


def hexadecimal(colour: Colour) -> str:
    """Return a colour of the theme that this visitor sees, for a chart."""
    return str(st.get_option(f"theme.{mode()}.{colour}Color"))


def surface(name: Literal["backgroundColor", "secondaryBackgroundColor", "textColor", "borderColor"]) -> str:
    """Return a colour that is not a status, of the theme that this visitor sees."""
    return str(st.get_option(f"theme.{mode()}.{name}"))


def paler(colour: str, share: float) -> str:
    """Return a colour (#rrggbb) of which so much is left over the background: what is half seen through cannot be told from it."""
    below = surface("backgroundColor")
    parts = [share * int(colour[at : at + 2], 16) + (1 - share) * int(below[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(part):02x}" for part in parts)
