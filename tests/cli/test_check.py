"""`check` and `checks`: a file is judged as a run would judge it, exit codes tell the truth, and nothing is ever stored."""

import gzip
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli import commands as cli
from engine.quality import CHECKS
from engine.quality.report import BLOCK_ABOVE
from engine.thresholds import SPECS
from tests.pipelines.house import SUNDAY, V1, House, daily_bytes, days_from, numbers, with_a_week
from tests.shell import REPOSITORY, forked
from tests.stream.sheets import sheet_of
from tests.stream.tapes import DAY, random_tape

NEXT = SUNDAY + timedelta(days=7)


@pytest.fixture(scope="module")
def week(tmp_path_factory) -> House:
    """A home with a week of sessions, which no test changes."""
    return with_a_week(tmp_path_factory.mktemp("week"))


@pytest.fixture
def ask(monkeypatch, tmp_path) -> Callable[..., Any]:
    """Run a command in this process, in an empty folder without any home."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "SOURCE", "SOURCE_DIR", "DATABASE_URL"):
        monkeypatch.delenv(f"NEPSE_{name}", raising=False)
    return lambda *arguments: CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def told(ask) -> Callable[..., Any]:
    """Return what a command says as JSON, with its exit code."""

    def tell(*arguments: object) -> tuple[int, dict[str, Any]]:
        done = ask(*arguments, "--json")
        return done.exit_code, json.loads(done.stdout)

    return tell


def put(folder: Path, rows: list[list[str]], name: str = "2024_06_09.csv.gz") -> Path:
    path = folder / name
    path.write_bytes(daily_bytes(rows))
    return path


def crossed(count: int) -> list[list[str]]:
    rows = numbers(5)
    for row in rows[:count]:
        row[4] = "1.00"  # high
    return rows


def everything_under(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))}


def test_a_good_file_passes_and_every_part_of_the_answer_is_there(told, tmp_path):
    code, found = told("check", put(tmp_path, numbers(5)))

    assert code == 0
    assert found["verdict"] in {"passed", "flagged"}
    assert (found["session"], found["session_from"], found["layout"]) == ("2024-06-09", "name", "v1_21col")
    assert len(found["sha256"]) == 64
    assert found["lines"] == {"physical": 121, "header": 1, "blank": 0, "loaded": 120, "quarantined": 0, "duplicates": 0, "holds": True}
    assert [item["id"] for item in found["checks"]] == list(CHECKS)
    assert found["thresholds"] == {}
    promised = {"id", "version", "scope", "severity", "status", "applicable", "warned", "failed", "explained", "rate", "worst", "observed"}
    assert promised | {"bound", "limits", "reason"} <= found["checks"][0].keys()


def test_a_bad_row_is_named_with_its_line_and_numbers(told, tmp_path):
    code, found = told("check", put(tmp_path, crossed(1)))
    row = next(row for row in found["rows"] if row["check"] == "high_not_below_low")

    assert (code, found["verdict"]) == (0, "flagged")
    assert (row["line"], row["symbol"], row["severity"], row["observed"], row["explained"]) == (2, "S000", "error", 1.0, False)
    assert row["limit"] > row["observed"]
    assert row["score"] > row["above"] == 0
    assert found["lines"]["quarantined"] == 1


def test_a_blocked_file_gives_exit_code_1(told, tmp_path):
    code, found = told("check", put(tmp_path, crossed(12)))

    assert (code, found["verdict"]) == (1, "blocked")
    assert "gate.block_above" in found["reason"]


def test_lines_that_cannot_be_read_are_listed_with_their_defect(told, tmp_path):
    rows = numbers(5)
    rows[0][6] = "abc"
    rows.append(rows[1])
    _, found = told("check", put(tmp_path, rows))
    unloaded = {row["line"]: row for row in found["rows"] if row["defect"]}

    assert (unloaded[2]["defect"], unloaded[2]["severity"], unloaded[2]["symbol"]) == ("not_a_number", "error", "S000")
    assert "abc" in unloaded[2]["reason"]
    assert (unloaded[122]["defect"], unloaded[122]["severity"]) == ("duplicate", "warn")
    assert found["lines"]["holds"]


UNREADABLE = {
    "no such file": (None, "UnreadableFile", None),
    "an empty file": (b"", "UnreadableFile", None),
    "torn gzip": (gzip.compress(b"a\nb\n" * 900)[:-9], "UnreadableFile", 1801),
    "not a table": (b"\x89PNG\r\n\x1a\n\0\0", "UnreadableFile", 1),
    "an unknown layout": (b"\n" + V1.replace("Vol,", "Volume,").encode() + b"\n1,2\n", "UnknownLayout", 2),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_gives_exit_code_2_one_object_and_one_sentence(ask, tmp_path, kind):
    content, error, line = UNREADABLE[kind]
    path = tmp_path / "2024_06_09.csv"
    if content is not None:
        path.write_bytes(content)
    done = ask("check", path, "--json")
    found = json.loads(done.stdout)

    assert done.exit_code == 2
    assert (found["verdict"], found["error_type"], found["line"]) == ("unreadable", error, line)
    assert done.stderr.strip() == found["error"]
    assert (found["sha256"] is None) == (content is None)


UNLIKE_TEXT = {
    "UTF-16": (V1.encode("utf-16"), "line 1 holds a NUL byte, as UTF-16 text does"),
    "CR alone ends its lines": (V1.encode() + b"\r1,S000\r", "line 1 has a CR inside; lines end with LF or CR LF"),
    "a header without end": (b"x" * 70_000, "line 1 has 70,000 bytes; at most 65,536 are read"),
    "an unknown layout": (V1.replace("Vol,", "Volume,").encode() + b"\n1,2\n", "check the file again or rerun its date"),
    "another file": (b"a,b\n1,2\n", "line 1 is 'a,b', where a header of 21 columns belongs"),
}


@pytest.mark.parametrize("kind", UNLIKE_TEXT)
def test_what_is_no_text_table_is_told_in_its_own_sentence(told, tmp_path, kind):
    content, sentence = UNLIKE_TEXT[kind]
    (tmp_path / "2024_06_09.csv").write_bytes(content)

    assert sentence in told("check", tmp_path / "2024_06_09.csv")[1]["error"]


def test_a_file_without_a_row_is_blocked_for_just_that(told, tmp_path):
    code, found = told("check", put(tmp_path, []))

    assert (code, found["verdict"]) == (1, "blocked")
    assert found["reason"].startswith("the file holds no row")
    assert "set aside" not in found["reason"]


def test_a_folder_is_no_file(told, tmp_path):
    code, found = told("check", tmp_path)

    assert (code, found["verdict"]) == (2, "unreadable")


@pytest.mark.parametrize("to_json", [True, False])
def test_nothing_is_stored_where_there_is_no_home(ask, tmp_path, to_json):
    path = put(tmp_path, crossed(12))
    before = everything_under(tmp_path)
    ask("check", path, *(["--json"] if to_json else []))

    assert everything_under(tmp_path) == before


def test_a_home_that_is_there_is_read_and_left_as_it_is(week, tmp_path):
    week.runtime.database.close()
    shutil.copytree(week.settings.home, tmp_path / "home")
    path = put(tmp_path, numbers(5))
    before = everything_under(tmp_path)
    done = forked(week, "check", str(path), "--json", NEPSE_HOME=str(tmp_path / "home"))
    found = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert everything_under(tmp_path) == before
    assert found["notes"] == [f"judged against the session of 2024-06-06 in {tmp_path / 'home'}"]
    assert next(item for item in found["checks"] if item["id"] == "previous_close_matches")["applicable"] == 120


def test_a_home_in_the_middle_of_a_write_is_read_too(week, tmp_path):
    with week.runtime.database.transaction():
        found = json.loads(forked(week, "check", str(put(tmp_path, numbers(5))), "--json").stdout)

    assert "judged against the session of 2024-06-06" in found["notes"][0]


def test_only_sessions_before_the_asked_one_count_as_history(week, tmp_path):
    path = put(tmp_path, numbers(1))
    found = json.loads(forked(week, "check", str(path), "--session", "2024-06-03", "--json").stdout)
    first = json.loads(forked(week, "check", str(path), "--session", "2024-06-02", "--json").stdout)

    assert "judged against the session of 2024-06-02" in found["notes"][0]
    assert "holds none" in first["notes"][0]


def test_a_home_of_another_market_is_no_history(week, tmp_path):
    rows = [[row[0], f"Z{row[1]}", *row[2:]] for row in numbers(5)]
    done = forked(week, "check", str(put(tmp_path, rows)), "--json")

    assert "another market" in json.loads(done.stdout)["notes"][0]
    assert done.returncode == 0


def test_a_file_is_judged_as_the_pipeline_judges_it(week, tmp_path):
    found = json.loads(forked(week, "check", str(week.source / "daily" / "2024_06_05.csv.gz"), "--json").stdout)
    with week.runtime.database.reading() as connection:
        stored = connection.exec_driver_sql(
            "SELECT check_id, status, applicable, warned, failed FROM check_result WHERE session = '2024-06-05' ORDER BY check_id"
        ).all()

    ours = sorted((item["id"], item["status"], item["applicable"], item["warned"], item["failed"]) for item in found["checks"])
    assert ours == [tuple(row) for row in stored]


def test_a_threshold_can_be_set_for_the_one_judgement(told, tmp_path):
    path = put(tmp_path, crossed(12))
    code, found = told("check", path, "--set", "gate.block_above=50", "--set", "trades_positive.enabled=off")

    assert (code, found["verdict"]) == (0, "flagged")
    assert found["thresholds"] == {"gate.block_above": 50.0, "trades_positive.enabled": 0.0}
    assert next(item for item in found["checks"] if item["id"] == "trades_positive")["status"] == "off"


WRONG = {
    "out of range": ["--set", "gate.block_above=99"],
    "no number": ["--set", "gate.block_above=half"],
    "not finite": ["--set", "gate.block_above=nan"],
    "no such key": ["--set", "gate.block=5"],
    "no value": ["--set", "gate.block_above"],
    "not a date": ["--session", "tomorrow"],
    "before the exchange": ["--session", "1980-01-01"],
    "no such folder": ["--source-dir", "nowhere"],
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_request_gives_exit_code_2_and_nothing_on_stdout(ask, tmp_path, wrong):
    done = ask("check", put(tmp_path, numbers(5)), *WRONG[wrong], "--json")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.strip()


def test_a_limit_out_of_range_says_which_it_may_be(ask, tmp_path):
    spec = BLOCK_ABOVE

    assert f"{spec.low:g} to {spec.high:g}" in ask("check", put(tmp_path, numbers(5)), "--set", f"{spec.key}=99").stderr


def test_without_a_date_the_rules_of_today_are_taken_and_that_is_said(told, tmp_path):
    _, found = told("check", put(tmp_path, numbers(5), "prices.csv.gz"))

    assert found["session_from"] == "today"
    assert "today" in found["notes"][0]


@pytest.mark.parametrize("name", ["2024-06-09.csv", "prices_2024_06_09_final.csv", "2024_06_09.csv.gz"])
def test_the_session_is_read_from_the_name(told, tmp_path, name):
    assert told("check", put(tmp_path, numbers(5), name))[1]["session"] == "2024-06-09"


def test_reference_tables_come_from_the_folder_that_is_named(told, tmp_path):
    (tmp_path / "beside" / "control").mkdir(parents=True)
    totals = "businessDate,totalTurnover,totalTradedShares,totalTransactions,tradedScrips\n2024-06-09,1.00,1,1,120\n"
    (tmp_path / "beside" / "control" / "market_summary.csv").write_text(totals)
    code, found = told("check", put(tmp_path, numbers(5)), "--source-dir", tmp_path / "beside")

    assert code == 1
    assert next(item for item in found["checks"] if item["id"] == "control_totals")["status"] == "failed"


def test_people_read_a_short_table_with_the_worst_first(ask, tmp_path):
    shown = ask("check", put(tmp_path, crossed(12)))

    assert shown.exit_code == 1
    assert shown.stdout.startswith("verdict")
    assert "121 = 1 header + 0 blank + 108 loaded + 12 quarantined + 0 duplicates" in shown.stdout
    assert shown.stdout.index("failed") < shown.stdout.index("warned ")


def test_the_catalogue_is_listed_with_what_can_be_turned(told):
    code, found = told("checks")

    assert code == 0
    assert [item["id"] for item in found] == list(CHECKS)
    assert all(item["words"] and item["unit"] and item["scope"] and item["severity"] in {"warn", "error"} for item in found)
    assert {spec["key"] for item in found for spec in item["parameters"]} == {key for key in SPECS if key.split(".")[0] in CHECKS}
    assert all({"key", "default", "low", "high", "step"} <= spec.keys() for item in found for spec in item["parameters"])


def test_the_catalogue_is_a_table_for_people(ask):
    shown = ask("checks")

    assert shown.exit_code == 0
    assert all(name in shown.stdout for name in CHECKS)


def test_the_page_of_the_checks_is_current(ask):
    assert ask("checks", "--markdown").stdout == (REPOSITORY / "docs" / "checks.md").read_text(encoding="utf-8")


def test_every_day_of_a_week_is_read_by_the_name_of_its_file(week):
    found = [
        json.loads(forked(week, "check", str(week.source / "daily" / f"{day:%Y_%m_%d}.csv.gz"), "--json").stdout)
        for day in days_from(SUNDAY, 2)
    ]

    assert [item["session"] for item in found] == [str(day) for day in days_from(SUNDAY, 2)]


WHOLE = random_tape(4, 300, seconds=3600)


def test_a_floorsheet_is_told_from_a_daily_file_and_its_lines_and_holes_are_counted(told, tmp_path):
    path = tmp_path / f"{DAY}.csv.gz"
    path.write_bytes(sheet_of(WHOLE))
    whole = told("check", path)
    path.write_bytes(sheet_of(WHOLE.take(slice(5, None))))
    holed = told("check", path)

    assert whole[0] == 0
    assert [whole[1][name] for name in ("kind", "verdict", "session", "layout")] == ["floorsheet", "passed", str(DAY), "f2_14col"]
    assert whole[1]["lines"] == {"physical": 301, "header": 1, "blank": 0, "trades": 300, "unreadable": 0}
    assert (holed[0], holed[1]["verdict"], holed[1]["completeness"]["missing"]) == (1, "incomplete", 5)
    assert "5 trades are missing by the holes in the contract ids" in holed[1]["reason"]


def test_a_floorsheet_with_bad_lines_names_them_and_one_of_another_session_says_so(told, ask, tmp_path):
    path = tmp_path / "floorsheet.csv"
    lines = gzip.decompress(sheet_of(WHOLE)).split(b"\n")
    lines[7] = lines[7].replace(b"2024-07-17T", b"soon")
    path.write_bytes(b"\n".join([*lines, b""]))

    code, found = told("check", path, "--session", "2024-07-16")
    printed = ask("check", path)

    assert (code, found["lines"]["unreadable"], found["lines"]["blank"], found["rows"][0]["line"]) == (1, 1, 1, 8)
    assert f"it holds the session of {DAY}, not that of 2024-07-16; 1 line cannot be read" in found["reason"]
    assert printed.exit_code == 1
    assert "302 = 1 header + 1 blank + 299 trades + 1 unreadable" in printed.stdout
    assert ask("check", path, "--set", "price_band.warn_above=3").exit_code == 2


def test_a_floorsheet_without_times_is_refused_with_what_to_take_instead(ask, real_data):
    done = ask("check", real_data / "floorsheet_merolagani" / "floorsheet_2026-02-25.csv.gz")

    assert done.exit_code == 2
    assert "gives no times of the trades" in done.stderr
