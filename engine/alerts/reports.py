"""The report of success: what the daily run has loaded, for channels that want to hear of it."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from engine.alerts.channels import Channel
from engine.alerts.messages import Message, body, link, marked
from engine.alerts.rule import Look
from engine.pipelines import PIPELINES
from storage import notifications, runs
from storage.status import AlertSeverity, NotificationKind, RunStatus, RunType

FRESH = timedelta(hours=24)  # what succeeded before is no news, to a channel that was added later
LOOKED_AT = 20  # runs: a daily one is among them unless a backfill runs
BY_CLOCK = (RunType.SCHEDULED, RunType.CATCHUP)


def reports(look: Look, named: Mapping[str, Channel]) -> Iterator[tuple[str, Channel, Message]]:
    """Yield reports that were not written yet, each with its key and its channel."""
    wanting = [channel for channel in named.values() if NotificationKind.REPORT in channel.wants]
    if not wanting:
        return
    for pipeline in PIPELINES.values():
        newest = runs.recent(look.connection, pipeline=pipeline.name, statuses=(RunStatus.SUCCEEDED,), limit=LOOKED_AT)
        for run in reversed(newest):  # what ran first is told first
            if run["run_type"] not in BY_CLOCK or run["finished_at"] is None or look.now - run["finished_at"] > FRESH:
                continue
            for channel in wanting:
                if not notifications.has(look.connection, f"{NotificationKind.REPORT}:{run['id']}:{channel.name}"):
                    yield str(run["id"]), channel, _report(look, run)


def _report(look: Look, run: Any) -> Message:
    rows, took = run["rows"], run["duration_us"]
    said = [f"{rows:,} rows" if isinstance(rows, int) else "", f"{took / 1e6:.1f} s" if isinstance(took, int) else ""]
    title = f"{marked(look.runtime)}{run['pipeline']} of {run['partition']} succeeded"
    text = f"Session {run['session_date'] or run['partition']}: {', '.join(filter(None, said))}. {run['reason'] or ''}".strip()
    return Message(AlertSeverity.INFO, title, body(text, link(look.runtime, "run", {"id": str(run["id"])})))
