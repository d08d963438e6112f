"""Cells in the form in which nearly all of them come, a column at a time: digits with a point at most, times as ISO 8601 has them.

Whoever asks learns which cells are of that form. The others may be right too: they are for a careful reader, who gives reasons.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.stream.ticks import Ints, Mask

_BEFORE_DAY = 10  # characters of a date
_TO_SECONDS, _TO_MICROSECONDS = 19, 26  # characters of a date and a time
_EARLIEST, _LATEST = (int(np.datetime64(day, "us").astype(np.int64)) for day in ("2000-01-01", "2100-01-01"))
_ANY_TIME = "2000-01-01T00:00:00"
_DIGITS = 16
_TENS = 10 ** np.arange(3)
DECIMALS = len(_TENS) - 1
_TOO_MANY = _DIGITS  # decimals, for a point with nothing behind it


class Plain(NamedTuple):
    """A column as numbers, and which of its cells they were read from; where it was not, the number says nothing."""

    values: Ints
    fine: Mask


class PlainNumbers(NamedTuple):
    """The same of numbers times 100, and how many digits stood behind the point."""

    values: Ints
    decimals: Ints
    fine: Mask


def hundredths(column: pa.Array) -> PlainNumbers:
    """Return numbers times 100; plain are up to 16 digits without leading noughts and, where there is a point, one or two behind it."""
    text, offsets = _characters(column)
    points = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("."))
    decimals: Ints = np.zeros(len(column), np.int64)
    fine = np.ones(len(column), np.bool_)
    if len(points):
        before = np.searchsorted(points, offsets)  # points that stand before each cell
        pointed = before[1:] - before[:-1]
        fine = pointed <= 1
        cell = np.repeat(np.arange(len(column)), pointed)
        behind = offsets.take(cell + 1) - points - 1
        decimals[cell] = np.where(behind < 1, _TOO_MANY, behind)
        offsets = offsets - before
        text = text.translate(None, b".")
    digits = np.frombuffer(text or b"?", np.uint8)  # where all cells are empty, something to look at
    if text and not text.isdigit():
        strange = np.flatnonzero((digits < ord("0")) | (digits > ord("9")))
        fine[np.searchsorted(offsets, strange, side="right") - 1] = False
    whole = offsets[1:] - offsets[:-1] - decimals
    fine &= (whole >= 1) & (whole <= _DIGITS) & (decimals <= DECIMALS)
    fine &= (digits.take(offsets[:-1], mode="clip") != ord("0")) | (whole == 1)
    if not fine.all():
        return hundredths(pc.if_else(pa.array(fine), column, "0"))._replace(fine=fine)
    numbers = pa.Array.from_buffers(pa.string(), len(column), [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(text)])
    return PlainNumbers(numbers.cast(pa.int64()).to_numpy() * _TENS[DECIMALS - decimals], decimals, fine)


def microseconds(column: pa.Array) -> Plain:
    """Return times of this century as microseconds since 1970 of the clock that they were read from."""
    text, offsets = _characters(column)
    length = offsets[1:] - offsets[:-1]
    fine = (length == _TO_SECONDS) | ((length > _TO_SECONDS + 1) & (length <= _TO_MICROSECONDS))
    between = np.frombuffer(text or b"?", np.uint8).take(offsets[:-1] + _BEFORE_DAY, mode="clip")
    fine &= (between == ord("T")) | (between == ord(" "))
    there = column if fine.all() else pc.if_else(pa.array(fine), column, _ANY_TIME)
    try:
        times = there.cast(pa.timestamp("us")).view(pa.int64()).to_numpy()
    except pa.ArrowInvalid:  # which of them it does not say
        return Plain(np.zeros(len(column), np.int64), np.zeros(len(column), np.bool_))
    return Plain(times, fine & (times >= _EARLIEST) & (times < _LATEST))


def _characters(column: pa.Array) -> tuple[bytes, Ints]:
    """Return the bytes of a text column, and between which of them each cell lies; a null has none."""
    if not len(column):
        return b"", np.zeros(1, np.int64)  # there are no buffers
    if column.null_count:
        column = pc.fill_null(column, "")
    _, places, data = column.buffers()
    offsets = np.frombuffer(places, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    text = b"" if data is None else data.slice(first, last - first).to_pybytes()
    return text, offsets - first
