"""A trade's record as a person edits it: which fields its bytes seem to have, and fields written as a record again."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.clock import NEPAL
from engine.market.csv_line import cells_of
from engine.market.trade_cells import AMOUNT, COLUMNS, CONTRACT, SYMBOL_NAME, TIME

# Of a line of a floorsheet: where the six fields stand in the exchange's two layouts, by the number of cells.
_PLACES = {16: (1, 3, 6, 7, 8, 14), 14: (0, 1, 4, 5, 6, 12)}
_pairs = re.compile(r'"(' + "|".join(COLUMNS) + r')"\s*:\s*(?:"([^"]*)"?|([^,}\]\s]+))').finditer
_contract = re.compile(r"\b20\d{14}\b").search
_time = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?").search
_number = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?").fullmatch


def fields_in(raw: bytes, parsed: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return what a record seems to say, by the exchange's names: of `parsed` where it could be read, else what can be made out."""
    fields = dict.fromkeys(COLUMNS, "")
    if parsed:
        fields |= {name: str(parsed[name]) for name in COLUMNS if name in parsed}
        if fields[TIME]:  # in UTC
            fields[TIME] = datetime.fromisoformat(fields[TIME]).astimezone(NEPAL).replace(tzinfo=None).isoformat(timespec="microseconds")
        return fields
    text = raw.decode(errors="replace").replace("\ufffd", "")
    cells = [] if text.lstrip().startswith(("{", "[")) else cells_of(text)
    if len(cells) in _PLACES:
        return fields | {name: cells[place].strip() for name, place in zip(COLUMNS, _PLACES[len(cells)], strict=True)}
    for found in _pairs(text):
        value = found[2] if found[2] is not None else found[3]
        fields[found[1]] = "" if value == "null" else value
    for name, search in ((CONTRACT, _contract), (TIME, _time)):
        if not fields[name] and (seen := search(text)):
            fields[name] = seen[0]
    return fields


def record_of(fields: Mapping[str, str]) -> str:
    """Return fields as a record: JSON, numbers as they were typed; an amount that is not given is left out."""
    given = {name: fields[name].strip() for name in COLUMNS if name != AMOUNT or fields[name].strip()}
    texts = {SYMBOL_NAME, TIME}
    parts = [f"{json.dumps(name)}: {value if name not in texts and _number(value) else json.dumps(value)}" for name, value in given.items()]
    return "{" + ", ".join(parts) + "}"
