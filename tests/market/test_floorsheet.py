"""A floorsheet gives its trades exactly, and every line that is none with the reason."""

import csv
import gzip
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine.errors import UnknownLayout, UnreadableFile
from engine.market.floorsheet import Floorsheet, read_floorsheet
from engine.stream.contracts import Contracts
from engine.stream.ticks import SECOND

F1 = (
    "id,contractId,contractType,stockSymbol,buyerMemberId,sellerMemberId,contractQuantity,contractRate,contractAmount,businessDate,"
    "tradeBookId,stockId,buyerBrokerName,sellerBrokerName,tradeTime,securityName"
)
F2 = F1.replace("id,contractId,contractType", "contractId")
NEPAL_AHEAD = timedelta(hours=5, minutes=45)

# date -> layout, rows, symbols, trades missing by the sequence of the contract ids: the data set's own description
REAL = {
    date(2024, 4, 9): ("f1_16col", 8_139, 39, 63_975),
    date(2024, 4, 30): ("f1_16col", 75_202, 314, 69),
    date(2024, 5, 2): ("f1_16col", 56_849, 272, 7_332),
    date(2024, 7, 14): ("f1_16col", 96_037, 298, 232),
    date(2024, 7, 17): ("f1_16col", 149_401, 298, 280),
    date(2024, 9, 22): ("f2_14col", 72_179, 315, 778),
}


def line(
    *, contract: str = "2024071703033671", symbol="SKBBL", quantity="37", rate="888.5", amount="32874.5", time="2024-07-17T14:59:39.181684"
) -> str:
    """A line of the second layout; without arguments nothing is wrong with it."""
    return (
        f"{contract},{symbol},42,25,{quantity},{rate},{amount},2024-07-17,114256474,574,Sani Securities,Sweta Securities,{time},Sana Kisan"
    )


@pytest.fixture
def read() -> Callable[..., Floorsheet]:
    """Read lines as a floorsheet, after one good line."""

    def reader(*lines: str | bytes, header: str = F2) -> Floorsheet:
        encoded = [each if isinstance(each, bytes) else each.encode() for each in (header, line(), *lines)]
        return read_floorsheet(b"\n".join([*encoded, b""]), "2024-07-17.csv")

    return reader


def in_paisa(text: str) -> int:
    return int(Decimal(text).scaleb(2))


