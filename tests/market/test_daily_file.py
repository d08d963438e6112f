import gzip
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UnknownLayout, UnreadableFile
from engine.market import daily_file
from engine.market.daily_file import REJECTED_SCHEMA, parse, to_silver
from engine.market.defects import MAX_LINE, Defect
from engine.market.layouts import LAYOUTS, PARSED_SCHEMA, SILVER_SCHEMA


def with_cell(line, position, value):
    cells = [
        "ADBL" if cell == "ADBL" else cell for cell in line.replace('"1,530.00"', "1530.00").replace('"349,834.50"', "349834.50").split(",")
    ]
    cells[position] = value
    return ",".join(cells)


def named(line, symbol):
    return line.replace("ADBL", symbol)


def only(parsed):
    assert parsed.rejected.num_rows == 1
    return parsed.rejected.to_pylist()[0]


def test_a_good_line_is_typed_with_decimals_and_whole_counts(read, good):
    parsed = read(good)

    row = parsed.rows.to_pylist()[0]
    assert parsed.rows.schema == PARSED_SCHEMA
    assert (row["symbol"], row["close"], row["turnover"]) == ("ADBL", Decimal("237.40"), Decimal("349834.50"))
    assert (row["volume"], row["trades"], row["line"]) == (1530, 5, 2)


def test_a_dash_is_null(read, good):
    assert read(good).rows["confidence"].to_pylist() == [None]


def test_the_last_price_is_null_in_the_first_layout(read, good):
    assert read(good).rows["last_price"].to_pylist() == [None]


def test_columns_are_found_by_name_wherever_they_stand(read, header, good):
    names, cells = header.split(","), with_cell(good, 0, "1").split(",")

    parsed = read(",".join(reversed(cells)), header=",".join(reversed(names)))

    assert parsed.rows.equals(read(good).rows)
    assert parsed.layout == "v1_21col"


def test_spaces_in_a_symbol_do_not_make_another_symbol(read, good):
    assert read(named(good, "nicad 85/86")).rows["symbol"].to_pylist() == ["NICAD85/86"]


def test_an_unknown_header_names_what_is_too_much_and_what_lacks(read, header, good):
    with pytest.raises(UnknownLayout, match=r"unknown: 'Volume'; missing: 'Vol'"):
        read(good, header=header.replace(",Vol,", ",Volume,"))


def test_a_doubled_column_is_an_unknown_layout(read, header, good):
    with pytest.raises(UnknownLayout, match=r"doubled: 'Vol'"):
        read(f"{good},1", header=f"{header},Vol")


@pytest.mark.parametrize("first", ["<html><body>503 Service Unavailable</body></html>", "Symbol,Company,Sector", "sorry"])
def test_an_error_page_is_no_new_layout(first):
    with pytest.raises(UnreadableFile, match=r"line 1 is '.*belongs\. An error page, or another file.*get it from the source again"):
        parse(first.encode() + b"\n1,2,3\n", "2025-06-01.csv")


def test_the_layouts_have_the_widths_they_are_named_for():
    assert {name: len(columns) for name, columns in LAYOUTS.items()} == {"v1_21col": 21, "v2_22col": 22, "v3_24col": 24}


