"""The golden law on every real tick day, and on the simulated exchange: bars of trades are the official daily rows, exactly."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from engine import reconcile_words, reconciling
from engine.cli import reconcile
from engine.cli.commands import app
from engine.clock import FakeClock
from engine.errors import NoFile, SourceMisconfigured
from engine.pipeline.execution import Execution
from engine.pipelines import PIPELINES
from engine.runtime import Runtime
from engine.settings import SourceName
from engine.sources.simulated import NO_FAULTS, SimulatedExchange
from engine.stream.reconcile import FIELDS, Evidence, Reconciliation, Verdict
from engine.tapes import read_tape, tape_days, tape_stamp
from tests.pipelines.house import House

# session -> symbols on the tape, symbols absent, trades missing by the daily total and by the sequences: the data set's own description
REAL = {
    date(2024, 4, 9): (39, 276, 64_122, 63_975),
    date(2024, 4, 30): (314, 6, 69, 69),
    date(2024, 5, 2): (272, 36, 7_332, 7_332),
    date(2024, 7, 14): (298, 11, 237, 232),
    date(2024, 7, 17): (298, 8, 280, 280),
    date(2024, 9, 22): (315, 10, 778, 778),
}
DIED_EARLY = date(2024, 4, 9)


@pytest.fixture(scope="module")
def real(real_data, tmp_path_factory) -> Iterator[Runtime]:
    """A home that has taken the daily files of the sessions of which there is a tape."""
    if not (real_data / "floorsheet").is_dir():
        pytest.skip(f"real floorsheets are not available: no folder {real_data}/floorsheet")
    house = House(tmp_path_factory.mktemp("tapes"), source=real_data)
    for day in REAL:
        house.run(day)
    yield house.runtime
    house.runtime.database.close()


@pytest.fixture(scope="module")
def found(real) -> Callable[[date], Reconciliation]:
    return lambda day: reconciling.reconcile(real, read_tape(real, day))


def test_the_sessions_with_a_tape_are_those_of_the_folder(real):
    assert tape_days(real) == sorted(REAL)
    with pytest.raises(NoFile, match="no floorsheet of 2024-05-05"):
        read_tape(real, date(2024, 5, 5))


@pytest.mark.parametrize("session", REAL)
def test_all_seven_fields_of_every_symbol_on_the_tape_are_exact(session, found):
    result = found(session)
    symbols, absent, by_total, by_ids = REAL[session]

    assert (len(result.present), result.exact, len(result.absent)) == (symbols, symbols, absent)
    assert all(one.trades[name] == one.official[name] for one in result.present for name in FIELDS)
    assert (result.missing_by_total, result.missing_by_ids) == (by_total, by_ids)
    assert result.verdict is (Verdict.INCOMPLETE if session == DIED_EARLY else Verdict.EXACT_FOR_PRESENT)
    assert sum(trades for _, trades in result.causes.values()) == by_total


def test_trades_that_no_id_tells_of_are_counted_by_the_total_and_the_partition_that_never_came_is_named(found):
    result = found(DIED_EARLY)

    assert (result.tail, result.silent, result.evidence) == (147, [2], Evidence.ROWS)
    assert reconcile_words.of_silent(result).startswith("Of partition 02 no trade is there: some of the 147 that no id tells of")


def test_a_tape_knows_the_closes_before_once_its_session_is_loaded(real):
    tape = read_tape(real, date(2024, 7, 17))

    assert len(tape.previous_closes) > 290
    assert tape.previous_closes["NABIL"] == 53_290  # as the daily file of that day says


def test_the_command_says_the_same_and_its_exit_code_is_no_success(real, monkeypatch):
    monkeypatch.setattr(reconcile, "runtime", lambda: real)

    answer = CliRunner().invoke(app, ["reconcile", "--session", "2024-07-14", "--json"])
    said: dict[str, Any] = json.loads(answer.stdout)

    assert answer.exit_code == 1
    assert said["verdict"] == "exact for the symbols present"
    assert said["trades"] | {"set_aside": None} == {
        "received": 96_037, "official": 96_274, "missing_by_ids": 232, "missing_by_total": 237, "set_aside": None, "unreadable_lines": 0,
        "missing_where_no_id_tells": 5, "evidence": "the sum of the official rows"
    }  # fmt: skip
    assert (said["symbols"]["on_both_sides"], said["symbols"]["exact"], len(said["symbols"]["absent"])) == (298, 298, 11)
    assert said["differing"] == []
    assert said["simulated"] is False
    assert "298 of 298 exact" in CliRunner().invoke(app, ["reconcile", "--session", "2024-07-14"]).stdout


@pytest.fixture
def simulated(tmp_path) -> House:
    """A home on the simulated exchange without faults."""
    house = House(tmp_path, kind=SourceName.SIMULATED)
    house.clock = FakeClock(datetime(2025, 6, 3, 14, 15, tzinfo=UTC))
    house.restart()
    exchange = SimulatedExchange(seed=9, clock=house.clock, faults=NO_FAULTS)
    house.runtime = Runtime(house.settings, house.clock, house.runtime.database, house.runtime.lake, exchange)
    house.execution = Execution(house.runtime, PIPELINES, "test")
    return house


def test_a_simulated_day_reconciles_exactly(simulated, monkeypatch):
    session = tape_days(simulated.runtime)[-1]
    simulated.run(session)

    result = reconciling.reconcile(simulated.runtime, read_tape(simulated.runtime, session))

    assert result.verdict is Verdict.EXACT
    assert (result.exact, result.missing_by_ids, result.missing_by_total) == (len(result.results), 0, 0)
    monkeypatch.setattr(reconcile, "runtime", lambda: simulated.runtime)
    answer = CliRunner().invoke(app, ["reconcile", "--session", session.isoformat(), "--json"])
    assert (answer.exit_code, json.loads(answer.stdout)["verdict"]) == (0, "exact")


def test_a_session_that_is_not_loaded_is_not_reconciled_and_its_stamp_is_another_once_it_is(simulated):
    session = tape_days(simulated.runtime)[-1]
    before = tape_stamp(simulated.runtime, session)

    result = reconciling.reconcile(simulated.runtime, read_tape(simulated.runtime, session))
    assert result.verdict is Verdict.NOT_POSSIBLE
    assert "run that date first" in reconcile_words.says(result)

    simulated.run(session)
    assert tape_stamp(simulated.runtime, session) != before


def test_a_day_without_a_session_has_no_simulated_tape(simulated):
    with pytest.raises(NoFile):
        read_tape(simulated.runtime, date(2025, 5, 31))


def test_a_file_under_another_sessions_name_is_refused(tmp_path, real_data):
    house = House(tmp_path)
    (house.source / "floorsheet").mkdir()
    sheet = real_data / "floorsheet" / "2024-04-09.csv.gz"
    (house.source / "floorsheet" / "2024-04-10.csv.gz").write_bytes(sheet.read_bytes())

    assert tape_days(house.runtime) == [date(2024, 4, 10)]
    with pytest.raises(SourceMisconfigured, match="holds the trades of 2024-04-09, not those of 2024-04-10"):
        read_tape(house.runtime, date(2024, 4, 10))


def test_two_files_that_claim_a_session_are_refused(tmp_path):
    house = House(tmp_path)
    (house.source / "floorsheet").mkdir()
    for name in ("2024-04-09.csv.gz", "2024_04_09.csv", "notes.txt", "2024-13-01.csv"):
        (house.source / "floorsheet" / name).write_bytes(b"")

    assert tape_days(house.runtime) == [date(2024, 4, 9)]
    with pytest.raises(SourceMisconfigured, match="Two files claim 2024-04-09"):
        read_tape(house.runtime, date(2024, 4, 9))


def test_a_folder_without_floorsheets_has_no_tapes(tmp_path):
    assert tape_days(House(tmp_path).runtime) == []
