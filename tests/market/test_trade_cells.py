"""Rows of text become the same ticks whichever way they are read, all at once or one by one with care."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.market.trade_cells import AMOUNT, COLUMNS, CONTRACT, QUANTITY, RATE, SYMBOL_NAME, TIME, _read_carefully, typed
from engine.stream.ticks import Symbols

GOOD = {
    CONTRACT: "2024071703033671",
    SYMBOL_NAME: "SKBBL",
    QUANTITY: "37",
    RATE: "888.5",
    AMOUNT: "32874.5",
    TIME: "2024-07-17T14:59:39.181684",
}
SPOILT = {
    CONTRACT: ["2024071703033671.0", "1924071703033671", "02024071703033671", "20240717030336.71", "", "x"],
    SYMBOL_NAME: ["", "skbbl", "SK BBL", "SKßBL", "a;b", "-X", "NABIL\n", "X" * 33],
    QUANTITY: ["37.0", "37.00", "37.000", "037", "37.5", "0", "-37", "3.7E1", "1234567890", "3 7", "37.", ".37"],
    RATE: ["888.50", "888.500", "888.501", "8.885E2", "0888.5", "888,5", "12345678", "0", "0.0", "8.8.8", "88५.5", "n/a"],
    AMOUNT: ["32874.50", "32874.51", "3.28745E4", "032874.5", "", "32874", "9" * 17],
    TIME: [
        "2024-07-17 14:59:39",
        "2024-07-17T14:59:39.",
        "2024-07-17T14:59:39.1",
        "2024-07-17T14:59:39.1816840",
        "2024-07-17T14:59:39Z",
        "2024-07-17T14:59:39.1Z",
        "2024-07-17T14:59+05:45",
        "2024-07-17",
        "2024-07-17t14:59:39",
        "2024-02-30T14:59:39",
        "2024-07-17T24:59:39",
        "1999-07-17T14:59:39",
        "2100-07-17T14:59:39",
        "",
    ],
}
CELLS = {
    name: st.sampled_from([GOOD[name], GOOD[name], None, *SPOILT[name]]) | st.text("0123456789.eE-+T: ", max_size=26) for name in COLUMNS
}
ROWS = st.lists(st.fixed_dictionaries(CELLS) | st.just(GOOD), max_size=6)


def told(rows, read):
    symbols = Symbols()
    found = read({name: pa.array([row[name] for row in rows], pa.string()) for name in COLUMNS}, symbols)
    ticks = zip(*(column.tolist() for column in found.ticks.columns()), strict=True)
    named = [
        (*tick[:2], symbols.names[tick[2]] if good else None, *tick[3:]) for tick, good in zip(ticks, found.good.tolist(), strict=True)
    ]
    return named, found.good.tolist(), dict(found.reasons)


@given(ROWS)
@example([GOOD, GOOD | {AMOUNT: None}])
@example([dict.fromkeys(COLUMNS), dict.fromkeys(COLUMNS)])
@example([dict.fromkeys(COLUMNS, "")])
@example([dict.fromkeys(COLUMNS, ".")])
@example([GOOD | {name: cell} for name in COLUMNS for cell in SPOILT[name]])
def test_rows_read_at_once_are_what_a_careful_reader_finds_one_by_one(rows):
    by_one = [told([row], _read_carefully) for row in rows]

    ticks, good, reasons = told(rows, typed)

    assert ticks == [tick for found, _, _ in by_one for tick in found]
    assert good == [fine for _, found, _ in by_one for fine in found]
    assert reasons == {row: found[0] for row, (_, _, found) in enumerate(by_one) if found}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_row_that_cannot_be_read_takes_no_other_with_it(name):
    ticks, good, reasons = told([GOOD, GOOD | {name: "?"}, GOOD], typed)

    assert good == [True, False, True]
    assert ticks[0] == ticks[2] == (2024071703033671, 1721207679181684, "SKBBL", 37, 88_850)
    assert list(reasons) == [1]
    assert reasons[1].startswith(f"{name} is ")


def test_a_symbol_of_a_row_that_cannot_be_read_gets_no_code():
    symbols = Symbols()
    typed(
        {name: pa.array([GOOD[name] if name != RATE else "?", GOOD[name]], pa.string()) for name in COLUMNS}
        | {SYMBOL_NAME: pa.array(["GHOST", "SKBBL"])},
        symbols,
    )

    assert symbols.names == ["SKBBL"]
