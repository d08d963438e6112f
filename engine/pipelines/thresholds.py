"""The thresholds that a run works with, from the changes that the database holds."""

from sqlalchemy import Connection

import engine.alerts.limits
import engine.drift.limits
import engine.lifecycle.limits
import engine.monitoring.deadlines
import engine.stream.log
import engine.stream.processor  # noqa: F401, whose limits are to be among them whoever asks
from engine.thresholds import Thresholds, snapshot
from storage import thresholds


def load(connection: Connection, version: int) -> Thresholds:
    """Return every threshold as it stood after change `version`; a run's is `run["threshold_version"]`."""
    return snapshot(thresholds.values_at(connection, version) if version else {}, version)
