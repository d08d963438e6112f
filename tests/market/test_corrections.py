"""A corrected line stands in the place of one physical line, and nothing else of the file moves."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UnreadableFile, UsageError
from engine.market.daily_file import lines_of, parse
from tests.market.conftest import GOOD, V1

NAME = "2024_03_05.csv.gz"


def file(*lines: str | bytes, end: bytes = b"\n", packed: bool = True) -> bytes:
    raw = b"".join((line.encode() if isinstance(line, str) else line) + end for line in (V1, *lines))
    return gzip.compress(raw) if packed else raw


def named(symbol: str) -> str:
    return GOOD.replace("ADBL", symbol)


def symbols(parsed) -> list[str]:
    return parsed.rows["symbol"].to_pylist()


def test_a_line_that_could_not_be_read_is_a_row_once_it_is_corrected():
    content = file(named("ADBL"), "torn,line", named("NABIL"))
    as_it_came, corrected = parse(content, NAME), parse(content, NAME, corrections={3: named("NICA").encode()})

    assert (symbols(as_it_came), as_it_came.lines.rejected) == (["ADBL", "NABIL"], 1)
    assert (symbols(corrected), corrected.lines.rejected) == (["ADBL", "NICA", "NABIL"], 0)
    assert corrected.rows["line"].to_pylist() == [2, 3, 4]
    assert corrected.lines.physical == as_it_came.lines.physical


def test_a_correction_may_be_wrong_too_and_is_told_like_any_line():
    parsed = parse(file(named("ADBL"), named("NABIL")), NAME, corrections={3: b"\xff"})

    assert parsed.rejected.to_pylist()[0]["line"] == 3


def test_a_correction_to_the_symbol_of_another_line_is_a_duplicate():
    parsed = parse(file(named("ADBL"), named("NABIL")), NAME, corrections={3: named("ADBL").encode()})

    assert (symbols(parsed), parsed.lines.duplicates) == (["ADBL"], 1)


def test_lines_are_counted_as_they_stand_in_the_file_with_blank_ones_above_the_header():
    content = b"\n\n" + file(named("ADBL"), "x", packed=False)
    parsed = parse(content, NAME, corrections={5: named("NABIL").encode()})

    assert symbols(parsed) == ["ADBL", "NABIL"]
    assert lines_of(content, NAME, [5]) == {5: b"x"}


def test_a_blank_line_may_be_corrected_and_line_breaks_stay_as_they_came():
    content = file(named("ADBL"), "", named("NABIL"), end=b"\r\n", packed=False)
    parsed = parse(content, NAME, corrections={3: named("NICA").encode(), 4: named("HIDCL").encode()})

    assert symbols(parsed) == ["ADBL", "NICA", "HIDCL"]
    assert (parsed.lines.physical, parsed.lines.blank) == (4, 0)


@pytest.mark.parametrize("number", [-1, 0, 1, 4, 99])
def test_the_header_and_what_is_not_in_the_file_cannot_be_corrected(number):
    with pytest.raises(UsageError, match=rf"{NAME} has its rows on lines 2 to 3; line {number} cannot"):
        parse(file(named("ADBL"), named("NABIL")), NAME, corrections={number: b"x"})


def test_what_stands_above_the_header_cannot_be_corrected():
    with pytest.raises(UsageError, match="lines 3 to 3; line 1 cannot"):
        parse(b"\n" + file(GOOD, packed=False), NAME, corrections={1: b"x"})


def test_the_last_line_without_a_line_break_can_be_corrected():
    content = file(named("ADBL"), named("NABIL"), packed=False).removesuffix(b"\n")

    assert symbols(parse(content, NAME, corrections={3: named("NICA").encode()})) == ["ADBL", "NICA"]


def test_lines_come_as_their_bytes_and_those_that_are_not_there_are_left_out():
    content = file("\ufeffx", b"\xff\x00,y", packed=False)

    assert lines_of(content, NAME, [3, 0, 4, -2]) == {3: b"\xff\x00,y"}
    assert lines_of(content, NAME, [1]) == {1: V1.encode()}


def test_a_file_of_endless_lines_is_refused_before_it_is_cut_into_them():
    content = b"x\n" * 30_000
    for read in (lambda: lines_of(content, NAME, [1]), lambda: parse(content, NAME, corrections={2: b"y"})):
        with pytest.raises(UnreadableFile, match="never has more"):
            read()


lines = st.lists(st.sampled_from([named("ADBL"), named("NABIL"), "", "torn", "  ", "a,b\r"]), min_size=1, max_size=8)


@given(lines=lines, number=st.integers(0, 7), breaks=st.booleans())
def test_a_file_with_a_correction_is_read_as_the_file_that_has_it(lines, number, breaks):
    at = number % len(lines)
    mended = [named("HIDCL") if place == at else line for place, line in enumerate(lines)]
    end = b"\r\n" if breaks else b"\n"
    corrected = parse(file(*lines, end=end), NAME, corrections={at + 2: named("HIDCL").encode()})
    whole = parse(file(*mended, end=end), NAME)

    assert corrected.rows.equals(whole.rows)
    assert corrected.lines == whole.lines
    assert sum((corrected.lines.header, corrected.lines.blank, corrected.lines.loaded, corrected.lines.rejected)) == (
        corrected.lines.physical - corrected.lines.duplicates
    )