@pytest.mark.parametrize(
    ("make", "defect", "column", "said"),
    [
        (lambda g: g + ",1", Defect.RAGGED, None, "22 cells where the header has 21"),
        (lambda g: g.rsplit(",", 1)[0], Defect.RAGGED, None, "20 cells"),
        (lambda g: with_cell(g, 6, "abc"), Defect.NOT_A_NUMBER, "close", "'abc'"),
        (lambda g: with_cell(g, 6, "inf"), Defect.NOT_A_NUMBER, "close", "'inf'"),
        (lambda g: with_cell(g, 2, "nan"), Defect.NOT_A_NUMBER, "confidence", "'nan'"),
        (lambda g: with_cell(g, 2, "1e400"), Defect.NOT_A_NUMBER, "confidence", "'1e400'"),
        (lambda g: with_cell(g, 6, '"1,23.50"'), Defect.NOT_A_NUMBER, "close", "1,23.50"),
        (lambda g: with_cell(g, 6, "٣"), Defect.NOT_A_NUMBER, "close", "٣"),
        (lambda g: with_cell(g, 6, "12345678901234567.00"), Defect.OUT_OF_RANGE, "close", "16 digits"),
        (lambda g: with_cell(g, 6, "237.405"), Defect.OUT_OF_RANGE, "close", "2 decimals"),
        (lambda g: with_cell(g, 8, "10.50"), Defect.OUT_OF_RANGE, "volume", "0 decimals"),
        (lambda g: with_cell(g, 6, "-"), Defect.NO_VALUE, "close", "close has no value"),
        (lambda g: with_cell(g, 1, " "), Defect.BLANK_SYMBOL, "symbol", "no symbol"),
        (lambda g: with_cell(g, 1, "=cmd|' /C calc'!A0"), Defect.BAD_SYMBOL, "symbol", "=CMD"),
        (lambda g: with_cell(g, 1, '"ADBL'), Defect.MALFORMED, None, "not a line of CSV"),
        (lambda g: with_cell(g, 1, "AD\0BL"), Defect.NOT_TEXT, None, "NUL"),
        (lambda g: with_cell(g, 1, "A" * (MAX_LINE + 1)), Defect.TOO_LONG, None, "at most 65,536"),
    ],
)
def test_a_bad_line_is_kept_with_its_reason_and_stops_no_other(read, good, make, defect, column, said):
    parsed = read(named(good, "FIRST"), make(good), named(good, "LAST"))

    bad = only(parsed)
    assert parsed.rows["symbol"].to_pylist() == ["FIRST", "LAST"]
    assert (bad["line"], bad["defect"], bad["column"]) == (3, defect, column)
    assert said in bad["reason"]


def test_a_rejected_line_keeps_its_text(read, good):
    bad_line = with_cell(good, 6, "abc")

    assert only(read(named(good, "X"), bad_line))["raw"] == bad_line


def test_a_rejected_line_keeps_its_symbol(read, good):
    assert only(read(with_cell(good, 6, "abc")))["symbol"] == "ADBL"


def test_bytes_that_are_not_utf8_cost_their_line_only(header, good):
    parsed = parse(b"\n".join([header.encode(), good.encode(), b"2,M\xe9,1"]), "f")

    assert parsed.rows["symbol"].to_pylist() == ["ADBL"]
    assert only(parsed)["raw"] == "2,M\\xe9,1"


def test_the_same_row_again_is_a_duplicate(read, good):
    parsed = read(good, good)

    assert only(parsed)["defect"] == Defect.DUPLICATE
    assert (parsed.lines.loaded, parsed.lines.duplicates, parsed.lines.rejected) == (1, 1, 0)


def test_a_symbol_again_with_other_values_is_a_conflict_and_the_first_stays(read, good):
    parsed = read(good, with_cell(good, 6, "999.00"))

    assert only(parsed)["defect"] == Defect.CONFLICT
    assert "another close than on line 2" in only(parsed)["reason"]
    assert parsed.rows["close"].to_pylist() == [Decimal("237.40")]


def test_blank_lines_are_counted_and_keep_the_numbering(read, good):
    parsed = read(good, "", "  ", named(good, "NABIL"))

    assert parsed.rows["line"].to_pylist() == [2, 5]
    assert parsed.lines.blank == 2


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(header, good, read):
    text = f"{header}\r\n{good}\r\n".encode()

    parsed = parse(b"\xef\xbb\xbf" + text, "f")

    assert parsed.rows.equals(read(good).rows)
    assert parsed.lines == read(good).lines


def test_packed_and_plain_files_are_told_by_their_bytes(header, good):
    text = f"{header}\n{good}\n".encode()

    assert parse(text, "f.csv.gz").rows.equals(parse(gzip.compress(text), "f.csv").rows)


def test_a_header_alone_is_a_file_without_rows(read):
    parsed = read()

    assert parsed.rows.schema == PARSED_SCHEMA
    assert (parsed.rows.num_rows, parsed.lines.physical, parsed.rejected.schema) == (0, 1, REJECTED_SCHEMA)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0", "Symbol,Öpen".encode("utf-16"), b'"open\n1,2'])
def test_what_is_no_text_table_is_unreadable(content):
    with pytest.raises(UnreadableFile, match="not a text table"):
        parse(content, "f.csv")


def test_more_lines_than_any_market_has_are_refused(header):
    with pytest.raises(UnreadableFile, match="30,001 lines"):
        parse(f"{header}\n".encode() + b"x\n" * 30_000, "f.csv")


