"""States of the gallery in which sessions were compared with those before them."""

from collections.abc import Callable

from engine.drifting import catch_up
from engine.services import Services
from storage import lake, sessions
from tests.drift.market import day, silver
from tests.pages.gallery import Store

NUMBERS = 90  # sessions: enough for limits that are learnt
DRIFTED = day(NUMBERS - 1)


def compared(store: Store, number: int, **newest: float) -> None:
    """Accept sessions of a made-up market and compare them; the newest one is changed."""
    at = store.runtime.clock.now()
    for each in range(number):
        table = silver(each, **(newest if each == number - 1 else {}))
        version = store.runtime.lake.write("silver", day(each), lake.table_content(table))
        with store.database.transaction() as connection:
            lake.publish(connection, version, run_id=1, at=at, simulated=True)
            facts = {"rows": table.num_rows, "trades": 1, "volume": 1, "turnover_paisa": 1, "layout": "v3_24col", "file_date": day(each)}
            where = {"silver_path": version.path, "gold_path": None, "state_digest": None, "booked_by": None}
            sessions.accept(connection, session=day(each), run_id=1, source="simulated", simulated=True, accepted_at=at, **facts, **where)
    catch_up(store.runtime)


def drift_begins(store: Store) -> None:
    """Too few sessions to compare with."""
    store.runner()
    compared(store, 6)


def drift_uncalibrated(store: Store) -> None:
    """Enough to compare with, too few to learn limits from."""
    store.runner()
    compared(store, 40)


def drifting(store: Store) -> None:
    """The newest session has closes off the tick grid, and nobody has spoken about it."""
    store.runner()
    compared(store, NUMBERS, off_grid=0.8)


def drift_labelled(store: Store) -> None:
    """A person has said what the alarm was."""
    drifting(store)
    Services(store.runtime, actor="asha").label_drift(DRIFTED, "market", reason="seen before")


DRIFT_STATES: dict[str, Callable[[Store], None]] = {
    state.__name__: state for state in (drift_begins, drift_uncalibrated, drifting, drift_labelled)
}
