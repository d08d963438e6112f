"""States of the gallery in which something is wrong with operations, and channels were told of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from storage import alerts, notifications, speed_layer
from storage.status import AlertMove
from tests.pages.gallery import LAST, NOW, Store, healthy

CHANNELS = """
[[channel]]
name = "desk"
url = "mailto://desk:hunter2secret@example.com"
quiet = "22:00-06:00"

[[channel]]
name = "boss"
url = "json://example.com/tokentoken"
severity = "error"
"""


def _fires(connection: Any, rule: str, subject: str, title: str, *, hours: int = 1, **values: Any) -> int:
    row = {"rule": rule, "subject": subject, "title": title, "severity": "error", "detail": "As it was found.", "page": "pipelines"}
    number = alerts.add(connection, at=NOW - timedelta(hours=hours), **row | {"query": {}, "members": []} | values)
    assert number is not None
    alerts.add_event(connection, number, AlertMove.FIRED, at=NOW - timedelta(hours=hours), message=title)
    return number


def _told(connection: Any, number: int, channel: str, **values: Any) -> None:
    row = {"channel": channel, "kind": "fired", "severity": "error", "alert_id": number, "title": "Error: it failed", "body": "b"}
    told = notifications.add(connection, key=f"{number} {channel}", at=NOW - timedelta(hours=1), due_at=NOW + timedelta(hours=9), **row)
    table = notifications.notifications
    connection.execute(table.update().where(table.c.id == told).values(values or {"state": "waiting"}))


def alerting(store: Store) -> None:
    """Alerts of every standing, told to channels with every outcome."""
    healthy(store)
    store.runtime.settings.channels_file.write_text(CHANNELS)
    with store.database.transaction() as connection:
        run = {"page": "run", "query": {"id": "1"}}
        failed = _fires(connection, "run_failed", f"daily_prices {LAST}", f"daily_prices of {LAST} failed", **run)
        _told(connection, failed, "desk", state="sent", attempts=1, ended_at=NOW - timedelta(minutes=59))
        refused = "Failed to send: error=403."
        _told(connection, failed, "boss", state="given_up", attempts=8, ended_at=NOW - timedelta(minutes=9), note=refused)
        disk = _fires(connection, "disk_low", "home", "The disk is nearly full")
        alerts.acknowledge(connection, disk, by="a person", at=NOW - timedelta(minutes=5))
        _fires(connection, "circuit_open", "simulated", "Source simulated is left alone", suppressed=2)
        said = {"rule": "circuit_open", "symbol": None, "reason": "it is being mended", "silenced_by": "a person"}
        speed_layer.silence(connection, until=NOW + timedelta(hours=1), silenced_at=NOW, **said)
        many = {"members": ["backup", "drill"], "severity": "warning"}
        _told(connection, _fires(connection, "job_failed", "*", "2 alerts of the rule job failed", **many), "desk")
        over = _fires(connection, "session_late", f"daily_prices {LAST}", f"daily_prices of {LAST} is late", hours=3)
        alerts.change(connection, over, resolved_at=NOW - timedelta(hours=2))


OPERATION_STATES: dict[str, Callable[[Store], None]] = {"alerting": alerting}
