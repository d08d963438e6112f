"""Two files compared from the command line, and what is stored of a session: JSON on stdout, and the truth in the exit code."""

import gzip
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from engine.drift.compare import compare, gravest
from engine.drift.distance import DISTANCES
from engine.drifting import catch_up
from storage.status import DriftVerdict
from tests.pipelines.house import SUNDAY, announced, days_from

RANDOM = np.random.default_rng(20)


def csv_of(path: Path, rows: int, *, shift: float = 0.0, sector: str = "banks") -> Path:
    """Write a packed file with a number that has thousands commas, a text and a date."""
    values = np.exp(RANDOM.normal(8 + shift, 0.5, rows))
    lines = [f'2025-01-01,"{value:,.2f}",{sector if at % 2 else "hydro"},{at % 7}' for at, value in enumerate(values)]
    path.write_bytes(gzip.compress("\n".join(["day,volume,sector,weekday", *lines, ""]).encode()))
    return path


def test_every_distance_of_every_column_is_given_with_p_value_sizes_and_verdict(here, week, tmp_path):
    one, two = csv_of(tmp_path / "a.csv.gz", 400), csv_of(tmp_path / "b.csv.gz", 300)

    done = here(week, "drift", "--reference", str(one), "--current", str(two), "--json")

    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert said["verdict"] == "no_drift"
    columns = {column["column"]: column for column in said["columns"]}
    assert set(columns) == {"volume", "sector", "weekday"}
    assert said["changes"] == []
    assert "dates move on" in said["not_compared"]["day"]
    numbers = [test.id for test in DISTANCES.values() if not test.categories]
    assert [each["test"] for each in columns["volume"]["distances"]] == numbers
    ks = columns["volume"]["distances"][1]
    assert (ks["n"], ks["m"], ks["limit"] > 0, 0 < ks["p_value"] <= 1, ks["p_adjusted"] >= ks["p_value"]) == (400, 300, True, True, True)


def test_a_shift_is_drift_and_exit_code_1_and_a_new_category_is_named(here, week, tmp_path):
    one, two = csv_of(tmp_path / "a.csv.gz", 400), csv_of(tmp_path / "b.csv.gz", 300, shift=0.4, sector="finance")

    done = here(week, "drift", "--reference", str(one), "--current", str(two), "--column", "volume", "--column", "sector", "--json")

    said = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [column["verdict"] for column in said["columns"]] == ["drift", "drift"]
    assert (said["columns"][1]["new"], said["columns"][1]["gone"]) == (["finance"], ["banks"])


def test_few_rows_are_no_verdict_and_not_a_silent_no(here, week, tmp_path):
    one, two = csv_of(tmp_path / "a.csv.gz", 400), csv_of(tmp_path / "b.csv.gz", 10)

    done = here(week, "drift", "--reference", str(one), "--current", str(two), "--column", "volume")

    assert done.exit_code == 1
    assert "insufficient" in done.stdout


def test_parquet_is_read_too_and_groups_are_the_unit_where_that_is_asked_for(here, week, tmp_path):
    def write(name: str, groups: range, shift: float) -> Path:
        group = np.repeat(list(groups), 30)
        common = {each: RANDOM.normal(shift, 1) for each in groups}
        values = [common[each] + RANDOM.normal(0, 0.1) for each in group]
        pq.write_table(pa.table({"session": group, "move": values}), tmp_path / name)
        return tmp_path / name

    one, two = write("a.parquet", range(40), 0.0), write("b.parquet", range(40, 42), 0.3)
    done = here(week, "drift", "--reference", str(one), "--current", str(two), "--unit", "session", "--json")

    by_unit = json.loads(done.stdout)["columns"][0]["distances"][-1]
    assert (by_unit["test"], by_unit["n"], by_unit["m"], by_unit["verdict"]) == ("mean_z_by_unit", 40, 2, "no_drift")


def plain(path: Path, table: dict[str, Any]) -> Path:
    csv.write_csv(pa.table(table), path)
    return path


