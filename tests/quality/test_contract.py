"""Frames from outside: types are held by the contract, values by the checks, and one bad cell costs its own row."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from engine.errors import DataError
from engine.market.layouts import PARSED_SCHEMA
from engine.quality.contract import sample_of, table_of
from engine.quality.report import judge
from tests.quality.sheet import DEFAULTS, good_rows, judged, judged_frame, sample


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(good_rows())


def test_a_frame_becomes_the_rows_that_a_file_would_give(frame):
    table = table_of(frame)

    assert table.schema == PARSED_SCHEMA
    assert table.drop_columns("line").equals(sample().rows.drop_columns("line"))
    assert table["line"].to_pylist() == list(range(1, 41))


def test_a_frame_is_judged_as_its_file_would_be(frame):
    assert judged_frame(frame).verdict == judged(sample()).verdict
    assert judged_frame(frame).lines.holds


@pytest.mark.parametrize("cell", ["n/a", "", "-", None, np.nan, np.inf, "1e400", [1], True, pd.NA, "1,0x"])
@pytest.mark.parametrize("column", ["close", "volume"])
def test_one_bad_cell_costs_its_own_row_and_no_other(frame, column, cell):
    cells = list(frame[column])
    cells[5] = cell
    report = judged_frame(frame.assign(**{column: pd.Series(cells, dtype=object)}))

    assert report.quarantined.tolist() == [5]
    assert report.results[1].check.id == "values_present"
    assert report.results[1].failed == 1


@pytest.mark.parametrize("kind", [float, object, "Float64", "str", "category"])
def test_numbers_come_in_many_types(frame, kind):
    changed = frame.assign(close=frame["close"].astype(kind))
    if kind == "category":
        with pytest.raises(DataError, match="close"):
            table_of(changed)
        return

    assert table_of(changed).equals(table_of(frame))


def test_text_may_have_thousands_commas_and_money_may_be_decimal(frame):
    texts = frame.assign(turnover=[f"{value:,.2f}" for value in frame["turnover"]], close=[Decimal(str(value)) for value in frame["close"]])

    assert table_of(texts).equals(table_of(frame))


def test_a_fraction_of_a_share_is_no_count(frame):
    assert table_of(frame.assign(volume=frame["volume"].astype(float) + 0.5))["volume"].null_count == 40


def test_an_index_that_repeats_itself_mixes_no_rows_up(frame):
    bad = frame.copy()
    bad.loc[3, "high"] = 50.0
    bad.index = [0] * len(bad)

    assert judged_frame(bad).quarantined.tolist() == [3]


def test_every_wrong_column_is_named_at_once(frame):
    wrong = frame.drop(columns=["open"]).assign(close=pd.Timestamp("2024-01-01"), high=True, colour="red", symbol=1)

    with pytest.raises(DataError) as error:
        table_of(wrong)
    for said in ("open is missing", "close holds neither", "high holds neither", "colour is unknown", "symbol is not text"):
        assert said in str(error.value)


def test_a_doubled_column_is_named(frame):
    with pytest.raises(DataError, match="more than one column called close"):
        table_of(pd.concat([frame, frame[["close"]]], axis=1))


def test_optional_columns_may_be_missing(frame):
    table = table_of(frame.drop(columns=["last_price", "change", "range", "change_pct", "range_pct", "high_52w", "low_52w"]))

    assert table["last_price"].null_count == 40


def test_symbols_are_brought_into_the_one_form(frame):
    frame["symbol"] = [" nabil 85 ", *frame["symbol"][1:]]

    assert table_of(frame)["symbol"][0].as_py() == "NABIL85"


def test_a_symbol_that_is_no_text_is_missing(frame):
    frame["symbol"] = pd.Series([7, *frame["symbol"][1:]], dtype=object)

    assert judged_frame(frame).quarantined.tolist() == [0]


def test_an_empty_frame_is_no_session(frame):
    report = judge(sample_of(frame.head(0), date(2025, 11, 20)), DEFAULTS)

    assert "rows_present" in report.reason


def test_the_frame_is_left_as_it_was(frame):
    before = frame.copy(deep=True)
    table_of(frame)

    pd.testing.assert_frame_equal(frame, before)
