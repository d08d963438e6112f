"""Cells in the form in which nearly all of them come, a column at a time: digits with a point at most, times as ISO 8601 has them.

Whoever asks learns which cells are of that form. The others may be right too: they are for a careful reader, who gives reasons.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.stream.ticks import Ints, Mask

_ZERO, _NINE, _POINT, _SPACE, _T = np.frombuffer(b"09. T", np.uint8)
_BEFORE_DAY = 10  # characters of a date
_TO_SECONDS, _TO_MICROSECONDS = 19, 26  # characters of a date and a time
_EARLIEST, _LATEST = (int(np.datetime64(day, "us").astype(np.int64)) for day in ("2000-01-01", "2100-01-01"))
_ANY_TIME = "2000-01-01T00:00:00"
_DIGITS = 16
_TENS = 10 ** np.arange(3)
DECIMALS = len(_TENS) - 1


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
    fine = np.ones(len(column), np.bool_)
    decimals: Ints = np.zeros(len(column), np.int64)
    points = np.flatnonzero(text == _POINT)
    if len(points):
        cell = _owners(points, offsets)
        decimals[cell] = offsets[cell + 1] - points - 1
        if not (cell[1:] > cell[:-1]).all():
            fine[cell[1:][cell[1:] == cell[:-1]]] = False  # of two points
        fine[cell[decimals[cell] == 0]] = False
        offsets = offsets - np.searchsorted(points, offsets)
        text = text[text != _POINT]
    if not text.tobytes().isdigit():
        fine[_owners(np.flatnonzero(text - _ZERO > _NINE - _ZERO), offsets)] = False  # in eight bits: what is below the nought is high
    whole = np.diff(offsets) - decimals
    fine &= (whole >= 1) & (whole <= _DIGITS) & (decimals <= DECIMALS)
    fine[fine] &= (text[offsets[:-1][fine]] != _ZERO) | (whole[fine] == 1)
    if not fine.all():
        return hundredths(pc.if_else(pa.array(fine), column, "0"))._replace(fine=fine)
    numbers = pa.Array.from_buffers(pa.string(), len(column), [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(text)])
    return PlainNumbers(numbers.cast(pa.int64()).to_numpy() * _TENS[DECIMALS - decimals], decimals, fine)


def microseconds(column: pa.Array) -> Plain:
    """Return times of this century as microseconds since 1970 of the clock that they were read from."""
    text, offsets = _characters(column)
    length = np.diff(offsets)
    fine = (length == _TO_SECONDS) | ((length > _TO_SECONDS + 1) & (length <= _TO_MICROSECONDS))
    between = text[offsets[:-1][fine] + _BEFORE_DAY]
    fine[fine] = (between == _T) | (between == _SPACE)
    there = column if fine.all() else pc.if_else(pa.array(fine), column, _ANY_TIME)
    try:
        times = there.cast(pa.timestamp("us")).view(pa.int64()).to_numpy()
    except pa.ArrowInvalid:  # which of them it does not say
        return Plain(np.zeros(len(column), np.int64), np.zeros(len(column), np.bool_))
    return Plain(times, fine & (times >= _EARLIEST) & (times < _LATEST))


def _characters(column: pa.Array) -> tuple[np.ndarray, Ints]:
    """Return the bytes of a text column, and between which of them each cell lies; a null has none."""
    if not len(column):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    if column.null_count:
        column = pc.fill_null(column, "")
    _, places, data = column.buffers()
    offsets = np.frombuffer(places, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    text = np.frombuffer(data if data is not None else b"", np.uint8)[offsets[0] : offsets[-1]]
    return text, offsets - offsets[0]


def _owners(places: Ints, offsets: Ints) -> Ints:
    """Return the cell of each character."""
    return np.searchsorted(offsets, places, side="right") - 1
