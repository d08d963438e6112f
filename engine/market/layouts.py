"""The layouts that the daily file has had, told apart by their header, and the columns that come out of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa

from engine.errors import UnknownLayout, UnreadableFile

# Published name -> ours. What is published but missing here can be derived from the rest or is a running number.
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "Symbol": "symbol",
        "Conf.": "confidence",
        "Open": "open",
        "High": "high",
        "Low": "low",
        "Close": "close",
        "LTP": "last_price",
        "VWAP": "vwap",
        "Vol": "volume",
        "Prev. Close": "previous_close",
        "Turnover": "turnover",
        "Trans.": "trades",
        "Diff": "change",
        "Range": "range",
        "Diff %": "change_pct",
        "Range %": "range_pct",
        "VWAP %": "vwap_pct",
        "120 Days": "average_120d",
        "180 Days": "average_180d",
        "52 Weeks High": "high_52w",
        "52 Weeks Low": "low_52w",
    }
)
_V1 = frozenset(COLUMNS) - {"LTP"} | {"S.No"}
_V2 = _V1 | {"LTP"}
_V3 = _V2 | {"Close - LTP", "Close - LTP %"}

_KNOWN_SHARE = 0.25  # of the nearest layout's columns, below which a first line is no header of such a file
_SHOWN = 60  # characters of it

LAYOUTS: Mapping[str, frozenset[str]] = MappingProxyType({"v1_21col": _V1, "v2_22col": _V2, "v3_24col": _V3})

COUNTS = ("volume", "trades")
MONEY = tuple(name for name in COLUMNS.values() if name not in {"symbol", "confidence", *COUNTS})

_TYPES = {"symbol": pa.string(), "confidence": pa.float64()}
_TYPES |= dict.fromkeys(COUNTS, pa.int64()) | dict.fromkeys(MONEY, pa.decimal128(18, 2))

PARSED_SCHEMA = pa.schema([*((name, _TYPES[name]) for name in COLUMNS.values()), ("line", pa.int32())])
SILVER_SCHEMA = pa.schema([("session", pa.date32()), *((name, _TYPES[name]) for name in COLUMNS.values())])


def layout_of(
    header: Sequence[str],
    name: str,
    *,
    line: int = 1,
    layouts: Mapping[str, frozenset[str]] = LAYOUTS,
    taught_in: str = "engine/market/layouts.py",
) -> str:
    """Return the name of the layout whose columns are exactly those of `header`, in whatever order.

    Raises `UnknownLayout`, naming the columns that are too many, missing or doubled against the nearest layout, and `UnreadableFile`
    where hardly a column is known: that is an error page or another file. `name` is the file's, `line` is where the header stands.
    """
    found = frozenset(header)
    doubled = [column for column, times in Counter(header).items() if times > 1]
    for layout, columns in layouts.items():
        if found == columns and not doubled:
            return layout
    nearest = min(layouts, key=lambda layout: len(layouts[layout] ^ found))
    if len(layouts[nearest] & found) < _KNOWN_SHARE * len(layouts[nearest]):
        raise UnreadableFile(
            f"{name} is no such file of the exchange: line {line} is {','.join(header)[:_SHOWN]!r}, where a header of "
            f"{len(layouts[nearest])} columns belongs. An error page, or another file, came in its place: get it from the source again, "
            "then rerun its date.",
            line=line,
        )
    differences = (
        ("unknown", sorted(found - layouts[nearest])),
        ("missing", sorted(layouts[nearest] - found)),
        ("doubled", doubled),
    )
    listed = "; ".join(f"{what}: {', '.join(map(repr, columns))[:500]}" for what, columns in differences if columns)
    raise UnknownLayout(
        f"{name}, line {line}: a header of {len(header)} columns never seen before. Against the nearest layout, {nearest}: {listed}. "
        f"Teach {taught_in} the new layout, then check the file again or rerun its date (a run keeps the bytes).",
        line=line,
    )