NUMBERS = np.random.default_rng(3).normal(size=300)
USUAL = {"close": NUMBERS, "flag": [True, False] * 150, "day": [date(2025, 1, 1)] * 300}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"volume": NUMBERS}, "volume: new, only the current file has it"),
        ({"close": None}, "close: gone, only the reference has it"),
        ({"close": ["unknown", *map(str, NUMBERS[1:])]}, "close: numbers in the reference, text in the current file"),
        ({"day": ["soon"] * 300}, "day: dates in the reference, text in the current file"),
        ({"flag": [False] * 300}, "flag gone: true"),
    ],
)
def test_a_column_that_is_new_gone_of_another_kind_or_always_false_is_drift_and_exit_code_1(changed, said, here, week, tmp_path):
    now = {name: values for name, values in (USUAL | changed).items() if values is not None}
    one, two = plain(tmp_path / "a.csv", USUAL), plain(tmp_path / "b.csv", now)

    done = here(week, "drift", "--reference", str(one), "--current", str(two))

    assert done.exit_code == 1
    assert done.stdout.split("\n")[0].split() == ["verdict", "drift"]
    assert said in done.stdout


def test_a_change_outside_of_the_columns_that_are_named_does_not_count_and_one_of_them_does(here, week, tmp_path):
    one, two = plain(tmp_path / "a.csv", USUAL), plain(tmp_path / "b.csv", {"close": NUMBERS, "more": NUMBERS})

    asked = [here(week, "drift", "--reference", str(one), "--current", str(two), "--column", name).exit_code for name in ("close", "flag")]

    assert asked == [0, 1]


def test_dates_are_compared_in_days_where_they_are_named_and_booleans_always(here, week, tmp_path):
    later = USUAL | {"day": [date(2025, 1, 1 + at % 28) for at in range(300)]}
    one, two = plain(tmp_path / "a.csv", later), plain(tmp_path / "b.csv", later | {"day": [date(2025, 3, 1)] * 300})

    whole = here(week, "drift", "--reference", str(one), "--current", str(two))
    named = here(week, "drift", "--reference", str(one), "--current", str(two), "--column", "day", "--column", "flag", "--json")

    assert whole.exit_code == 0
    assert "day is not compared: dates move on by themselves" in whole.stdout
    assert [(each["column"], each["verdict"]) for each in json.loads(named.stdout)["columns"]] == [("day", "drift"), ("flag", "no_drift")]


def test_a_column_that_is_named_twice_is_compared_once():
    table = pa.table({"x": NUMBERS})

    assert compare(table, table, columns=["x", "x"]) == compare(table, table, columns=["x"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"close;volume\n1;2\n", "is separated by semicolons, not by commas: its first line is close;volume"),
        (b"\x00\x1b[31m" * 40, "is no text: it cannot be read as CSV"),
        (b"a,a\n1,2\n", "more than one column called a"),
        (b"x,y\n1,2\n", "no column in common"),
        (b"close,flag,day\n\x1b[31m1\n", "\N{REPLACEMENT CHARACTER}[31m1"),
    ],
)
def test_what_is_the_matter_with_a_file_is_said_without_its_control_characters(content, sentence, here, week, tmp_path):
    good, bad = plain(tmp_path / "a.csv", USUAL), tmp_path / "b.csv"
    bad.write_bytes(content)

    done = here(week, "drift", "--reference", str(good), "--current", str(bad))

    assert done.exit_code == 2
    assert sentence in done.stderr
    assert all(sign.isprintable() for sign in done.stderr.strip())


def test_a_column_of_infinities_has_no_finite_number(here, week, tmp_path):
    one, two = plain(tmp_path / "a.csv", USUAL), plain(tmp_path / "b.csv", USUAL | {"close": [float("inf")] * 300})

    done = here(week, "drift", "--reference", str(one), "--current", str(two))

    assert done.exit_code == 1
    assert "the current sample has no finite number" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--reference", "nowhere.csv", "--current", "nowhere.csv"), "nowhere.csv is not a file"),
        (("--reference", "nowhere.csv"), "say which files"),
        (("--session", "2025-06-01", "--column", "Close"), "say one of the two"),
        (("--session", str(SUNDAY)), "was not compared yet: a runner does it"),
        (("--session", "2020-01-01"), "there is no session of 2020-01-01 in the lake"),
        (("--session", str(SUNDAY + timedelta(days=6))), f"the exchange was closed on {SUNDAY + timedelta(days=6)} ("),
        (("--session", "2020-01-01", "--since", "2019-01-01", "--until", "2019-06-01"), "there is no session of 2020-01-01 in the lake"),
    ],
)
def test_a_wrong_request_is_a_sentence(here, week, arguments, sentence):
    done = here(week, "drift", *arguments)

    assert done.exit_code == 2
    assert sentence in done.stderr


