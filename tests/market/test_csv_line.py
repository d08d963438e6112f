"""A line is taken apart and put together again for a person who mends it."""

import csv

from hypothesis import given
from hypothesis import strategies as st

from engine.market.csv_line import as_text, cells_of, escaped, line_of

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)


def test_a_line_of_the_exchange_comes_back_as_it_was():
    line = '107,LBBLD89,-,"1,140.20",293.00,"333,952.60",6,-19.00'

    assert line_of(cells_of(line)) == line


@given(st.lists(TEXT, min_size=2, max_size=24))
def test_whatever_a_person_types_into_the_fields_is_read_as_those_fields(cells):
    line = line_of(cells)

    assert next(csv.reader([line], strict=True)) == cells
    assert "\n" not in line


@given(st.text(max_size=60))
def test_no_line_is_refused(line):
    assert isinstance(cells_of(line), list)


def test_an_open_quote_ends_with_its_line():
    assert cells_of('1,"ADBL,2') == ["1", "ADBL,2"]


def test_every_byte_of_a_line_can_be_seen():
    assert escaped(b"1,AD\xffBL\x00,\t2") == r"1,AD\xffBL\x00,\t2"


def test_what_cannot_stand_in_a_line_is_left_out_of_the_editor():
    assert as_text(b"1,AD\xffBL\x00,2\r\n") == "1,AD\ufffdBL,2"