def told_independently(path: Path) -> Sequence[tuple[int, datetime, str, int, int]]:
    """The trades of a file by Python's own reader."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [
            (
                int(row["contractId"]),
                datetime.fromisoformat(row["tradeTime"]) - NEPAL_AHEAD,
                row["stockSymbol"],
                int(row["contractQuantity"]),
                in_paisa(row["contractRate"]),
            )
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("session", REAL)
def test_a_real_file_gives_every_trade_and_says_how_many_are_missing(real_data, session):
    sheet = read_floorsheet((real_data / f"floorsheet/{session}.csv.gz").read_bytes(), f"{session}.csv.gz")
    contracts = Contracts(session)
    contracts.add(sheet.ticks.contract)
    missing = sum(part.missing for part in contracts.completeness())

    assert (sheet.session, len(sheet.bad)) == (session, 0)
    assert (sheet.layout, len(sheet.ticks), len(sheet.symbols), missing) == REAL[session]


@pytest.mark.parametrize("session", [date(2024, 4, 30), date(2024, 9, 22)])
def test_a_real_file_gives_what_a_reader_of_lines_finds(real_data, session):
    path = real_data / f"floorsheet/{session}.csv.gz"
    sheet = read_floorsheet(path.read_bytes(), path.name)
    ticks = sheet.ticks
    names = [sheet.symbols.names[code] for code in ticks.symbol.tolist()]
    times = [datetime(1970, 1, 1) + timedelta(microseconds=micros) for micros in ticks.time.tolist()]
    found = list(zip(ticks.contract.tolist(), times, names, ticks.quantity.tolist(), ticks.rate.tolist(), strict=True))

    assert found == told_independently(path)


def test_both_layouts_packed_or_not_give_the_same(read):
    first = read_floorsheet(gzip.compress(f"{F1}\n,{line().replace(',', ',,', 1)}\n".encode()), "f1")
    second = read()

    assert (first.layout, second.layout) == ("f1_16col", "f2_14col")
    assert [column.tolist() for column in (first.ticks.contract, first.ticks.time, first.ticks.rate)] == [
        column.tolist() for column in (second.ticks.contract, second.ticks.time, second.ticks.rate)
    ]


def test_columns_are_found_by_name(read):
    turned = ",".join(reversed(F2.split(",")))
    sheet = read_floorsheet(f"{turned}\n{','.join(reversed(line().split(',')))}\n".encode(), "turned")

    assert (sheet.layout, sheet.ticks.quantity.tolist(), sheet.ticks.rate.tolist()) == ("f2_14col", [37], [88_850])


@pytest.mark.parametrize("digits", range(7))
def test_a_time_has_none_to_six_decimals(read, digits):
    fraction = f".{'123456'[:digits]}" if digits else ""
    sheet = read(line(time=f"2024-07-17T11:00:00{fraction}"))
    start = datetime(2024, 7, 17, 5, 15)

    assert datetime(1970, 1, 1) + timedelta(microseconds=int(sheet.ticks.time[1])) == start + timedelta(
        microseconds=int("123456"[:digits].ljust(6, "0"))
    )


@pytest.mark.parametrize(
    ("rate", "amount", "paisa"), [("0.07", "2.59", 7), ("1234567", "45678979", 123_456_700), ("888.50", "3.28745E4", 88_850)]
)
def test_money_is_exact(read, rate, amount, paisa):
    sheet = read(line(rate=rate, amount=amount))

    assert (sheet.bad, sheet.ticks.rate[1], sheet.amounts[1]) == ([], paisa, in_paisa(amount))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"contract": ""}, "contractId is missing"),
        ({"contract": "12"}, "contractId is '12': a contract id has 16 digits"),
        ({"symbol": ""}, "stockSymbol is missing"),
        ({"symbol": "a;b"}, "stockSymbol is 'a;b': a symbol of up to 32"),
        ({"quantity": "-37"}, "contractQuantity is '-37': a whole number of shares"),
        ({"quantity": "3.5"}, "contractQuantity is '3.5'"),
        ({"quantity": "99999999999999999999"}, "contractQuantity is '99999999999999999999'"),
        ({"quantity": "0", "amount": "0"}, "contractQuantity is nought"),
        ({"rate": "-888.5"}, "contractRate is '-888.5': a price is needed"),
        ({"rate": "888.505"}, "contractRate is '888.505'"),
        ({"rate": "n/a"}, "contractRate is 'n/a'"),
        ({"rate": "1e99"}, "contractRate is '1"),
        ({"rate": "0.00", "amount": "0"}, "contractRate is nought"),
        ({"amount": ""}, "contractAmount is missing"),
        ({"amount": "32874.51"}, "contractAmount is 32874.51, and 37 shares at 888.5 are 32874.50"),
        ({"time": "2024-07-17"}, "tradeTime is '2024-07-17': a time such as"),
        ({"time": "2024-02-30T12:00:00"}, "tradeTime is '2024-02-30T12:00:00': there is no such date"),
        ({"time": "2024-07-17T25:00:00"}, "tradeTime is '2024-07-17T25:00:00'"),
        ({"time": "2024-07-17T12:00:00.1234567"}, "tradeTime is"),
    ],
)
def test_a_line_that_is_no_trade_is_kept_with_the_reason(read, broken, reason):
    wrong = line(**broken)
    sheet = read(wrong, line(contract="2024071703033672"))

    assert sheet.ticks.contract.tolist() == [2024071703033671, 2024071703033672]
    assert [(bad.line, bad.raw) for bad in sheet.bad] == [(3, wrong.encode())]
    assert sheet.bad[0].reason.startswith(reason)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"2024071703033671,SKBBL,42", "it has 3 cells, the header has 14"),
        (line().encode() + b",1", "it has 15 cells, the header has 14"),
        (line(symbol='"SKBBL').encode(), "a quote in it is never closed"),
        (line().encode().replace(b"Sani", b"S\xe4ni"), "it is not UTF-8"),
        (line().encode().replace(b"Sani", b"S\0ni"), "there is a NUL byte in it"),
        (line().encode().replace(b"Sani", b"S\rni"), "there is a CR inside it"),
    ],
)
def test_a_broken_line_costs_itself_alone(read, raw, reason):
    wrong = line(quantity="x")
    sheet = read(raw, "", line(contract="2024071703033672"), wrong)

    assert sheet.ticks.contract.tolist() == [2024071703033671, 2024071703033672]
    assert [(bad.line, bad.raw) for bad in sheet.bad] == [(3, raw), (6, wrong.encode())]
    assert sheet.bad[0].reason == reason


def test_the_session_is_that_of_most_contracts_and_the_others_stay(read):
    sheet = read(line(contract="2024071703033672"), line(contract="2024071603000001"))

    assert (sheet.session, len(sheet.ticks)) == (date(2024, 7, 17), 3)


def test_names_with_line_ends_of_windows_quotes_and_letters_of_any_script_are_no_trouble():
    quoted = line().replace("Sana Kisan", '"किसान, Ltd. ""A"""')
    sheet = read_floorsheet(f"\r\n{F2}\r\n{quoted}\r\n{line(symbol='nicad 85/86')}".encode(), "windows")

    assert (len(sheet.ticks), sheet.bad, sheet.symbols.names) == (2, [], ["SKBBL", "NICAD85/86"])


