"""What one session comes to, as a whole: its bars, days, alerts, letters and counts, as their tables hold them."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Connection

from engine.stream.alerts import AlertState, StreamAlert
from storage import speed_layer, stream_content
from storage.stream_content import Columns, rows_of

FIGURES = (
    "records",
    "accepted",
    "aside",
    "held",
    "missing",
    "watermark_us",
    "newest_us",
    "bars",
    "alerts",
    "suppressed",
    "thresholds",
    "version",
)  # of `stream_state`: what follows from the log and the thresholds


@dataclass(frozen=True, slots=True)
class Content:
    """One session; each part by column, `figures` by their names in `stream_state`."""

    bars: Columns
    days: Columns
    alerts: Columns
    letters: Columns
    figures: Mapping[str, Any]

    def parts(self) -> dict[str, Columns]:
        """Return what lies in tables of its own."""
        return {"bars": self.bars, "days": self.days, "alerts": self.alerts, "letters": self.letters}

    def stream_alerts(self) -> list[StreamAlert]:
        """Return the alerts as the stream raised them."""
        return [alert_of(row) for row in rows_of(self.alerts)]

    def closes(self) -> Mapping[str, int | None]:
        """Return the previous closes that were known, by symbol."""
        return dict(zip(self.days["symbol"], self.days["previous_close_paisa"], strict=True))


def served(connection: Connection, session: date) -> Content:
    """Return what is served of a session that is over."""
    state = speed_layer.state(connection, session)
    figures = {name: None if state is None else state[name] for name in FIGURES}
    return Content(**stream_content.read(connection, session), figures=figures)


def packed(content: Content) -> bytes:
    """Return a content as bytes."""
    return zlib.compress(msgspec.msgpack.encode(content.parts() | {"figures": content.figures}), level=1)


def unpacked(data: bytes) -> Content:
    """Return what `packed` made bytes of."""
    return Content(**msgspec.msgpack.decode(zlib.decompress(data)))


def alert_of(row: Mapping[str, Any]) -> StreamAlert:
    """Return an alert out of a row of its table."""
    return StreamAlert(
        key=row["key"],
        rule=row["rule"],
        symbol=row["symbol"],
        began=row["began_us"],
        fired=row["fired_us"],
        score=row["score"],
        limit=row["bound"],
        contract=row["contract"],
        rate=row["rate_paisa"],
        state=AlertState(row["state"]),
        resolved=row["resolved_us"],
        suppressed=row["suppressed"],
        group=row["market_key"],
        members=row["members"],
    )


def columns_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Columns:
    """Return rows by column."""
    return {name: [row[name] for row in rows] for name in names}
