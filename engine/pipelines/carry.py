"""Gold of a session out of the carried feature state, and of every later session when an earlier one changes or goes.

A session whose row has no digest of its state waits: its gold is of another past, and its next carry mends it (`behind.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Protocol

import pyarrow as pa

from engine.features.indicators import step
from engine.features.state import FeatureState
from engine.pipeline.context import StageContext, TableCache
from storage import backfills, lake, sessions
from storage.lake import Version

GOLD, STATE, SILVER = "gold", "feature_state", "silver"
MOST_REPLAYED = 64  # sessions; the state is stored once a week, so that a longer replay is needed only where stored states were lost
EVERY = 1_000_000
LONGEST = timedelta(minutes=10)  # of a carry: a slow disk, and all sessions since the first
DAY = timedelta(days=1)
NEVER_ENDS = date.max


@dataclass(frozen=True, slots=True)
class Carried:
    """The gold of one session, and the digest of the feature state after it."""

    session: date
    gold: Version
    digest: str


def carry_forward(context: StageContext, changes: Mapping[date, pa.Table | None]) -> tuple[Carried, ...]:
    """Publish gold of each changed session and of the later ones that change with it; a session without a table is taken out.

    All changes of a run go through one call: each must see the others. It begins where sessions wait already, and stops at the first one
    behind all of these after which the state is what it was: what follows cannot differ. Within a backfill it stops before the date that
    is run next, which goes on from there; what lies behind waits. Until its run accepts it, all of what is published here waits too.
    """
    first, newest = _beginning(context, min(changes))
    state = state_before(context, newest) if newest else FeatureState.empty()
    previous = newest["session"] if newest else None
    end = _end(context)
    accepted = {row["session"]: row for row in context.query(sessions.between, first, end)}
    last = max(changes.keys() | {session for session, row in accepted.items() if row["state_digest"] is None})
    carried: list[Carried] = []
    since, until = None, NEVER_ENDS  # of the sessions whose gold is not what it was
    for session in sorted(accepted.keys() | changes.keys()):
        known = accepted.get(session)
        silver = changes[session] if session in changes else context.table(accepted[session]["silver_path"])
        if silver is None:
            since = since or session
            continue
        state, made = _publish(context, state, session, silver, previous)
        previous = session
        same = known is not None and (made.gold.path, made.digest) == (known["gold_path"], known["state_digest"])
        since = since or (None if same else session)
        over = same and session >= last
        if session in changes or (since is not None and not over):
            carried.append(made)
        if over:
            until = session - DAY
            break
    if since is not None:
        context.commit_with(partial(sessions.leave_behind, since=since, until=until))
    return tuple(carried)


def _beginning(context: StageContext, first: date) -> tuple[date, Mapping[str, Any] | None]:
    """Return the first session to compute, for a change of `first`, and the one before it: none that waits."""
    newest = context.query(sessions.last_before, first)
    while newest is not None and newest["state_digest"] is None:
        first = newest["session"]
        newest = context.query(sessions.last_before, first)
    return first, newest


def _end(context: StageContext) -> date:
    """Return the last date that this run has to carry to: the next date of its backfill goes on behind it."""
    backfill_id = context.run["backfill_id"]
    if backfill_id is None:
        return NEVER_ENDS
    following: date | None = context.query(backfills.next_date, backfill_id, context.run["pipeline"], context.day)
    return NEVER_ENDS if following is None else following - DAY


def begins_week(session: date, previous: date | None) -> bool:
    """Say whether a session is the first of its (ISO) week in the lake: the state behind such a one is stored."""
    return previous is None or previous.isocalendar()[:2] != session.isocalendar()[:2]


def _publish(
    context: StageContext, state: FeatureState, session: date, silver: pa.Table, previous: date | None
) -> tuple[FeatureState, Carried]:
    state, gold = step(state, silver)
    version, _ = context.publish_table(GOLD, session, gold)
    digest = state.digest()
    context.cache.put(digest, state)
    if begins_week(session, previous):
        context.publish_table(STATE, session, state.to_table())
    elif context.query(lake.current, STATE, session) is not None:
        context.withdraw(STATE, session)  # it was the first of its week until an earlier one came
    return state, Carried(session, version, digest)


class Past(Protocol):
    """What is read to know the past: a stage's context, or a look from outside."""

    @property
    def cache(self) -> TableCache:
        """What this process remembers."""
        ...

    def query(self, read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a read of `storage`."""
        ...

    def table(self, path: str) -> pa.Table:
        """Return a table of the lake."""
        ...


def state_before(context: Past, newest: Mapping[str, Any]) -> FeatureState:
    """Return the state after an accepted session, from memory, or replayed from the nearest one that is stored."""
    remembered: FeatureState | None = context.cache.get(newest["state_digest"])
    if remembered is not None:
        return remembered
    following = newest["session"] + timedelta(days=1)
    newest_first = context.query(sessions.trailing, following, limit=MOST_REPLAYED)
    replay: list[str] = []
    for row in newest_first:
        state: FeatureState | None = context.cache.get(row["state_digest"])
        if state is None and (version := context.query(lake.current, STATE, row["session"])) is not None:
            stored = FeatureState.from_table(context.table(version.path))
            # A run that was stopped before its session was accepted may have left a state that no accepted session has.
            state = stored if stored.digest() == row["state_digest"] else None
        if state is not None:
            return _replayed(context, state, replay)
        replay.append(row["silver_path"])
    if len(newest_first) == MOST_REPLAYED:
        replay = [row["silver_path"] for row in context.query(sessions.trailing, following, limit=EVERY)]
    return _replayed(context, FeatureState.empty(), replay)


def _replayed(context: Past, state: FeatureState, newest_first: list[str]) -> FeatureState:
    for path in reversed(newest_first):
        state, _ = step(state, context.table(path))
    return state