def test_an_unknown_header_names_its_columns():
    with pytest.raises(UnknownLayout, match=r"unknown: 'price'; missing: 'contractRate'.*floorsheet\.py"):
        read_floorsheet(f"{F2.replace('contractRate', 'price')}\n{line()}\n".encode(), "new")


def test_the_form_without_times_says_that_it_has_none(real_data):
    path = real_data / "floorsheet_merolagani/floorsheet_2026-02-25.csv.gz"

    with pytest.raises(UnknownLayout, match=r"merolagani\.com, which gives no times"):
        read_floorsheet(path.read_bytes(), path.name)


@pytest.mark.parametrize("rows", ["", f"{line(rate='x')}\n"])
def test_a_file_without_a_trade_is_refused(rows):
    with pytest.raises(UnreadableFile, match="holds no trade that can be read"):
        read_floorsheet(f"{F2}\n{rows}".encode(), "empty")


def test_more_symbols_than_there_are_codes_is_a_reason_too(monkeypatch):
    monkeypatch.setattr("engine.stream.ticks.MAX_SYMBOLS", 2)
    monkeypatch.setattr("engine.market.trade_cells.MAX_SYMBOLS", 2)
    sheet = read_floorsheet("\n".join([F2, *(line(symbol=symbol) for symbol in ("A", "B", "C", "B"))]).encode(), "many")

    assert (sheet.symbols.names, [bad.line for bad in sheet.bad]) == (["A", "B"], [4])


def test_ticks_are_whole_numbers_of_the_stream(read):
    ticks = read().ticks

    assert (ticks.time.dtype, ticks.symbol.dtype, ticks.rate.dtype) == (np.int64, np.uint16, np.int64)
    assert ticks.time[0] == (datetime(2024, 7, 17, 14, 59, 39, 181684) - NEPAL_AHEAD - datetime(1970, 1, 1)) // timedelta(microseconds=1), (
        "microseconds since 1970, UTC"
    )
    assert SECOND == 1_000_000