def test_of_ten_pairs_of_one_distribution_at_most_one_drifts_and_one_moved_column_of_twenty_does():
    def table(*, moved: float = 0.0) -> pa.Table:
        return pa.table({f"c{at}": random.normal(moved if at == 7 else 0.0, 1, 300) for at in range(20)})

    random = np.random.default_rng(6)

    same = [gravest([one.verdict for one in compare(table(), table()).columns]) for _ in range(10)]
    moved = {one.column: one.verdict for one in compare(table(), table(moved=0.5)).columns}

    assert same.count(DriftVerdict.DRIFT) <= 1
    assert set(same) <= {DriftVerdict.DRIFT, DriftVerdict.NO_DRIFT}
    assert [name for name, verdict in moved.items() if verdict is DriftVerdict.DRIFT] == ["c7"]


def test_a_distance_beyond_its_limit_that_so_many_tests_reach_by_chance_says_so():
    random = np.random.default_rng(6)
    tables = [pa.table({f"c{at}": random.normal(size=300) for at in range(40)}) for _ in range(2)]

    reasons = [each.reason for one in compare(*tables).columns for each in one.distances if each.reason]

    assert reasons
    assert all("as one of 200 tests is by chance" in reason for reason in reasons)


def test_a_column_that_is_not_there_is_named_with_those_that_are(here, week, tmp_path):
    file = csv_of(tmp_path / "a.csv.gz", 50)

    done = here(week, "drift", "--reference", str(file), "--current", str(file), "--column", "close")

    assert done.exit_code == 2
    assert "no column 'close'; it has: day, volume, sector, weekday" in done.stderr


def test_a_sessions_report_is_whole_and_says_why_there_is_no_verdict(here, week):
    catch_up(week.runtime)

    done = here(week, "drift", "--session", str(SUNDAY), "--json")

    said = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (said["cause"], said["calibrated"], said["up_to_date"]) == (None, False, True)
    assert {each["verdict"] for each in said["distances"]} == {"insufficient"}


def test_nothing_is_said_of_a_session_in_which_nothing_alarmed(here, week):
    catch_up(week.runtime)

    done = here(week, "label-drift", str(SUNDAY), "fault", "--reason", "x")
    wrong = here(week, "label-drift", str(SUNDAY), "broken", "--reason", "x")

    assert "fault, market, accepted, not 'broken'" in wrong.stderr
    assert done.exit_code == 2
    assert "nothing alarmed" in done.stderr


def test_a_session_is_held_against_a_fixed_window_that_does_not_slide(here, tmp_path):
    house = announced(tmp_path)
    house.announce(dict.fromkeys(days_from(SUNDAY, 30), True))
    house.sessions(26)
    house.backfill(SUNDAY, SUNDAY + timedelta(days=25))
    catch_up(house.runtime)
    newest, last = str(SUNDAY + timedelta(days=25)), str(SUNDAY + timedelta(days=21))

    done = here(house, "drift", "--session", newest, "--since", str(SUNDAY), "--until", last, "--json")
    few = here(house, "drift", "--session", newest, "--since", str(SUNDAY), "--until", str(SUNDAY + timedelta(days=3)))
    half = here(house, "drift", "--session", newest, "--since", str(SUNDAY))

    said = json.loads(done.stdout)
    assert (said["since"], said["until"], said["sessions"]) == (str(SUNDAY), last, 22)
    assert (said["verdict"], said["calibrated"], done.exit_code) == ("uncalibrated", False, 1)
    assert {each["verdict"] for each in said["distances"]} == {"uncalibrated", "insufficient"}
    assert (few.exit_code, half.exit_code) == (2, 2)
    assert "a window needs 20" in few.stderr
