"""What a column of a file is: numbers, text, booleans, dates; and its values as numbers."""

from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.drift.pair import Floats

_MICROSECONDS_A_DAY = 86_400e6


class Kind(StrEnum):
    """What the values of a column are, as people say it."""

    NUMBERS = "numbers"
    TEXT = "text"
    BOOLEANS = "true or false"
    DATES = "dates"
    NOTHING = "no value"  # compared with anything: it is empty, not of another kind
    OTHER = "neither numbers, text, true or false, nor dates"


def kind_of(column: pa.Array) -> Kind:
    """Return what a column is; text that reads as numbers throughout, thousands commas and all, is numbers."""
    kind = column.type
    if pa.types.is_null(kind) or (len(column) and column.null_count == len(column)):
        return Kind.NOTHING
    if pa.types.is_boolean(kind):
        return Kind.BOOLEANS
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return Kind.DATES
    if as_numbers(column) is not None:
        return Kind.NUMBERS
    return Kind.TEXT if _is_text(kind) else Kind.OTHER


def as_numbers(column: pa.Array) -> Floats | None:
    """Return a column as floats, NaN for null: numbers, text where all of it reads as numbers, dates in days since 1970; else None."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        stamps = column.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        return np.asarray(stamps.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)) / _MICROSECONDS_A_DAY
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    bare = pc.replace_substring(column, ",", "")
    bare = pc.if_else(pc.is_in(bare, value_set=pa.array(["", "-"], bare.type)), None, bare)
    try:
        return np.asarray(bare.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))
