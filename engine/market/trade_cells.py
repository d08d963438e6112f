"""Trades as text, in the columns of the exchange, to ticks: whichever way they came, file or message, they are read by the same rules.

Nothing goes through a float, and no cell raises: a row that cannot be read gets a reason, and its place in the columns holds zeros.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.market.defects import SYMBOL
from engine.market.money import MONEY, paisa
from engine.market.plain_cells import hundredths, microseconds
from engine.stream.ticks import MAX_SYMBOLS, SECOND, Codes, Ints, Mask, Symbols, Ticks

CONTRACT, SYMBOL_NAME, QUANTITY, RATE, AMOUNT, TIME = COLUMNS = (
    "contractId",
    "stockSymbol",
    "contractQuantity",
    "contractRate",
    "contractAmount",
    "tradeTime",
)
NEPAL_AHEAD = 20_700 * SECOND  # 05:45 since 1986: no zone's table has to be asked for every trade

# RE2 syntax. Bounded so that quantity times rate in paisa stays below 2**63.
_WHOLE = r"^[0-9]{1,9}(?:\.0{1,9})?$"
_MONEY = r"^[0-9]{1,7}(?:\.[0-9]{1,2}0{0,12})?$"
_AMOUNT = r"^[0-9]{1,15}(?:\.[0-9]{1,2}0{0,12})?$"
_SCIENTIFIC = r"^[0-9.]{1,18}[eE][+]?[0-9]{1,2}$"  # how some JSON writers put large numbers: 1.0E7
_CLOCK = r"^20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?$"
_RULES: Mapping[str, tuple[str, str]] = {
    CONTRACT: (r"^20[0-9]{14}$", "a contract id has 16 digits, the date first"),
    QUANTITY: (_WHOLE, "a whole number of shares is needed, at most nine digits"),
    RATE: (_MONEY, "a price is needed, at most two decimals and seven digits before them"),
    AMOUNT: (_AMOUNT, "an amount is needed, at most two decimals"),
    TIME: (_CLOCK, "a time such as 2024-07-17T14:59:39.181684 is needed, with up to six decimals"),
}
_BELOW = {CONTRACT: 21 * 10**14, QUANTITY: 10**9, RATE: 10**7, AMOUNT: 10**15}  # the same bounds, for numbers of the plainest form
_FIRST_CONTRACT = 20 * 10**14
_symbol = re.compile(SYMBOL).fullmatch
_SYMBOL_RULE = "a symbol of up to 32 capital letters, digits and /.&()_- is needed"


@dataclass(frozen=True, slots=True)
class TypedTrades:
    """Rows of text as ticks, in their order: where `good` is false, the columns hold zeros and `reasons` says why, by row."""

    ticks: Ticks
    good: Mask
    reasons: Mapping[int, str]


def typed(cells: Mapping[str, pa.Array], symbols: Symbols) -> TypedTrades:
    """Read the text columns `COLUMNS` (equally long); new symbols get their codes in `symbols`.

    The amount has to be quantity times rate; a null there says that none was given. Any other null is a missing value. Rows that come in
    the plainest form are read several times as fast as others, to the same.
    """
    plain = _read_plainly(cells, symbols)
    if plain.good.all():
        return plain
    others = np.flatnonzero(~plain.good)
    careful = _read_carefully({name: column.take(pa.array(others)) for name, column in cells.items()}, symbols)
    ticks, good = plain.ticks, plain.good
    for column, found in zip(ticks.columns(), careful.ticks.columns(), strict=True):
        column[others] = found
    good[others] = careful.good
    return TypedTrades(ticks, good, {int(others[row]): reason for row, reason in careful.reasons.items()})


def _read_plainly(cells: Mapping[str, pa.Array], symbols: Symbols) -> TypedTrades:
    """Read what is right and of the plainest form; the other rows are not `good`, and have no reasons yet."""
    count = len(cells[CONTRACT])
    numbers = hundredths(pa.concat_arrays([cells[name] for name in _BELOW]))  # all columns at once, which costs half
    values, decimals, fine = (each.reshape(len(_BELOW), count) for each in numbers)
    whole = (decimals[0] == 0) & (values[1] % 100 == 0)
    trades = PlainTrades(values[0] // 100, values[1] // 100, values[2], values[3], fine[0] & fine[1] & fine[2] & whole, fine[3])
    return plainly(trades, cells[AMOUNT], cells[TIME], cells[SYMBOL_NAME], symbols)


class PlainTrades(NamedTuple):
    """The numbers of trades, and where they were read from cells of the plainest form; elsewhere they say nothing."""

    contract: Ints
    quantity: Ints
    rate: Ints  # paisa
    amount: Ints  # paisa
    fine: Mask  # of the first three
    amount_fine: Mask


def plainly(numbers: PlainTrades, amounts: pa.Array, times: pa.Array, names: pa.Array, symbols: Symbols) -> TypedTrades:
    """Return the rows that are right; a null of `amounts` says that none was given. The others are not `good`, and have no reasons yet."""
    contract, quantity, rate, amount, fine, amount_fine = numbers
    in_bounds = (contract >= _FIRST_CONTRACT) & (contract < _BELOW[CONTRACT]) & (quantity < _BELOW[QUANTITY]) & (rate < _BELOW[RATE] * 100)
    product = quantity * rate
    fits = amount_fine & (amount == product)
    if amounts.null_count:
        fits |= amounts.is_null().to_numpy(zero_copy_only=False)
    time = microseconds(times)
    good = fine & in_bounds & fits & time.fine & (quantity > 0) & (rate > 0)
    code = _plain_codes(names, symbols, good)
    good &= code >= 0
    columns = contract, time.values - NEPAL_AHEAD, code.astype(np.uint16), quantity, rate
    if not good.all():
        for column in columns:
            column[~good] = 0
    return TypedTrades(Ticks(*columns), good, {})


def _plain_codes(column: pa.Array, symbols: Symbols, good: Mask) -> Ints:
    """Return the codes of the symbols of good rows, -1 where that needs a careful look."""
    words = column.dictionary_encode()
    names = words.dictionary.to_pylist()
    codes = np.array([-1 if code is None else code for code in (*symbols.known(names), None)], np.int64)
    index: Ints = (pc.fill_null(words.indices, len(names)) if words.null_count else words.indices).to_numpy()
    if (codes[:-1] < 0).any():
        for word in np.unique(index[good & (codes[index] < 0)]).tolist():
            codes[word] = _new_code(names[word], symbols) if word < len(names) else -1
    code: Ints = codes[index]
    return code


def _new_code(name: str, symbols: Symbols) -> int:
    """Return the code of a symbol that is not known as it is written; -1 where that needs a careful look."""
    wanted = name.replace(" ", "").upper()
    if not name.isascii() or not _symbol(wanted) or len(symbols) >= MAX_SYMBOLS:
        return -1
    return symbols.code(wanted)


def _read_carefully(cells: Mapping[str, pa.Array], symbols: Symbols) -> TypedTrades:
    """Read rows that may come in any form, and say what is wrong with those that cannot be read."""
    cells = dict(cells)
    reasons: dict[int, str] = {}
    good = np.ones(len(cells[CONTRACT]), np.bool_)
    for name, (pattern, rule) in _RULES.items():
        passed = pc.match_substring_regex(cells[name], pattern)
        if name in {QUANTITY, RATE, AMOUNT} and not pc.all(passed).as_py():
            cells[name] = _plain(cells[name])
            passed = pc.match_substring_regex(cells[name], pattern)
        _judge(name, cells[name], passed, rule, good, reasons)
    code = _codes(cells[SYMBOL_NAME], symbols, good, reasons)
    time = _times(cells[TIME], good, reasons)
    quantity = _numbers(_whole(cells[QUANTITY]), good, pa.int64())
    rate = _paisa(cells[RATE], good)
    _judge_amounts(cells, quantity, rate, good, reasons)
    for column in (time, quantity, rate):
        column[~good] = 0
    return TypedTrades(
        Ticks(_numbers(cells[CONTRACT], good, pa.int64()), time, np.where(good, code, 0).astype(np.uint16), quantity, rate), good, reasons
    )


def _plain(column: pa.Array) -> pa.Array:
    """Return numbers without an exponent."""
    scientific = pc.fill_null(pc.match_substring_regex(column, _SCIENTIFIC), fill_value=False)
    if not pc.any(scientific).as_py():
        return column
    return pa.array(
        [_written_out(cell) if it else cell for cell, it in zip(column.to_pylist(), scientific.to_pylist(), strict=True)], pa.string()
    )


def _written_out(cell: str) -> str:
    mantissa, _, exponent = cell.lower().partition("e")
    return cell if mantissa.count(".") > 1 or mantissa == "." else f"{Decimal(mantissa).scaleb(int(exponent)):f}"


def _judge(name: str, column: pa.Array, passed: pa.Array, rule: str, good: Mask, reasons: dict[int, str]) -> None:
    """Take rows out of `good` whose cell has not passed; the first reason of a row stays."""
    fine = pc.fill_null(passed, fill_value=name == AMOUNT).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(good & ~fine).tolist():
        cell = column[row].as_py()
        reasons[row] = f"{name} is {cell[:80]!r}: {rule}" if cell else f"{name} is missing"
    good &= fine


def _codes(column: pa.Array, symbols: Symbols, good: Mask, reasons: dict[int, str]) -> Codes:
    words = column.dictionary_encode()
    names = pc.utf8_upper(pc.replace_substring(words.dictionary, " ", ""))
    fine = pc.match_substring_regex(names, SYMBOL)
    index = pc.fill_null(words.indices, len(names)).to_numpy(zero_copy_only=False)
    known = np.append(fine.to_numpy(zero_copy_only=False), np.False_)
    _judge(SYMBOL_NAME, column, pa.array(known[index]), _SYMBOL_RULE, good, reasons)
    codes = np.zeros(len(names) + 1, np.int64)
    wanted = np.zeros(len(names) + 1, np.bool_)
    wanted[index[good]] = True
    for word in np.flatnonzero(wanted).tolist():
        name = names[word].as_py()
        full = len(symbols) >= MAX_SYMBOLS and name not in symbols.names
        codes[word] = -1 if full else symbols.code(name)
    code: Ints = codes[index]
    _judge(SYMBOL_NAME, column, pa.array(code >= 0), f"the stream has {MAX_SYMBOLS:,} symbols already", good, reasons)
    codes_of_rows: Codes = code.astype(np.uint16)
    return codes_of_rows


def _times(column: pa.Array, good: Mask, reasons: dict[int, str]) -> Ints:
    """Return microseconds since 1970, UTC, of local times."""
    try:
        local = _numbers(column, good, pa.timestamp("us"))
    except pa.ArrowInvalid:  # a day that no month has
        days = pc.utf8_slice_codeunits(column, 0, 10)
        wrong = [day for day in pc.unique(days.filter(pa.array(good))).to_pylist() if not _is_date(day)]
        _judge(TIME, column, pc.invert(pc.is_in(days, value_set=pa.array(wrong, pa.string()))), "there is no such date", good, reasons)
        local = _numbers(column, good, pa.timestamp("us"))
    return local - NEPAL_AHEAD


def _is_date(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _numbers(column: pa.Array, good: Mask, kind: pa.DataType) -> Ints:
    """Return good cells as 64-bit numbers, the others as 0."""
    zero = "0" if pa.types.is_integer(kind) else "1970-01-01"
    whole = column if good.all() else pc.if_else(pa.array(good), column, zero)
    numbers: Ints = whole.cast(kind).cast(pa.int64()).to_numpy().copy()
    return numbers


def _whole(column: pa.Array) -> pa.Array:
    pointed = pc.fill_null(pc.match_substring(column, "."), fill_value=False)
    return pc.replace_substring_regex(column, r"\.0+$", "") if pc.any(pointed).as_py() else column


def _paisa(column: pa.Array, good: Mask) -> Ints:
    whole = column if good.all() and not column.null_count else pc.if_else(pc.and_(pa.array(good), pc.is_valid(column)), column, "0")
    return paisa(whole.cast(MONEY)).copy()


def _judge_amounts(cells: Mapping[str, pa.Array], quantity: Ints, rate: Ints, good: Mask, reasons: dict[int, str]) -> None:
    product = quantity * rate
    differs = good & (_paisa(cells[AMOUNT], good) != product) & cells[AMOUNT].is_valid().to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(differs).tolist():
        shares, price, amount = (cells[name][row].as_py() for name in (QUANTITY, RATE, AMOUNT))
        reasons[row] = f"{AMOUNT} is {amount}, and {shares} shares at {price} are {Decimal(int(product[row])).scaleb(-2)}"
    for row in np.flatnonzero(good & (product <= 0)).tolist():
        reasons[row] = f"{QUANTITY if quantity[row] == 0 else RATE} is nought"
    good &= ~differs & (product > 0)
