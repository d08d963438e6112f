"""How sessions differ from those before them."""

from collections.abc import Iterator

from engine.alerts.rules import LOOK_BACK
from engine.clock import nepal_date
from engine.monitoring.family import Facts, Sample, family
from storage import drift
from storage.status import DriftCause


@family("nepse_drift_sessions_compared")
def _compared(facts: Facts) -> Iterator[Sample]:
    """Sessions that have been compared with those before them, and need not be anew."""
    yield (), sum(facts.drift.values())


@family("nepse_drift_sessions", "cause")
def _drifted(facts: Facts) -> Iterator[Sample]:
    """Compared sessions with something beyond its limit, by what each is taken for: alarm (a person is to look), regime, declared."""
    for cause in DriftCause:
        yield (cause,), facts.drift.get(cause, 0)


@family("nepse_drift_open_alarms")
def _open_alarms(facts: Facts) -> Iterator[Sample]:
    """Sessions of the last 30 days that are an alarm, and of which nobody has said what it was."""
    today = nepal_date(facts.now)
    yield (), len(drift.open_alarms(facts.connection, today - LOOK_BACK, today))


@family("nepse_drift_newest_beyond_limit", "cause")
def _drift_now(facts: Facts) -> Iterator[Sample]:
    """Statistics of the newest compared session that lie beyond their limit, by what the session is taken for."""
    for newest in drift.newest(facts.connection, limit=1):
        for cause in DriftCause:
            yield (cause,), newest["alarms"] if newest["cause"] == cause else 0
