"""Homes whose stream has come to the end of a session, and versions of it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text

from engine.jobs.worker import Worker
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream import versions
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from engine.stream.work import StreamProcess
from storage import stream_versions
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
