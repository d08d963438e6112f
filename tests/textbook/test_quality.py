"""The quality gates of the textbook (9.5, 9.11) fail in these ways; each test, named after its defect, shows that ours do not."""

import json
from dataclasses import asdict, replace
from functools import partial

import pandas as pd
import pytest

from engine.errors import UsageError
from engine.market.daily_file import parse
from engine.quality.check import CHECKS, Scope, check
from storage.status import CheckStatus, GateVerdict
from tests.pipelines.house import SUNDAY, announced, daily_bytes, numbers
from tests.quality.sheet import good_rows, judged, judged_frame, result, sample, with_row


def test_q1_a_high_volume_never_makes_a_zero_volume_harmless():
    rows = good_rows()
    rows[3]["volume"], rows[4]["volume"] = 0, 20_000_000
    report = judged(sample(rows))

    assert result(report, "volume_positive").status is CheckStatus.FAILED
    assert result(report, "volume_usual").status is CheckStatus.WARNED
    assert 3 in report.quarantined


def test_q1_a_high_volume_alone_is_noticed():
    report = judged(with_row(volume=20_000_000, turnover=107.0 * 20_000_000))

    assert report.flagged.tolist() == [7]


@pytest.mark.parametrize("close", [float("nan"), float("inf"), float("-inf"), 0.0, -1.0])
def test_q2_a_close_is_finite_and_above_zero(close):
    frame = pd.DataFrame(good_rows())
    frame.loc[7, "close"] = close

    assert judged_frame(frame).quarantined.tolist() == [7]


@pytest.mark.parametrize("symbol", ["", "  ", None])
def test_q3_a_blank_symbol_does_not_pass(symbol):
    assert judged(with_row(symbol=symbol)).quarantined.tolist() == [7]


def test_q3_an_unknown_symbol_is_noticed():
    assert result(judged(with_row(symbol="NOBODY")), "symbol_known").warned == 1


@pytest.mark.parametrize("cells", [{"open": 500.0}, {"high": None}, {"low": None}, {"open": None}])
def test_q4_every_price_is_held_against_the_range(cells):
    assert judged(with_row(**cells)).quarantined.tolist() == [7]


def test_q5_one_key_in_three_notations_is_a_duplicate():
    rows = numbers(0, range(3))
    for row, notation in zip(rows, ["NABIL", "nabil ", " Nabil"], strict=True):
        row[1] = notation
    lines = parse(daily_bytes(rows), "f.csv.gz").lines
    frame = pd.DataFrame(good_rows())
    frame["symbol"] = ["NABIL", "nabil ", " Nabil", *frame["symbol"][3:]]

    assert (lines.loaded, lines.duplicates) == (1, 2)
    assert result(judged_frame(frame), "symbols_unique").observed == 2


def test_q6_an_empty_file_does_not_pass():
    assert judged(sample([])).verdict is GateVerdict.BLOCKED


def test_q6_half_a_session_does_not_pass():
    report = judged(sample(good_rows(15)))

    assert report.verdict is GateVerdict.BLOCKED
    assert result(report, "expected_symbols").status is CheckStatus.FAILED


def test_q6_no_judgement_is_made_without_the_whole_catalogue():
    assert [item.check.id for item in judged(sample()).results] == list(CHECKS)


def test_q7_a_report_is_made_of_plain_values():
    report = judged(with_row(open=500.0, volume=0))
    written = [{**asdict(replace(item, check=None)), "id": item.check.id, "rate": item.rate} for item in report.results]

    assert json.loads(json.dumps([*written, asdict(report.lines), dict(report.thresholds.values)], allow_nan=False))


def test_q8_a_check_without_a_name_is_refused_where_it_is_written():
    with pytest.raises(UsageError, match="a function with a name"):
        check(Scope.ROW, unit="rows")(partial(judged, sample()))


def test_q9_one_bad_row_of_350_is_set_aside_and_349_pass(tmp_path):
    house = announced(tmp_path)
    rows = numbers(0, range(350))
    rows[10][4] = "1.00"  # its high
    house.put(SUNDAY, daily_bytes(rows))
    house.run(SUNDAY)

    assert house.table("silver", SUNDAY).num_rows == 349
    assert house.table("quarantine", SUNDAY)["symbol"].to_pylist() == ["S010"]


def test_q10_a_report_belongs_to_its_own_judgement():
    first = judged(with_row(high=50.0))
    second = judged(sample())

    assert result(first, "high_not_below_low").failed == 1
    assert result(second, "high_not_below_low").failed == 0
    assert len(first.quarantined) == 1


def test_p6_the_product_runs_every_check_of_the_catalogue(tmp_path):
    house = announced(tmp_path)
    house.session(SUNDAY, 0)
    run = house.run(SUNDAY)
    with house.runtime.database.reading() as connection:
        stored = connection.exec_driver_sql("SELECT check_id FROM check_result WHERE run_id = ?", (run["id"],)).scalars().all()

    assert sorted(stored) == sorted(CHECKS)