def test_silver_is_sorted_by_symbol_and_carries_the_session(read, good):
    silver = to_silver(read(named(good, "NABIL"), named(good, "ADBL")), date(2024, 3, 5))

    assert silver.schema == SILVER_SCHEMA
    assert silver["symbol"].to_pylist() == ["ADBL", "NABIL"]
    assert set(silver["session"].to_pylist()) == {date(2024, 3, 5)}


def test_silver_of_the_same_bytes_is_the_same(read, good):
    day = date(2024, 3, 5)

    assert to_silver(read(good), day).equals(to_silver(read(good), day))


HEADER = (
    b"S.No,Symbol,Conf.,Open,High,Low,Close,VWAP,Vol,Prev. Close,Turnover,Trans.,Diff,Range,Diff %,Range %,VWAP %,"
    b"120 Days,180 Days,52 Weeks High,52 Weeks Low"
)
LINES = st.sampled_from(
    [
        b'1,ADBL,-,228.00,237.40,228.00,237.40,228.65,"1,530.00",224.00,"349,834.50",5,13.40,9.40,5.98,4.12,3.69,247.55,245.16,307.70,223.00',
        b"2,NABIL,40.1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,-,-,1,1",
        b"2,NABIL,40.1,2,1,1,1,1,1,1,1,1,1,1,1,1,1,-,-,1,1",
        b"3,short,1",
        b'4,"open,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1',
        b'"',
        b"",
        b"   ",
        b"\r",
        b",,,",
        b"5,\xff\xfe,1",
        b"6,NUL\0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
        b"7,INF,inf,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
        b"8,BIG,1,1e400,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
        b"9,a\rb,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
        b"9,LINE\xe2\x80\xa8SEP,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
        b"=1+1",
    ]
) | st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b" "))


@given(lines=st.lists(LINES, max_size=12), end=st.sampled_from([b"", b"\n", b"\r\n"]))
def test_every_physical_line_is_accounted_for_once(lines, end):
    text = b"\n".join([HEADER, *lines]) + end

    counts = (parsed := parse(text, "f.csv")).lines

    assert counts.physical == text.count(b"\n") + (not text.endswith(b"\n"))
    assert counts.physical == counts.header + counts.blank + counts.loaded + counts.rejected + counts.duplicates
    assert (counts.loaded, counts.rejected + counts.duplicates) == (parsed.rows.num_rows, parsed.rejected.num_rows)


@given(lines=st.lists(LINES, max_size=12))
def test_no_line_is_both_loaded_and_rejected(lines):
    parsed = parse(b"\n".join([HEADER, *lines]), "f.csv")

    seen = parsed.rows["line"].to_pylist() + parsed.rejected["line"].to_pylist()
    assert len(seen) == len(set(seen))
    assert len(set(parsed.rows["symbol"].to_pylist())) == parsed.rows.num_rows


CELLS = st.text('0123456789,.-+eE" \r', max_size=8) | st.sampled_from(["1", "-", "", "1.00", '"1,234.50"', "nan", "\u0661"])


# Most cells are good, so that a strange one that the quick reading takes for good would show.
@given(strange=st.dictionaries(st.integers(1, 20), CELLS, max_size=2), symbol=st.sampled_from(["ADBL", "a b/1", "=A", '"Q"', ""]))
def test_the_quick_and_the_careful_reading_agree_on_any_line(strange, symbol):
    cells = [strange.get(position, "1") for position in range(21)]
    cells[1] = symbol
    text = b"\n".join([HEADER, ",".join(cells).encode()])
    as_it_is = parse(text, "f.csv")

    careful = parse(text + b"\n,", "f.csv")  # one more line, and a bad one, forces the careful reading

    assert careful.rows.equals(as_it_is.rows)
    assert careful.lines.rejected == as_it_is.lines.rejected + 1


def test_the_quick_and_the_careful_reading_agree_on_real_files(real_data, monkeypatch):
    contents = {path.name: path.read_bytes() for path in sorted((real_data / "daily").iterdir())[::25]}
    quick = {name: parse(content, name) for name, content in contents.items()}

    monkeypatch.setattr(daily_file, "read_quickly", lambda *_args, **_named: None)

    for name, content in contents.items():
        careful = parse(content, name)
        assert careful.rows.equals(quick[name].rows), name
        assert careful.lines == quick[name].lines


def test_every_row_of_every_real_file_is_typed(real_data):
    rows = 0
    for path in (real_data / "daily").iterdir():
        parsed = parse(path.read_bytes(), path.name)
        rows += parsed.rows.num_rows

        assert parsed.rejected.num_rows == 0, path.name
    assert rows == 211_571
