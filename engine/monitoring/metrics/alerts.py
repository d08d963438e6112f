"""Alerts: those of operations, and what trades broke."""

from collections.abc import Iterator

from engine.monitoring.family import Facts, Sample, family
from storage import alert_list, alerts
from storage.alert_list import AlertFilter
from storage.status import AlertSeverity, AlertStanding


@family("nepse_stream_alerts_by_standing", "standing")
def _standing(facts: Facts) -> Iterator[Sample]:
    """Alerts of the stream (trades that broke a rule) by where they stand; those of operations are nepse_alerts_firing."""
    counts = alert_list.counts(facts.connection, AlertFilter(), at=facts.now)
    for standing in AlertStanding:
        yield (standing,), counts.get(standing, (0, 0))[0]


@family("nepse_alerts_firing", "severity")
def _firing(facts: Facts) -> Iterator[Sample]:
    """Alerts of operations (runs, sessions, sources, this machine) that fire, by severity; what trades broke are stream alerts."""
    counts = alerts.count_open(facts.connection)
    for severity in AlertSeverity:
        yield (severity,), counts.get(severity, 0)
