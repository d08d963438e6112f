"""Queries: the bytes that real Parquet files make an engine read, and how they are billed."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs.line import total
from engine.costs.presets import AWS_2026, TEXTBOOK, preset
from engine.costs.price_book import TB
from engine.costs.query import (
    BytesRead,
    Free,
    Scan,
    billed_bytes,
    bytes_read,
    codec_sizes,
    dates_of,
    layout,
    opening_lines,
    query_lines,
    shared_out,
)
from engine.costs.transfer import transfer_lines
from engine.errors import UnknownName, UsageError

BOOK = preset(AWS_2026)
MB = Decimal(2**20)
DAYS = [date(2025, 6, 1) + timedelta(days=day) for day in range(60)]
ROWS_A_DAY = 50
TABLE = pa.table(
    {
        "session": [day for day in DAYS for _ in range(ROWS_A_DAY)],
        "symbol": [f"SYM{number}" for _ in DAYS for number in range(ROWS_A_DAY)],
        "close": [100.0 + number * 0.37 for number in range(len(DAYS) * ROWS_A_DAY)],
        "levels": [{"low": number, "high": number + 1} for number in range(len(DAYS) * ROWS_A_DAY)],
    }
)


@pytest.fixture(scope="module")
def groups(tmp_path_factory):
    file = tmp_path_factory.mktemp("query") / "prices.parquet"
    pq.write_table(TABLE, file, row_group_size=10 * ROWS_A_DAY)
    return layout(pq.read_metadata(file))


def test_the_bytes_are_those_that_the_file_itself_says(groups, tmp_path):
    pq.write_table(TABLE, tmp_path / "one.parquet", row_group_size=10 * ROWS_A_DAY)
    metadata = pq.read_metadata(tmp_path / "one.parquet")
    close = sum(metadata.row_group(at).column(2).total_compressed_size for at in range(metadata.num_row_groups))

    assert bytes_read(groups, Scan(("close",))).size == close
    assert bytes_read(groups, Scan()).size == bytes_read(groups, Scan()).of_size


def test_row_groups_outside_the_dates_are_not_read(groups):
    within = bytes_read(groups, dates_of(DAYS[12], DAYS[13], "session"))

    assert (within.row_groups, within.of_row_groups) == (1, 6)
    assert 0.1 < within.share < 0.25


def test_the_column_that_rows_are_chosen_by_is_read_too(groups):
    alone = bytes_read(groups, Scan(("close",), "session", DAYS[0], DAYS[-1]))

    assert alone.size == bytes_read(groups, Scan(("close", "session"))).size


def test_an_open_range_reads_to_the_end(groups):
    assert bytes_read(groups, Scan(None, "session", DAYS[30], None)).row_groups == 3


def test_a_file_without_statistics_is_read_whole(tmp_path):
    pq.write_table(TABLE, tmp_path / "blind.parquet", row_group_size=500, write_statistics=False)

    found = bytes_read(layout(pq.read_metadata(tmp_path / "blind.parquet")), dates_of(DAYS[0], DAYS[0], "session"))
    assert found.row_groups == found.of_row_groups


def test_an_unknown_column_is_refused_with_near_names(groups):
    with pytest.raises(UnknownName, match="close"):
        bytes_read(groups, Scan(("closes",)))


def test_no_files_are_no_bytes():
    assert bytes_read((), Scan(("close",))) == BytesRead(0, 0, 0, 0)


@given(st.sets(st.sampled_from(["session", "symbol", "close", "levels"]), min_size=1), st.integers(0, 59), st.integers(0, 59))
def test_fewer_columns_and_shorter_ranges_never_read_more(groups, columns, one, other):
    low, high = sorted((one, other))
    some = bytes_read(groups, Scan(tuple(columns), "session", DAYS[low], DAYS[high]))
    all_days = bytes_read(groups, Scan(tuple(columns), "session", DAYS[0], DAYS[-1]))
    all_columns = bytes_read(groups, dates_of(DAYS[low], DAYS[high], "session"))

    assert some.size <= min(all_days.size, all_columns.size)


def test_athena_bills_ten_megabytes_at_least_and_rounds_up_to_one():
    assert billed_bytes(BOOK, "athena", Decimal(22_528)) == 10 * MB
    assert billed_bytes(BOOK, "athena", 10 * MB + 1) == 11 * MB
    assert total(query_lines(BOOK, "athena", TB, Decimal(1))) == 5


def test_bigquery_gives_a_tebibyte_away_each_month():
    assert total(query_lines(BOOK, "bigquery", TB, Decimal(1), months=Decimal(12))) == 0
    assert total(query_lines(BOOK, "bigquery", TB, Decimal(3), months=Decimal(12))) == 12 * 2 * Decimal("6.25")
    assert total(query_lines(BOOK, "bigquery", TB, Decimal(3), free=Free(Decimal(0)))) == 3 * Decimal("6.25")


def test_free_bytes_go_to_all_that_ask_in_a_month_by_what_they_ask():
    assert shared_out(TB, [(TB, Decimal(1)), (3 * TB, Decimal(1))]) == [TB / 4, 3 * TB / 4]
    assert shared_out(TB, [(TB, Decimal(2)), (3 * TB, Decimal(1))]) == [TB / 4 + TB, 3 * TB / 4]  # alone in the second month
    assert shared_out(8 * TB, [(TB, Decimal(12)), (3 * TB, Decimal(12))]) == [12 * TB, 36 * TB]
    assert shared_out(TB, [(Decimal(0), Decimal(1))]) == [0]


def test_a_line_says_what_it_was_given_for_nothing():
    (line,) = query_lines(BOOK, "bigquery", TB, Decimal(3), months=Decimal(12))

    assert "- 13,194,139,533,312 B free, of 1,099,511,627,776 B a month" in line.formula
    assert "free" not in query_lines(BOOK, "athena", TB, Decimal(3))[0].formula


def test_the_files_that_a_query_opens_are_requests():
    (line,) = opening_lines(BOOK, Decimal(500), Decimal(30), what="q")

    assert line.amount == Decimal("0.006")
    assert opening_lines(preset(TEXTBOOK), Decimal(500), Decimal(30), what="q") == ()


def test_an_unknown_engine_and_negative_bytes_are_refused():
    with pytest.raises(UnknownName, match="athena"):
        query_lines(BOOK, "atena", TB, Decimal(1))
    with pytest.raises(UsageError, match="0 or more"):
        query_lines(BOOK, "athena", Decimal(-1), Decimal(1))
    with pytest.raises(UsageError, match="0 or more"):
        query_lines(BOOK, "athena", TB, Decimal(-1))


def test_codecs_are_measured_on_the_table_itself():
    sizes = codec_sizes(TABLE, ("none", "snappy", "zstd"))

    assert sizes["zstd"] < sizes["none"]


def test_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(UsageError, match="before it begins"):
        dates_of(DAYS[1], DAYS[0], "session")


def test_transfer_is_free_inward_and_tiered_outward():
    tb = 1024 * Decimal(2**30)

    assert total(transfer_lines(BOOK, "in", 50 * tb)) == 0
    assert total(transfer_lines(BOOK, "out", tb)) == 924 * Decimal("0.09")
    assert total(transfer_lines(BOOK, "out", tb, months=Decimal(3))) == 3 * total(transfer_lines(BOOK, "out", tb))
    with pytest.raises(UnknownName, match="cross_region"):
        transfer_lines(BOOK, "cross_regions", tb)
