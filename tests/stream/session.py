"""A session of the stream that is worked on in this process, and a tape in which something is wrong in every way."""

import numpy as np
from sqlalchemy import text

from engine.runtime import compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream.logs import log_of
from engine.stream.records import Records
from engine.stream.speed_layer import Session
from engine.stream.ticks import Ticks
from storage import moves, speed_layer
from storage.status import RunStatus
from tests.stream.tapes import DAY, at, limits, symbols, tape


class Stream:
    """A home and one claimed session, worked on in this process."""

    def __init__(self, root, **composed) -> None:
        (root / "source" / "daily").mkdir(parents=True)
        self.runtime = compose(Settings(source=SourceName.FILES, home=root / "home", source_dir=root / "source"), **composed)
        self.services = Services(self.runtime, actor="asha")
        run_id = self.services.start_stream(DAY).run_id
        now = self.runtime.clock.now()
        self.run = moves.claim_one(self.runtime.database, run_id, runner_id="test", at=now, source="files", simulated=False)
        self.session = self.fresh()

    def fresh(self) -> Session:
        session = Session(DAY, log_of(self.runtime), limits(), {"NABIL": 50_000})
        session.restore()
        return session

    def take(self, ticks: Ticks, unread=(), position: str = "1") -> None:
        records = Records(ticks, symbols(), np.full(len(ticks), at(90_000)), unread)
        now = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            self.session.take(connection, self.run, records, at=now, source="test", position=position)

    def end(self) -> None:
        now = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            self.session.close(connection, at=now)
            moves.finish(connection, self.run["id"], RunStatus.SUCCEEDED, at=now, day=DAY, held=self.run["fence"])

    def rows(self, statement: str):
        with self.runtime.database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    @property
    def state(self):
        with self.runtime.database.reading() as connection:
            return speed_layer.state(connection, DAY)


def letter_id(stream, line: int) -> int:
    return next(number for number, at in stream.rows("SELECT id, line FROM dead_letter") if at == line)


MIXED = tape(
    (1, "NABIL", 50_000),
    (100, "NABIL", 50_100),
    (2, "NABIL", 49_000),  # late
    (101, "NICA", 0),  # malformed
    (100, "NABIL", 50_100),  # the second trade again
    (102, "NICA", 70_000),
    sequences=[1, 3, 2, 5, 3, 4],
)
