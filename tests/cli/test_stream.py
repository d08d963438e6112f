"""`replay --floorsheet` and `stream`, as a person or a program types them."""

import csv
import gzip
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from engine.cli import commands as cli
from engine.runtime import compose
from engine.services import Services
from engine.settings import Settings, SourceName
from engine.stream.bars import bars_of, rolled_up
from engine.stream.ticks import SECOND
from engine.stream.trailing import grouped
from storage import runners, speed_layer
from tests.stream.sheets import sheet_of
from tests.stream.tapes import NAMES, random_tape, tape

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path) -> Run:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli.app, ["replay", *arguments])

    return invoke


def answered(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "2024-07-17.csv.gz"
    path.write_bytes(sheet_of(random_tape(4, 3000, seconds=3600)))
    return path


def test_a_floorsheet_becomes_each_symbols_day_and_no_home_is_made(run, sheet, tmp_path, monkeypatch):
    monkeypatch.setenv("NEPSE_HOME", str(tmp_path / "home"))

    found = answered(run("--floorsheet", str(sheet), "--json"))

    days = rolled_up(bars_of(grouped(random_tape(4, 3000, seconds=3600)), 60 * SECOND, 10), 24 * 60)
    expected = {NAMES[row[0]]: [*(price / 100 for price in row[2:6]), row[6], row[7] / 100, row[8]] for row in days.matrix.T.tolist()}
    assert {row.pop("symbol"): list(row.values()) for row in found["symbols"]} == expected
    assert (found["session"], found["ticks"]["accepted"], found["dead_letters"]) == ("2024-07-17", 3000, {})
    assert found["completeness"]["missing"] == 0
    assert not (tmp_path / "home").exists()


def test_a_turned_threshold_changes_the_alerts(run, sheet):
    quiet = answered(run("--floorsheet", str(sheet), "--set", "stream.moving_average.alert_above=30", "--json"))
    loud = answered(run("--floorsheet", str(sheet), "--set", "stream.moving_average.alert_above=0.2", "--json"))

    assert len(loud["alerts"]) + loud["suppressed"] > 2 * (len(quiet["alerts"]) + quiet["suppressed"])
    assert loud["thresholds"] == {"stream.moving_average.alert_above": 0.2}


def test_the_minute_bars_are_written_as_csv(run, sheet, tmp_path):
    answered(run("--floorsheet", str(sheet), "--bars", str(tmp_path / "bars.csv"), "--json"))

    with (tmp_path / "bars.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["trades"]) for row in rows) == 3000
    assert rows[0]["start"].startswith("2024-07-17T05:15:00")


@pytest.mark.parametrize("every", [1, 60, 300])
def test_bars_of_three_widths_are_written_and_hold_the_same_trades(run, sheet, tmp_path, every):
    answered(run("--floorsheet", str(sheet), "--bars", str(tmp_path / "bars.csv"), "--every", str(every), "--json"))

    with (tmp_path / "bars.csv").open() as file:
        rows = list(csv.DictReader(file))
    expected = bars_of(grouped(random_tape(4, 3000, seconds=3600)), every * SECOND, 10)
    symbol, start, volume = (expected[name].tolist() for name in ("symbol", "start", "volume"))
    found = {(row["symbol"], datetime.fromisoformat(row["start"]).timestamp()): int(row["volume"]) for row in rows}
    assert found == {(NAMES[code], at * every): shares for code, at, shares in zip(symbol, start, volume, strict=True)}


def test_what_is_missing_and_what_is_set_aside_is_counted(run, tmp_path):
    path = tmp_path / "2024-07-17.csv.gz"
    path.write_bytes(sheet_of(tape((1, "NABIL", 100), (2, "NABIL", 100), (2, "NABIL", 100), (-9000, "NICA", 100), sequences=[1, 5, 5, 6])))

    found = answered(run("--floorsheet", str(path), "--json"))

    assert found["dead_letters"] == {"out_of_hours": 1, "duplicate": 1}
    assert found["completeness"]["missing"] == 3
    assert found["completeness"]["died_early"]  # three of six trades came: not half of them once the copy is out
    assert {letter["reason"] for letter in found["letters"]} == {"out_of_hours", "duplicate"}
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    for letter in found["letters"]:
        assert lines[letter["line"] - 1].startswith(str(letter["contract"]).encode())
        assert letter["time"].endswith("+00:00")
        assert letter["why"] == {"out_of_hours": "it is stamped outside the hours of the session"}.get(
            letter["reason"], "its contract was accepted before"
        )


def test_lines_that_cannot_be_read_are_no_success_though_the_rest_is_replayed(run, sheet):
    lines = gzip.decompress(sheet.read_bytes()).split(b"\n")
    lines[3] = b"no trade"
    sheet.write_bytes(gzip.compress(b"\n".join(lines)))

    result = run("--floorsheet", str(sheet), "--json")
    found = json.loads(result.stdout)

    assert result.exit_code == 1
    assert result.stderr.startswith("Not replayed: 1 line of 2024-07-17.csv.gz, which cannot be read; line 4 first: it has 1 cells")
    assert (found["ticks"]["accepted"], found["ticks"]["unreadable"]) == (2999, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--floorsheet", "{sheet}", "--set", "stream.movin_average.alert_above=3"], "stream.moving_average.alert_above"),
        (["--floorsheet", "{sheet}", "--set", "stream.window_s=1"], "may be 10 to 3600"),
        (["--floorsheet", "{sheet}", "--set", "nonsense"], "KEY=VALUE"),
        (["--floorsheet", "nothing.csv"], "cannot be read"),
        (["--floorsheet", "{sheet}", "--every", "60"], "that --bars FILE.csv writes"),
        (["--floorsheet", "{sheet}", "--bars", "bars.csv", "--every", "7"], "1, 60 or 300"),
        (["--floorsheet", "{sheet}", "--bars", "/no/such/folder/bars.csv"], "cannot be written"),
        (["--floorsheet", "{sheet}", "--id", "3"], "knows no letter"),
        (["--set", "stream.window_s=60"], "belong to --floorsheet"),
    ],
)
def test_a_wrong_request_says_what_to_change(run, sheet, arguments, says):
    result = run(*(argument.replace("{sheet}", str(sheet)) for argument in arguments))

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_a_file_that_is_no_floorsheet_says_what_it_misses(run, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")

    result = run("--floorsheet", str(tmp_path / "x.csv"), "--json")

    assert result.exit_code == 1
    assert "line 1 is 'a,b', where a header of 14 columns belongs" in result.stderr


@pytest.mark.parametrize(
    ("day", "symbols", "missing"),
    [
        ("2024-04-09", 39, 63_975),
        ("2024-04-30", 314, 69),
        ("2024-05-02", 272, 7_332),
        ("2024-07-14", 298, 232),
        ("2024-07-17", 298, 280),
        ("2024-09-22", 315, 778),
    ],
)
def test_every_real_day_is_replayed_and_its_missing_trades_are_counted_from_the_ids(run, real_data, day, symbols, missing):
    found = answered(run("--floorsheet", str(real_data / "floorsheet" / f"{day}.csv.gz"), "--json"))

    assert (len(found["symbols"]), found["completeness"]["missing"], found["dead_letters"]) == (symbols, missing, {})


@pytest.mark.parametrize(
    ("runners_there", "says"),
    [([], "No runner is alive, so it waits"), ([False], "belongs to another command and ends with it"), ([False, True], "")],
)
def test_a_queued_session_says_what_it_waits_for_where_no_runner_stays(runners_there, says, tmp_path, monkeypatch):
    (tmp_path / "source" / "daily").mkdir(parents=True)
    settings = Settings(source=SourceName.FILES, home=tmp_path / "home", source_dir=tmp_path / "source")
    home = compose(settings)
    now = home.clock.now()
    with home.database.transaction() as connection:
        for number, scheduling in enumerate(runners_there):
            told = {"host": "elsewhere", "pid": 1, "started_at": now, "heartbeat_at": now, "beats": 0, "scheduling": scheduling}
            runners.add(connection, id=f"r{number}", **told)
    monkeypatch.setattr("engine.cli.stream.commands", lambda: Services(home, actor="asha"))

    result = CliRunner().invoke(cli.app, ["stream", "start", "--session", "2024-07-17"])
    with home.database.reading() as connection:
        speed = speed_layer.state(connection, date(2024, 7, 17))["speed"]
    home.database.close()

    assert result.exit_code == 0, result.output
    assert speed == 60  # NEPSE_TICK_SPEED
    assert "queued" in result.stdout
    assert says in result.stderr if says else result.stderr == ""
