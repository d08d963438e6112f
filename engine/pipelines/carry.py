"""Gold of a session out of the carried feature state, and of every later session when an earlier one changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from engine.features.indicators import step
from engine.features.state import FeatureState
from engine.pipeline.context import StageContext
from storage import lake, sessions
from storage.lake import Version

GOLD, STATE, SILVER = "gold", "feature_state", "silver"
KEPT_STATES = 5  # newest states that are kept whole; of older ones the last of each month is


@dataclass(frozen=True, slots=True)
class GoldVersion:
    """The gold of one session and whether it is new."""

    session: date
    version: Version
    new: bool


def carry_forward(context: StageContext, session: date, silver: pa.Table | None) -> Iterator[GoldVersion]:
    """Publish gold of `session` and of each later session that changes with it; `silver` None takes the session out.

    Stops at the first later session that comes out as it was: what follows cannot differ.
    """
    state = _state_before(context, session)
    if silver is not None:
        state, version, _ = _publish(context, state, session, silver)
        yield version
    for later in context.query(sessions.after, session):
        state, version, same_state = _publish(context, state, later["session"], context.table(later["silver_path"]))
        if same_state and not version.new:
            return
        yield version


def _publish(context: StageContext, state: FeatureState, session: date, silver: pa.Table) -> tuple[FeatureState, GoldVersion, bool]:
    state, gold = step(state, silver)
    version, new = context.publish_table(GOLD, session, gold)
    stored, new_state = context.publish_table(STATE, session, state.to_table())
    context.cache.put(f"state of {stored.path}", state)
    _thin_out(context, session)
    return state, GoldVersion(session, version, new), not new_state


def _thin_out(context: StageContext, session: date) -> None:
    """Keep the newest states and the last of each month: any other is replayed from those in milliseconds."""
    older = [row["session"] for row in context.query(sessions.trailing, session, limit=KEPT_STATES)]
    if len(older) == KEPT_STATES and older[-1].month == older[-2].month:
        context.withdraw(STATE, older[-1])


def _state_before(context: StageContext, session: date) -> FeatureState:
    """Return the state after the newest accepted session before `session`, replayed from the nearest one that is kept."""
    replay: list[str] = []
    for row in context.query(sessions.trailing, session, limit=64):
        version = context.query(lake.current, STATE, row["session"])
        if version is not None:
            state: FeatureState | None = context.cache.get(f"state of {version.path}")
            state = state or FeatureState.from_table(context.table(version.path))
            return _replayed(context, state, replay)
        replay.append(row["silver_path"])
    return _replayed(context, FeatureState.empty(), replay)


def _replayed(context: StageContext, state: FeatureState, newest_first: list[str]) -> FeatureState:
    for path in reversed(newest_first):
        state, _ = step(state, context.table(path))
    return state
