"""Dead letters as a file: the filtered ones with their raw lines, as CSV and as JSON, and the word simulated where the data are."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from typing import Any

import streamlit as st

from engine.market.csv_line import escaped
from pages.ui import data, letter_data
from pages.ui.letter_data import EXPORTED, LetterView
from storage.dead_letters import LetterFilter

_LONGEST = 64 * 1024  # bytes of a line; `raw_bytes` says how many it has


def export(chosen: LetterFilter) -> None:
    """Offer the letters that match as a file; they are read when it is asked for."""
    with st.popover("Export", icon=":material/download:", key="letters_export"):
        st.caption(f"The letters that match the filters, raw lines included; at most {EXPORTED:,}, the newest.")
        simulated = data.simulated()
        name = f"dead_letters{'_simulated' if simulated else ''}_{data.today()}"
        for suffix, mime, write in (("csv", "text/csv", as_csv), ("json", "application/json", as_json)):
            st.download_button(
                suffix.upper(),
                lambda write=write: write(letter_data.every(chosen), simulated=simulated),  # type: ignore[misc]
                file_name=f"{name}.{suffix}",
                mime=mime,
                key=f"letters_{suffix}",
                icon=":material/download:",
                on_click="ignore",
            )


def as_csv(letters: Sequence[LetterView], *, simulated: bool) -> bytes:
    """Return letters as CSV, one a line; bytes that are no text are escaped, which `raw_is_text` tells."""
    rows = [_flat(letter, simulated=simulated) for letter in letters]
    written = StringIO()
    table = csv.DictWriter(written, list(rows[0]) if rows else ["simulated", "id"])
    table.writeheader()
    table.writerows({name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in row.items()} for row in rows)
    return written.getvalue().encode()


def as_json(letters: Sequence[LetterView], *, simulated: bool) -> bytes:
    """Return letters as one JSON document."""
    rows = [_flat(letter, simulated=simulated) for letter in letters]
    return json.dumps({"simulated": simulated, "letters": rows}, indent=1, default=str).encode()


def _flat(letter: LetterView, *, simulated: bool) -> dict[str, Any]:
    row: Mapping[str, Any] = asdict(letter)
    return {"simulated": simulated} | {name: value for name, value in row.items() if name not in ("raw", "edited_raw")} | _lines(letter)


def _lines(letter: LetterView) -> dict[str, Any]:
    raw = letter.raw
    return {
        "raw": None if raw is None else escaped(raw[:_LONGEST]),
        "raw_bytes": None if raw is None else len(raw),
        "raw_is_text": raw is not None and escaped(raw) == raw.decode("utf-8", errors="replace"),
        "edited_raw": None if letter.edited_raw is None else escaped(letter.edited_raw),
    }
