"""Gold of a session out of the carried feature state, and of every later session when an earlier one changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from engine.features.indicators import step
from engine.features.state import FeatureState
from engine.pipeline.context import StageContext
from storage import lake, sessions
from storage.lake import Version

GOLD, STATE, SILVER = "gold", "feature_state", "silver"
MOST_REPLAYED = 64  # sessions; the state is stored once a week, so a longer replay means that stored states were lost


@dataclass(frozen=True, slots=True)
class Carried:
    """The gold of one session, and the digest of the feature state after it."""

    session: date
    gold: Version
    digest: str


def carry_forward(context: StageContext, session: date, silver: pa.Table | None) -> Iterator[Carried]:
    """Publish gold of `session` and of each later session that changes with it; `silver` None takes the session out.

    Stops at the first later session after which the state is what it was: what follows cannot differ.
    """
    before = context.query(sessions.trailing, session, limit=MOST_REPLAYED)
    state = _state_before(context, before)
    previous = before[0]["session"] if before else None
    if silver is not None:
        state, carried = _publish(context, state, session, silver, previous)
        previous = session
        yield carried
    for later in context.query(sessions.after, session):
        state, carried = _publish(context, state, later["session"], context.table(later["silver_path"]), previous)
        previous = later["session"]
        same = (carried.gold.path, carried.digest) == (later["gold_path"], later["state_digest"])
        if not same:
            yield carried
        elif silver is not None:
            return


def _publish(
    context: StageContext, state: FeatureState, session: date, silver: pa.Table, previous: date | None
) -> tuple[FeatureState, Carried]:
    state, gold = step(state, silver)
    version, _ = context.publish_table(GOLD, session, gold)
    digest = state.digest()
    context.cache.put(digest, state)
    if previous is None or previous.isocalendar()[:2] != session.isocalendar()[:2]:
        context.publish_table(STATE, session, state.to_table())
    elif context.query(lake.current, STATE, session) is not None:
        context.withdraw(STATE, session)  # it was the first of its week until an earlier one came
    return state, Carried(session, version, digest)


def _state_before(context: StageContext, newest_first: list[Any]) -> FeatureState:
    """Return the state after the newest of the sessions, from memory, or replayed from the nearest one that is stored."""
    replay: list[str] = []
    for row in newest_first:
        state: FeatureState | None = context.cache.get(row["state_digest"])
        if state is None and (version := context.query(lake.current, STATE, row["session"])) is not None:
            state = FeatureState.from_table(context.table(version.path))
        if state is not None:
            return _replayed(context, state, replay)
        replay.append(row["silver_path"])
    return _replayed(context, FeatureState.empty(), replay)


def _replayed(context: StageContext, state: FeatureState, newest_first: list[str]) -> FeatureState:
    for path in reversed(newest_first):
        state, _ = step(state, context.table(path))
    return state
