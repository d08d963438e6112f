"""What a session comes to that has no good end, and which session a command means."""

import gzip
from datetime import date, timedelta

import pytest

from engine.errors import Conflict, SourceUnavailable, UsageError
from engine.runtime import compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream import following, work
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from engine.stream.work import StreamProcess
from storage import costs, metrics, runs, sessions, speed_layer
from storage.status import CostPurpose, CostWork, RunStatus
from tests.stream.sheets import source_folder
from tests.stream.tapes import DAY, random_tape

OTHER = date(2024, 7, 16)


@pytest.fixture
def home(tmp_path):
    source = source_folder(tmp_path / "source", random_tape(1, 200))
    runtime = compose(Settings(source=SourceName.FILES, home=tmp_path / "home", source_dir=source, backup_minutes=0))
    yield runtime
    runtime.database.close()


def worked(runtime, day):
    run_id = Services(runtime, actor="asha").start_stream(day).run_id
    StreamProcess(runtime, log_of(runtime), lambda speed: ticks_of(runtime, speed=speed)).serve(run_id)
    with runtime.database.reading() as connection:
        return runs.one(connection, run_id)


def test_a_file_under_the_name_of_another_session_fails_before_anything_is_stored_and_can_be_mended(home):
    sheet = home.settings.source_dir / "floorsheet" / f"{DAY}.csv.gz"
    wrong = sheet.rename(sheet.with_name(f"{OTHER}.csv.gz"))

    run = worked(home, OTHER)

    assert run["status"] == RunStatus.FAILED
    assert f"holds the trades of {DAY}, not those of {OTHER}" in run["reason"]
    assert log_of(home).state(OTHER).records == 0
    wrong.rename(sheet)
    assert worked(home, DAY)["status"] == RunStatus.SUCCEEDED


def test_a_session_that_is_stopped_leaves_every_day_as_its_records_make_it(home, monkeypatch):
    services, commit, sizes = Services(home, actor="asha"), work.StreamWork._commit, []

    def stopped_at_the_third(self, session, records, position):
        commit(self, session, records, position)
        sizes.append(session.records)
        if len(sizes) == 3:
            services.stop_stream(DAY)

    monkeypatch.setattr(work, "MOST", 40)
    monkeypatch.setattr(work.StreamWork, "_commit", stopped_at_the_third)

    run = worked(home, DAY)

    with home.database.reading() as connection:
        trades = sum(day["trades"] for day in speed_layer.days_of(connection, DAY))
        state = speed_layer.state(connection, DAY)
    assert (run["status"], state["records"]) == (RunStatus.CANCELLED, 120)
    assert trades == state["accepted"] - state["held"] > 0


def test_a_session_is_charged_for_its_process_and_its_log(home):
    first = worked(home, DAY)
    with home.database.reading() as connection:
        charged = costs.one(connection, CostWork.SESSION, first["id"])
        state = speed_layer.state(connection, DAY)

    assert (charged["session"], charged["status"], charged["purpose"]) == (DAY, "succeeded", CostPurpose.FIRST)
    assert charged["rows"] == state["accepted"] > 0
    assert charged["cpu_us"] == first["cpu_us"] > 0
    assert min(charged["bytes_written"], charged["memory_kib_us"], charged["compute_nano"], charged["storage_nano"]) > 0


def test_a_session_that_failed_or_was_cancelled_after_it_began_is_charged_too(home):
    failed = worked(home, OTHER)
    services = Services(home, actor="asha")
    began = services.start_stream(DAY).run_id
    process = StreamProcess(home, log_of(home), lambda speed: ticks_of(home, speed=speed))
    process.stopping.set()
    process.serve(began)
    services.stop_stream(DAY)
    with home.database.reading() as connection:
        found = [costs.one(connection, CostWork.SESSION, run_id) for run_id in (failed["id"], began)]

    assert [(row["status"], row["compute_nano"] > 0) for row in found] == [("failed", True), ("cancelled", True)]


