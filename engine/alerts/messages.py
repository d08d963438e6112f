"""What channels are told, in words."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from engine.alerts.rule import Firing
from engine.clock import NEPAL
from engine.runtime import Runtime
from storage.status import AlertSeverity, NotificationKind

SHOWN = 1_500  # characters of a body: some services cut at 2,000
_WORDS = {NotificationKind.RESOLVED: "Resolved", NotificationKind.ESCALATED: "Nobody has acknowledged"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as it is sent."""

    severity: AlertSeverity
    title: str
    body: str


def message_of(runtime: Runtime, firing: Firing, kind: NotificationKind, *, since: datetime, at: datetime) -> Message:
    """Return what is said of an alert."""
    word = _WORDS.get(kind, firing.severity.value.capitalize())
    times = f"Since {_stamp(since)}" + (f", until {_stamp(at)}" if kind is NotificationKind.RESOLVED else "") + " Nepal time."
    return Message(
        firing.severity, f"{marked(runtime)}{word}: {firing.title}", body(firing.detail, times, link(runtime, firing.page, firing.query))
    )


def body(*parts: str) -> str:
    """Return paragraphs of a message; the first is cut where it is long."""
    first = parts[0] if len(parts[0]) <= SHOWN else parts[0][: SHOWN - 1] + "…"
    return "\n".join((first, *parts[1:]))


def link(runtime: Runtime, page: str, query: object = None) -> str:
    """Return the address of a page of the console."""
    asked = f"?{urlencode(query)}" if isinstance(query, dict) and query else ""
    return f"{runtime.settings.address}/{page}{asked}"


def marked(runtime: Runtime) -> str:
    """Return what stands before a title: whether the data are made up."""
    return "[simulated] " if runtime.simulated else ""


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(NEPAL):%Y-%m-%d %H:%M}"
