"""Reads of the dead letters: the list, one letter with its file, what a correction would come to; nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import engine.runtime
from engine.errors import ConsoleError
from engine.market.csv_line import cells_of
from engine.market.unpack import unpack
from engine.pipeline.context import TableCache
from engine.pipelines.recheck import Fate, Recheck, content_of, recheck
from engine.reconciling import received_now
from engine.services.dead_letters import one_line
from engine.stream.intake import microseconds
from engine.stream.mending import mended
from engine.stream.received import TAKEN_IN, Received
from pages.ui import data
from pages.ui.shared import shared
from pages.ui.views import View
from storage import dead_letters, letter_list, runs, speed_layer
from storage.dead_letters import LetterFilter
from storage.moves import STREAM
from storage.status import LetterKind, LetterState

PAGE = 50
MOST_OF_A_RUN = 200  # letters that a run's page lists
EXPORTED = 10_000  # letters of one export
_AT_ONCE = 500


@shared(seconds=data.CALM, entries=20)
def beyond(since: date | None, until: date | None) -> Mapping[date, int]:
    """Return how many records the stream has set aside, of those sessions that have more than there are letters of."""
    with engine.runtime.runtime().database.reading() as connection:
        return speed_layer.set_aside(connection, more_than=dead_letters.MOST_LETTERS, since=since, until=until)


@dataclass(frozen=True, slots=True)
class LetterView(View):
    """One dead letter; a list has no more than the beginning of its bytes."""

    id: int
    pipeline: str
    partition: date
    session: date | None
    run_id: int
    first_run_id: int
    kind: LetterKind
    source_file: str
    source_sha256: str
    line: int
    symbol: str | None
    stage: str
    reason: str
    checks: Any
    message: str
    raw: bytes | None
    parsed: Any
    edited_raw: bytes | None
    state: LetterState
    tries: int
    first_seen: datetime
    last_seen: datetime
    resolved_run_id: int | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None

    @property
    def waits(self) -> bool:
        """Whether it is open or parked."""
        return self.state in dead_letters.WAITING

    @property
    def of_stream(self) -> bool:
        """Whether it is a record of the tick stream: its line is its offset in the log, and no daily file holds it."""
        return self.pipeline == STREAM

    @property
    def can_be_taken_in(self) -> bool:
        """Whether a person may take it into its session after all: it is a trade that was set aside, or was corrected to be one."""
        as_it_is = self.reason in {reason.name.lower() for reason in TAKEN_IN}
        return self.of_stream and self.waits and (as_it_is or self.edited_raw is not None)

    @property
    def corrected(self) -> bool:
        """Whether a correction stands for its line."""
        return self.edited_raw is not None and self.state is not LetterState.DISCARDED


@shared(seconds=data.LIVE, entries=200)
def page(chosen: LetterFilter, *, before: int | None = None, limit: int = PAGE) -> tuple[LetterView, ...]:
    """Return one page of the letters that match, newest first; the next one lies before its last id."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(LetterView.of(row) for row in dead_letters.page(connection, chosen, before=before, limit=limit))


@shared(seconds=data.LIVE, entries=200)
def rows_of(ids: tuple[int, ...]) -> tuple[LetterView, ...]:
    """Return these letters as they are now, in this order."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(LetterView.of(row) for row in dead_letters.by_ids(connection, ids))


@shared(seconds=data.LIVE, entries=200)
def letter(letter_id: int) -> LetterView | None:
    """Return a letter with all its bytes, or None."""
    with engine.runtime.runtime().database.reading() as connection:
        row = dead_letters.one(connection, letter_id)
    return None if row is None else LetterView.of(row)


@shared(seconds=data.CALM, entries=100)
def reasons(chosen: LetterFilter) -> Mapping[str, int]:
    """Return how many of these letters there are of each reason, most first."""
    with engine.runtime.runtime().database.reading() as connection:
        return dict(dead_letters.counts_by_reason(connection, chosen))


@shared(seconds=data.LIVE, entries=50)
def waiting_dates(chosen: LetterFilter) -> tuple[int, int]:
    """Return how many open letters a filter chooses, and of how many dates they are."""
    with engine.runtime.runtime().database.reading() as connection:
        found = dead_letters.waiting_dates(connection, chosen)
    return sum(row["letters"] for row in found), len(found)


@shared(seconds=data.LIVE, entries=100)
def active_run(pipeline: str, day: date) -> int | None:
    """Return the queued or running run of a date, or None."""
    with engine.runtime.runtime().database.reading() as connection:
        return runs.active_of(connection, pipeline, day)


@shared(seconds=data.LIVE, entries=100)
def of_run(pipeline: str, day: date, run_id: int) -> tuple[LetterView, ...]:
    """Return the letters that a run found, saw again or resolved, by line."""
    with engine.runtime.runtime().database.reading() as connection:
        ids = letter_list.of_run(connection, pipeline, day, run_id, most=MOST_OF_A_RUN)
        return tuple(LetterView.of(row) for row in dead_letters.by_ids(connection, ids)) if ids else ()


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes that a letter came in; `lost` says why there are none. `header` has the published names in the file's order."""

    content: bytes = b""
    header: tuple[str, ...] = ()
    lost: str | None = None