def test_a_session_without_a_record_is_no_success(home, monkeypatch):
    simulated = compose(Settings(home=home.settings.home.with_name("simulated"), backup_minutes=0, tick_speed="max"))

    run = worked(simulated, date(2025, 6, 7))  # a Saturday

    assert (run["status"], run["reason"]) == (
        RunStatus.FAILED,
        "the source has not one record of 2025-06-07; was the exchange closed?",
    )
    simulated.database.close()


def test_a_command_without_a_session_means_the_one_that_is_worked_on(home):
    services = Services(home, actor="asha")
    worked(home, DAY)
    assert following.worked_on(home) == DAY

    services.start_stream(OTHER)
    assert following.worked_on(home) == OTHER
    services.start_stream(OTHER - timedelta(days=1))

    with pytest.raises(UsageError, match="say which with --session"):
        following.worked_on(home)


def test_a_run_of_the_stream_is_not_run_again_as_a_daily_one(home):
    run = worked(home, DAY)

    with pytest.raises(Conflict, match=f"stream start --session {DAY}"):
        Services(home, actor="asha").rerun(run["id"])


def test_a_close_that_is_not_of_the_session_before_is_no_previous_close(home):
    columns = {"session": [OTHER], "symbol": ["NABIL"], "close_paisa": [50_000], "previous_close_paisa": [49_000]}
    with home.database.transaction() as connection:
        sessions.serve(connection, OTHER, columns)

    with home.database.reading() as connection:
        found = [sessions.previous_closes(connection, DAY, before=before) for before in (OTHER, OTHER + timedelta(days=1))]
        own = sessions.previous_closes(connection, OTHER, before=OTHER - timedelta(days=1))

    assert found == [{"NABIL": 50_000}, {}]
    assert own == {"NABIL": 49_000}


def test_a_session_that_is_over_measures_what_was_set_aside_and_how_its_symbols_days_lie(home):
    sheet = home.settings.source_dir / "floorsheet" / f"{DAY}.csv.gz"
    sheet.write_bytes(gzip.compress(gzip.decompress(sheet.read_bytes()) + b"no trade at all\n"))
    run = worked(home, DAY)

    with home.database.reading() as connection:
        measured = {(row["stage"], row["name"]): row["value"] for row in metrics.of_run(connection, run["id"])}
        traded = sorted(day["trades"] for day in speed_layer.days_of(connection, DAY))
        state = speed_layer.state(connection, DAY)
    assert state["records"] == 201
    assert measured["aside", "share"] == pytest.approx(100 / 201)
    assert measured["", "trades_a_symbol_p50"] == traded[(len(traded) + 1) // 2 - 1]
    assert measured["", "volume_a_symbol_p05"] <= measured["", "volume_a_symbol_p95"]
    assert ("", "log_return_p50") not in measured  # no close before is known here


class Away:
    """A source that does not answer."""

    name, simulated, continuous = "redis", False, True

    def open(self, *_):
        raise SourceUnavailable("Redis does not answer: Connection refused.")


def test_a_session_whose_source_is_away_for_long_stops_when_it_is_asked_to(home, monkeypatch):
    services = Services(home, actor="asha")
    run_id = services.start_stream(DAY).run_id
    monkeypatch.setattr(work, "PATIENCE", (300.0, 300.0))
    noted = []

    def stop_at_the_first_note(self, what):
        noted.append(what)
        services.stop_stream(DAY)

    monkeypatch.setattr(work.StreamWork, "note", stop_at_the_first_note)

    assert StreamProcess(home, log_of(home), lambda _: Away()).serve(run_id) is RunStatus.CANCELLED
    assert noted == ["Redis does not answer: Connection refused. Asked again in 300 s."]


def test_a_source_that_gives_ticks_as_they_come_has_no_speed(home):
    services = Services(home, actor="asha")
    services.start_stream(DAY, speed=60)
    with home.database.transaction() as connection:
        speed_layer.change(connection, DAY, source="redis")

    assert following.told(following.status(home, DAY))["speed"] == "as they come"
    with pytest.raises(Conflict, match="redis gives ticks as they come: there is no speed to set"):
        services.set_stream_speed(DAY, 10)
