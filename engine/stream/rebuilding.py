"""A session computed anew from its log: by the code and the thresholds of now, with what people have taken in.

The log and the times of ingest in it decide what comes out. What a person has taken in is in the session whatever the thresholds say: where
they still set it aside it is taken in again, as the newest revision of its bar; where they accept it, it came in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np

from engine.stream.bars import rolled_up
from engine.stream.content import Content, columns_of
from engine.stream.correction import Correction, corrected
from engine.stream.log import TickLog
from engine.stream.processor import BAR_SECONDS, Output, Processor
from engine.stream.received import Decided, Received, received
from engine.stream.speed_layer import DAY, alert_row, bar_columns, counts_of, day_columns, figures_of, letters_of, topic_digest
from engine.thresholds import Thresholds
from storage import dead_letters, speed_layer
from storage.stream_content import ALERTS, BARS, DAYS, LETTERS, SAID, Columns, rows_of

_TAKEN_IN = 1  # the revision of bars with what people have taken in


@dataclass(frozen=True, slots=True)
class Question:
    """What is computed anew, from what and under what."""

    session: date
    limits: Thresholds
    previous_closes: Mapping[str, int] = field(default_factory=dict)  # paisa
    decided: Decided = field(default_factory=Decided)  # by people


def rebuilt(log: TickLog, asked: Question, run: Mapping[Any, Any], *, at: datetime) -> Content:
    """Return what a session comes to; `run` is the stream's own of that session, which its letters name.

    Raises `SegmentDamaged` and `TicksGone` as the log does.
    """
    records = log.whole(asked.session)
    processor = Processor(asked.session, records.symbols, asked.limits, asked.previous_closes)
    there = np.arange(len(records)) < _live(asked, len(records))
    there[[it.row for it in records.unread]] = False
    output = processor.whole(records.ticks.take(there), records.ingest[there])
    found = received(asked.session, records, asked.limits, Decided(closed=asked.decided.closed))
    correction = corrected(found, found.after(asked.decided))
    return Content(
        bars=_bars(asked.session, output, correction),
        days=_days(asked, output, correction),
        alerts=columns_of([alert_row(asked.session, alert) | dict.fromkeys(SAID) for alert in output.alerts], ALERTS),
        letters=_letters(asked, found, run, at),
        figures=_figures(processor, asked, output, correction),
    )


def _live(asked: Question, records: int) -> int:
    """Return how many records came while the session was not over."""
    return records if asked.decided.closed is None else asked.decided.closed


def _bars(session: date, output: Output, correction: Correction) -> Columns:
    first = bar_columns(session, output.bars, correction.symbols, speed_layer.FIRST)
    again = bar_columns(session, correction.bars, correction.symbols, _TAKEN_IN)
    return {name: [*first[name], *again[name]] for name in BARS}


def _days(asked: Question, output: Output, correction: Correction) -> Columns:
    days = _by_symbol(day_columns(asked.session, rolled_up(output.bars, DAY // BAR_SECONDS), correction.symbols))
    days |= _by_symbol(day_columns(asked.session, correction.days, correction.symbols))
    for symbol in correction.days_gone:
        days.pop(symbol, None)
    known = asked.previous_closes
    return columns_of([row | {"previous_close_paisa": known.get(symbol)} for symbol, row in sorted(days.items())], DAYS)


def _by_symbol(columns: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["symbol"]: row for row in rows_of(columns)}


def _letters(asked: Question, found: Received, run: Mapping[Any, Any], at: datetime) -> Columns:
    """Return the letters that the stream would have written, those left out that people have taken in, as they were or corrected."""
    live = _live(asked, len(found.records))
    letters = letters_of(asked.session, found.records.part(0, live), found.reasons[:live], 0)[: dead_letters.MOST_LETTERS]
    settled = {*asked.decided.taken, *asked.decided.corrected}
    file = topic_digest(asked.session), f"ticks {asked.session}"
    empty = dict.fromkeys(LETTERS)
    rows = [empty | dead_letters.fresh(run, *file, letter, at=at) for letter in letters if letter.line not in settled]
    return columns_of(rows, LETTERS)


def _figures(processor: Processor, asked: Question, output: Output, correction: Correction) -> Mapping[str, Any]:
    stands = figures_of(correction.after)
    return (
        counts_of(processor, stands["records"], stands["aside"])
        | stands
        | {
            "bars": len(output.bars),
            "alerts": len({alert.key for alert in output.alerts}),
            "thresholds": asked.limits.version,
        }
    )