@shared(seconds=600, entries=8)  # the bytes of a checksum never change
def source(letter_id: int) -> Source:
    """Return the file of a letter and its header."""
    found = letter(letter_id)
    if found is None:
        return Source(lost=f"there is no dead letter {letter_id}")
    try:
        content = content_of(engine.runtime.runtime(), {"partition": found.partition, **_file(found)})
        text = unpack(content, found.source_file)
    except ConsoleError as error:
        return Source(lost=str(error))
    first = next((line for line in text.split(b"\n", 64) if line.strip()), b"")
    return Source(content, tuple(cell.strip() for cell in cells_of(first.decode("utf-8", errors="replace").rstrip("\r"))))


def _file(found: LetterView) -> dict[str, Any]:
    return {"source_file": found.source_file, "source_sha256": found.source_sha256}


@shared(seconds=10, entries=100)
def would_be(letter_id: int, line: str) -> Recheck:
    """Return what a line would come to in the place of a letter's, by the thresholds of now."""
    found, file = letter(letter_id), source(letter_id)
    if found is None or file.lost is not None:
        return Recheck(Fate.UNKNOWN, file.lost or "")
    asked = {"kind": found.kind, "pipeline": found.pipeline, "partition": found.partition, "session": found.session, "line": found.line}
    try:
        return recheck(engine.runtime.runtime(), asked | _file(found), line.encode(), content=file.content, cache=TableCache())
    except ConsoleError as error:
        return Recheck(Fate.UNKNOWN, str(error))


@dataclass(frozen=True, slots=True)
class TickFate:
    """What a record would come to in the place of one that the stream has set aside; `problem` says why it cannot come in."""

    over: bool  # whether the stream is done with the session: before, nothing is taken in
    problem: str | None = None
    says: str = ""  # the trade
    symbol: str = ""
    known: bool = True  # whether the symbol was traded in the session
    twin: int | None = None  # the offset by which the same trade is in the session already
    symbols: Sequence[str] = ()  # of the session


@shared(seconds=10, entries=2)
def _received(session: date) -> Received:
    return received_now(engine.runtime.runtime(), session)


@shared(seconds=10, entries=100)
def would_be_tick(letter_id: int, line: str) -> TickFate:
    """Return what a record would come to in the place of a letter's."""
    runtime, found = engine.runtime.runtime(), letter(letter_id)
    if found is None:
        return TickFate(False, f"there is no dead letter {letter_id}")
    with runtime.database.reading() as connection:
        state = speed_layer.state(connection, found.partition)
    over = state is not None and state["ended_at"] is not None
    try:
        known = _received(found.partition)
        trade = mended(known, one_line(line), at=microseconds(runtime.clock.now()))
    except (ConsoleError, ValueError) as error:
        return TickFate(over, str(error))
    return TickFate(over, None, trade.says, trade.symbol, trade.known, trade.twin, known.records.symbols.names)


def bronze_bytes(letter_id: int) -> bytes:
    """Return the file of a letter as it came."""
    found = letter(letter_id)
    return content_of(engine.runtime.runtime(), {"partition": found.partition, **_file(found)}) if found else b""


def every(chosen: LetterFilter) -> list[LetterView]:
    """Return all letters of a filter with their bytes, newest first, at most `EXPORTED`; read a few hundred at a time."""
    found: list[LetterView] = []
    before = None
    with engine.runtime.runtime().database.reading() as connection:
        while len(found) < EXPORTED:
            ids = [row["id"] for row in dead_letters.page(connection, chosen, before=before, limit=_AT_ONCE)]
            if not ids:
                break
            whole = {row["id"]: row for row in letter_list.whole(connection, ids)}
            found += [LetterView.of(whole[letter_id]) for letter_id in ids]
            before = ids[-1]
    return found[:EXPORTED]
