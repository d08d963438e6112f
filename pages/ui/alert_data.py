"""Reads of the stream's alerts and of the silences over them; nothing here writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import engine.runtime
from engine.pipelines.thresholds import load
from engine.stream.rules import WINDOW
from pages.ui import data
from pages.ui.shared import shared
from pages.ui.views import View
from storage import alert_list, speed_layer
from storage.alert_list import AlertFilter
from storage.status import AlertStanding

PAGE = 50
MOST_MEMBERS = 200


@dataclass(frozen=True, slots=True)
class AlertView(View):
    """One alert; times of the market in microseconds since 1970, UTC."""

    key: str
    session: date
    rule: str
    symbol: str
    standing: AlertStanding
    began_us: int
    fired_us: int
    resolved_us: int | None
    score: float
    bound: float
    contract: int
    rate_paisa: int
    suppressed: int
    market_key: str | None
    members: int
    acknowledged_by: str | None
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True)
class SilenceView(View):
    """One silence."""

    id: int
    rule: str | None
    symbol: str | None
    until: datetime
    reason: str
    silenced_by: str
    silenced_at: datetime
    lifted_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Say whether it is not over."""
        return self.lifted_at is None and self.until > now


@shared(seconds=data.LIVE, entries=200)
def page(chosen: AlertFilter, *, before: str | None = None, limit: int = PAGE) -> tuple[AlertView, ...]:
    """Return one page of the alerts that match, newest first; the next one lies before its last key."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        found = alert_list.page(connection, chosen, at=runtime.clock.now(), before=before, limit=limit)
        return tuple(AlertView.of(row) for row in found)


@shared(seconds=data.LIVE, entries=200)
def rows_of(keys: tuple[str, ...]) -> tuple[AlertView, ...]:
    """Return these alerts as they are now, in this order."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        return tuple(AlertView.of(row) for row in alert_list.by_keys(connection, keys, at=runtime.clock.now()))


@shared(seconds=data.LIVE, entries=50)
def members(key: str) -> tuple[AlertView, ...]:
    """Return the alerts that belong to one of the whole market, newest first."""
    runtime = engine.runtime.runtime()
    now = runtime.clock.now()
    with runtime.database.reading() as connection:
        market = speed_layer.alert(connection, key)
        found = () if market is None else alert_list.members_of(connection, market, at=now, limit=MOST_MEMBERS)
        return tuple(AlertView.of(row) for row in found)


@shared(seconds=data.CALM, entries=100)
def counts(chosen: AlertFilter) -> Mapping[AlertStanding, tuple[int, int]]:
    """Return how many of these alerts there are of each standing, and how often those were kept quiet."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        return alert_list.counts(connection, chosen, at=runtime.clock.now())


@shared(seconds=data.LIVE, entries=4)
def silences() -> tuple[SilenceView, ...]:
    """Return the newest silences first, those that are over too."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(SilenceView.of(row) for row in alert_list.silences_of(connection))


@shared(seconds=60, entries=100)
def window_seconds(session: date) -> int:
    """Return how far back the averages of a session reached, by the thresholds that it was worked on with."""
    with engine.runtime.runtime().database.reading() as connection:
        state = speed_layer.state(connection, session)
        return int(load(connection, state["thresholds"] if state is not None else 0)[WINDOW.key])
