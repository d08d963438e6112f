"""A session computed anew from its log lies beside what is served; people compare, promote, take back, drop."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from engine.jobs.worker import Worker
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream import versions
from engine.stream.alert_diff import Side
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from engine.stream.version_diff import Part
from engine.stream.work import StreamProcess
from storage import speed_layer, stream_versions
from storage.status import RunStatus
from tests.stream.sheets import source_folder
from tests.stream.tapes import DAY, random_tape

LIMIT = "stream.moving_average.alert_above"
TABLES = {
    "bars": "SELECT * FROM tick_bar ORDER BY session, symbol, start_us, revision",
    "days": "SELECT * FROM tick_day ORDER BY session, symbol",
    "alerts": "SELECT * FROM tick_alert ORDER BY key",
    "letters": "SELECT line, reason, state, message, raw, decided_by, note FROM dead_letter ORDER BY partition, line",
    "state": "SELECT * FROM stream_state ORDER BY session",
}
TICKS = random_tape(7, 4000, seconds=3600)


@dataclass
class Home:
    """A home whose stream has worked on a session to its end."""

    runtime: Runtime

    @property
    def services(self) -> Services:
        return Services(self.runtime, actor="asha")

    def stream(self, day: date = DAY) -> None:
        run_id = self.services.start_stream(day).run_id
        process = StreamProcess(self.runtime, log_of(self.runtime), lambda speed: ticks_of(self.runtime, speed=speed))
        assert process.serve(run_id) is RunStatus.SUCCEEDED

    def rebuild(self, day: date = DAY, **turned: float) -> int:
        """Have a version built by the job, as a runner does, and return its number."""
        asked = self.services.rebuild_sessions(day, day, turned={LIMIT: turned["limit"]} if turned else {}, reason="to see")
        Worker(self.runtime).serve()
        return asked.version

    def served(self) -> dict[str, list[Any]]:
        return {name: self.rows(statement) for name, statement in TABLES.items()}

    def rows(self, statement: str) -> list[Any]:
        with self.runtime.database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def compared(self, version: int, day: date = DAY) -> Any:
        with self.runtime.database.reading() as connection:
            return versions.comparison(connection, version, day)

    def state_of(self, version: int) -> Any:
        with self.runtime.database.reading() as connection:
            return stream_versions.one(connection, version)


def opened(root, ticks=TICKS) -> Home:
    source = source_folder(root / "source", ticks)
    return Home(compose(Settings(source=SourceName.FILES, home=root / "home", source_dir=source, backup_minutes=0)))


@pytest.fixture
def home(tmp_path):
    made = opened(tmp_path)
    made.services.set_threshold(LIMIT, 2, reason="many alerts")
    made.stream()
    yield made
    made.runtime.database.close()


def test_the_same_code_and_thresholds_come_to_the_same_and_nothing_served_is_touched(home):
    before = home.served()

    version = home.rebuild()

    found = home.compared(version)
    assert found.equal
    assert {part: counts.equal for part, counts in found.counts.items()} == {
        Part.BARS: len(before["bars"]),
        Part.DAYS: 4,
        Part.ALERTS: len(before["alerts"]),
        Part.LETTERS: 0,
    }
    assert len(before["alerts"]) > 20
    assert home.served() == before


def test_other_thresholds_say_which_alerts_would_be_others_and_why(home):
    version = home.rebuild(limit=4)

    found = home.compared(version)
    assert (found.counts[Part.BARS].different, found.counts[Part.DAYS].different) == (0, 0)
    assert found.counts[Part.ALERTS].only_a > 0
    gone = next(one for one in found.differences if one.side is Side.ONLY_A and "score" in one.said)
    assert gone.said.endswith("is not above 4, the limit in B")


def test_a_promoted_version_is_what_every_reader_sees_and_can_be_taken_back(home):
    before = home.served()
    version = home.rebuild(limit=4)

    assert home.services.promote_version(version) == f"Version {version} is served."
    promoted = home.served()
    assert len(promoted["alerts"]) != len(before["alerts"])
    assert (promoted["bars"], promoted["days"]) == (before["bars"], before["days"])
    with home.runtime.database.reading() as connection:
        state = speed_layer.state(connection, DAY)
        assert (state["version"], state["alerts"]) == (version, len(promoted["alerts"]))
        assert versions.limits_of(connection, state)[LIMIT] == 4

    home.services.undo_version(version)
    assert home.served() == before
    home.services.promote_version(version)
    assert home.served() == promoted
