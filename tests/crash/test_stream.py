"""Whatever kills the stream's process, and whenever: each record is in the log once, and what follows from it is there once."""

import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.pipeline.rescue import Rescuer
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream import work
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from storage import runs
from storage.status import RunStatus
from tests.crash.stream_worker import work_on
from tests.forked import PROCESSES
from tests.stream.sheets import source_folder
from tests.stream.tapes import DAY, random_tape

RECORDS = 12_000
TABLES = {
    "tick_bar": "SELECT * FROM tick_bar ORDER BY symbol, start_us, revision",
    "tick_day": "SELECT * FROM tick_day ORDER BY symbol",
    "tick_alert": "SELECT * FROM tick_alert ORDER BY key",
    "dead_letter": "SELECT line, reason, symbol, raw FROM dead_letter ORDER BY line",
    "stream_state": "SELECT records, accepted, aside, missing, watermark_us, bars, alerts, suppressed FROM stream_state",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return source_folder(tmp_path_factory.mktemp("ticks") / "source", random_tape(7, RECORDS, seconds=4 * 3600))


def home_of(folder: Path, source: Path) -> Settings:
    return Settings(source=SourceName.FILES, home=folder, source_dir=source, backup_minutes=0)


def begun(settings: Settings) -> tuple[Runtime, int]:
    runtime = compose(settings)
    services = Services(runtime, actor="test")
    services.set_threshold("stream.moving_average.alert_above", 0.5, reason="many alerts")
    return runtime, services.start_stream(DAY).run_id


def run_once(settings: Settings, run_id: int, dies_at: int | None = None, point: str = "before", *, batch: int = 500) -> int | None:
    process = PROCESSES.Process(target=work_on, args=(settings, run_id, dies_at, point, batch))
    process.start()
    process.join(120)
    return process.exitcode


def contents(runtime: Runtime) -> dict[str, list[Any]]:
    with runtime.database.reading() as connection:
        found = {name: [tuple(row) for row in connection.execute(text(query))] for name, query in TABLES.items()}
    log = log_of(runtime)
    records = log.read(DAY, 0, RECORDS * 2).records
    names = records.symbols.names
    columns = (records.ticks.contract, records.ticks.time, records.ticks.quantity, records.ticks.rate)
    found["log"] = [*zip(*(column.tolist() for column in columns), [names[code] for code in records.ticks.symbol.tolist()], strict=True)]
    return found


@pytest.fixture(scope="module")
def undisturbed(source, tmp_path_factory) -> dict[str, list[Any]]:
    settings = home_of(tmp_path_factory.mktemp("undisturbed"), source)
    runtime, run_id = begun(settings)
    assert run_once(settings, run_id) == 0
    found = contents(runtime)
    runtime.database.close()
    return found


def test_an_undisturbed_session_has_every_trade_once(undisturbed):
    assert len(undisturbed["log"]) == RECORDS
    assert len(set(undisturbed["log"])) == RECORDS
    assert len(undisturbed["tick_alert"]) > 20


def test_a_session_that_is_over_is_one_file_of_the_lake(source, tmp_path):
    settings = home_of(tmp_path / "home", source)
    runtime, run_id = begun(settings)
    assert run_once(settings, run_id, batch=RECORDS) == 0

    with runtime.database.reading() as connection:
        blocks = connection.execute(text("SELECT count(*) FROM tick_segment")).scalar_one()
        rows = connection.execute(text("SELECT rows FROM lake_file WHERE dataset = 'ticks'")).scalars().all()

    assert (blocks, rows) == (0, [RECORDS])
    assert len(contents(runtime)["log"]) == RECORDS
    runtime.database.close()


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.long)])
def test_kills_before_and_behind_commits_leave_what_an_undisturbed_session_leaves(kills, undisturbed, source, tmp_path):
    settings = home_of(tmp_path / "home", source)
    runtime, run_id = begun(settings)
    draw = random.Random(kills)  # noqa: S311, seeded so that a failure can be seen again
    rescuer = Rescuer(runtime, "test")

    done = 0
    while done < kills:
        # Early, and in small batches: the session shall not end before the kills do.
        deadly = draw.randint(2, 6)  # the first registers the process, the second claims the run, the third begins
        code = run_once(settings, run_id, deadly, draw.choice(["before", "after"]), batch=RECORDS // (kills * 3))
        assert code == -9, f"process {done} ended with {code}"
        done += 1
        rescuer.rescue()
        wake(runtime, run_id)
    assert run_once(settings, run_id) == 0

    with runtime.database.reading() as connection:
        assert runs.one(connection, run_id)["status"] == RunStatus.SUCCEEDED
    assert contents(runtime) == undisturbed
    runtime.database.close()


def wake(runtime: Runtime, run_id: int) -> None:
    """Let a session that was rescued several times in a row be claimed at once."""
    with runtime.database.transaction() as connection:
        connection.execute(text("UPDATE run SET available_at = 0 WHERE id = :id"), {"id": run_id})


def test_a_process_that_was_taken_over_commits_nothing(source, tmp_path, monkeypatch):
    settings = home_of(tmp_path / "home", source)
    runtime, run_id = begun(settings)
    monkeypatch.setattr(work, "MOST", 500)
    real, seen = work.StreamWork._commit, []

    def taken_over(self, session, records, position):
        if len(seen) == 3:
            with runtime.database.transaction() as connection:  # as a rescuer does while this process is stopped
                connection.execute(text("UPDATE run SET fence = fence + 1 WHERE id = :id"), {"id": run_id})
            seen.append(contents(runtime))
        real(self, session, records, position)
        seen.append(session.records)

    monkeypatch.setattr(work.StreamWork, "_commit", taken_over)

    assert work.StreamProcess(runtime, log_of(runtime), lambda speed: ticks_of(runtime, speed=speed)).serve(run_id) is None
    assert seen[:3] == [500, 1000, 1500]
    assert contents(runtime) == seen[3]
    runtime.database.close()
