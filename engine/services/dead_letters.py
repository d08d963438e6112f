"""Commands about dead letters: correct a line, replay, put away, undo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping

from engine.errors import Conflict, UnknownName, UsageError
from engine.market.defects import MAX_LINE
from engine.pipeline.graph import Pipeline, find
from engine.pipelines import PIPELINES
from engine.services.base import TYPED, Submitted, reasoned
from engine.services.replays import Replay, Replays, Wanted, by_reason, earlier_replay
from storage import dead_letters, runs
from storage.dead_letters import WAITING, LetterFilter
from storage.status import LetterKind, LetterState, RunStatus, RunType

MOST_CHOSEN = 10_000  # letters of one command


@dataclass(frozen=True, slots=True)
class _Date:
    """The letters of one date that are to be replayed."""

    pipeline: str
    day: date
    letters: int
    files: int
    decided_at: datetime | None

    def wanted(self) -> Wanted:
        """Say from where: a file that could not be read is taken from the source again, which may have mended it."""
        return Wanted(self.day, None if self.files else TYPED, self.decided_at)


class DeadLetterCommands(Replays):
    """Edit, replay, discard, undo, of letters of daily files; `TickLetterCommands` has what is otherwise of the stream's."""

    def edit_letter(self, letter_id: int, raw: bytes | str) -> str:
        """Put a corrected line in the place of a letter's: it stands for the line in every later run of the same bytes."""
        line = one_line(raw)
        with self.runtime.database.transaction() as connection:
            self._edit(connection, letter_of(connection, letter_id), line)
        return f"Letter {letter_id} is corrected; the next run of its date applies it."

    def edit_and_replay(self, letter_id: int, raw: bytes | str, *, request_key: str | None = None) -> Submitted:
        """Correct a letter's line and queue its date, both or neither; asked twice it is done once."""
        line = one_line(raw)
        self.runtime.source.span()  # as for a run
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            letter = letter_of(connection, letter_id)
            self._asked(connection, request_key, "edit_and_replay", letter=letter_id, line=line)
            earlier = earlier_replay(connection, letter["pipeline"], request_key)
            if earlier is not None and earlier.submitted is not None:
                return earlier.submitted
            decided_at = self._edit(connection, letter, line)
            dead_letters.ask(connection, [letter_id])
            wanted = Wanted(letter["partition"], TYPED, decided_at)
            pipeline = find(PIPELINES, letter["pipeline"])
            return self._replay_one(connection, pipeline, wanted, RunType.REPLAY, request_key=request_key)

    def _edit(self, connection: Connection, letter: RowMapping, line: bytes) -> datetime | None:
        """Write a correction, unless it stands already; return when it was written."""
        if letter["kind"] == LetterKind.FILE:
            raise UsageError(f"letter {letter['id']} is a whole file; only lines can be corrected")
        if letter["raw"] is not None and line == letter["raw"].removesuffix(b"\r"):
            raise UsageError(f"that is line {letter['line']} as it came; change something, or replay the letter as it is")
        at: datetime | None = letter["decided_at"]
        if line == letter["edited_raw"] and letter["state"] in WAITING:
            return at
        if line == letter["edited_raw"] and letter["state"] == LetterState.EDITED:
            raise Conflict(f"letter {letter['id']} is corrected so already, and its row is in the session")
        at = self.runtime.clock.now()
        if not dead_letters.edit(connection, letter["id"], line, by=self.actor, at=at):
            raise Conflict(f"letter {letter['id']} is {letter['state']}; undo that first")
        asked = {"id": letter["id"], "partition": letter["partition"], "line": letter["line"], "text": line.decode()}
        self._audited(connection, "edit_letter", asked, f"line {letter['line']} of {letter['source_file']} is corrected")
        return at

    def replay_letters(self, ids: Sequence[int] = (), *, chosen: LetterFilter | None = None, request_key: str | None = None) -> Replay:
        """Run the dates of these letters, or of all open ones that a filter chooses, again from their typed rows on.

        One date is a run, several are a backfill. Left out, with the reason: letters that are not open (or parked, when named by id),
        and dates with an active run. `Conflict` when nothing is left. The same `request_key` gives the same replay again.
        """
        if bool(ids) == (chosen is not None) or len(ids) > MOST_CHOSEN:
            raise UsageError(f"name 1 to {MOST_CHOSEN:,} letters, or choose them by a filter, one of the two")
        self.runtime.source.span()  # as for a run
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            self._asked(connection, request_key, "replay_letters", ids=sorted(set(ids)), chosen=chosen)
            dates, left_out = _dates_of(connection, ids) if chosen is None else (_dates_that(connection, chosen), {})
            pipeline = _one_pipeline(dates)
            earlier = earlier_replay(connection, pipeline.name if pipeline else None, request_key)
            if earlier is not None:
                return earlier
            if pipeline is None:
                raise Conflict(f"nothing to replay: {_counted(left_out) or 'no open letter is so'}")
            named = [letter_id for letter_id in ids if letter_id not in left_out]
            dead_letters.ask(connection, named if chosen is None else dead_letters.open_ids(connection, chosen))
            return self._replay(connection, pipeline, dates, left_out, request_key)

    def _replay(
        self, connection: Connection, pipeline: Pipeline, dates: Sequence[_Date], left_out: Mapping[int, str], request_key: str | None
    ) -> Replay:
        letters, missed = {item.day: item.letters for item in dates}, by_reason(left_out)
        if len(dates) == 1:
            submitted = self._replay_one(connection, pipeline, dates[0].wanted(), RunType.REPLAY, request_key=request_key)
            return Replay(submitted, None, (dates[0].day,), dates[0].letters, missed)
        wanted = [item.wanted() for item in dates]
        backfill_id, taken, busy = self._backfill_of(connection, pipeline, wanted, RunType.REPLAY, request_key=request_key)
        for day, why in busy.items():
            missed[why] = missed.get(why, 0) + letters[day]
        count = sum(letters[day] for day in taken)
        asked = {"dates": len(taken), "letters": count, "id": backfill_id}
        self._audited(connection, "replay", asked, f"{len(taken)} dates queued, {sum(missed.values())} letters left out")
        return Replay(None, backfill_id, tuple(taken), count, missed)

    def discard_letters(self, ids: Sequence[int], *, reason: str) -> str:
        """Put letters away that wait; those that do not are left as they are. `Conflict` when none does."""
        why, at = reasoned(reason), self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            _letters(connection, ids)
            done = [number for number in dict.fromkeys(ids) if dead_letters.discard(connection, number, by=self.actor, at=at, note=why)]
            left = [row for row in _letters(connection, ids) if row["id"] not in done]
            left_out = _counted({row["id"]: f"is {row['state']} already" for row in left})
            if not done:
                raise Conflict(f"nothing to discard: {left_out}")
            said = f"{_many(len(done))} discarded{f'; left as they were: {left_out}' if left else ''}."
            return self._audited(connection, "discard_letters", {"ids": done, "reason": why}, said)

    def undo_letter(self, letter_id: int) -> str:
        """Take back the last decision about a letter: a discard, or a correction, whose date is queued again where it was applied."""
        at = self.runtime.clock.now()
        self.runtime.source.span()  # as for a run
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            letter = letter_of(connection, letter_id)
            if dead_letters.reopen(connection, letter_id, by=self.actor, at=at):
                return self._audited(connection, "undo_letter", {"id": letter_id}, f"Letter {letter_id} is open again.")
            _refuse_while_running(connection, letter)
            if not dead_letters.take_back_edit(connection, letter_id, by=self.actor, at=at):
                raise Conflict(f"letter {letter_id} is {letter['state']} as it came; there is nothing to undo")
            said = f"Letter {letter_id} is open again, its line as it came."
            if letter["state"] == LetterState.EDITED:
                pipeline, wanted = find(PIPELINES, letter["pipeline"]), Wanted(letter["partition"], TYPED, at)
                run = self._replay_one(connection, pipeline, wanted, RunType.RERUN)
                said = f"{said} Run {run.run_id} of {letter['partition']} takes its correction out of the session."
            return self._audited(connection, "undo_letter", {"id": letter_id}, said)


def one_line(raw: bytes | str) -> bytes:
    """Return one physical line without its line break; `UsageError` when it is none."""
    line = raw.encode("utf-8", errors="surrogatepass") if isinstance(raw, str) else raw
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if not line.strip():
        raise UsageError("the corrected line is blank; discard the letter instead")
    if b"\n" in line or b"\r" in line:
        raise UsageError("a correction is exactly one line; this has a line break inside")
    if len(line) > MAX_LINE:
        raise UsageError(f"the corrected line has {len(line):,} bytes; at most {MAX_LINE:,} are read")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the corrected line is not UTF-8 text (byte 0x{line[error.start]:02x} at position {error.start})") from error
    if "\0" in text:
        raise UsageError("the corrected line holds a NUL")
    return line


def letter_of(connection: Connection, letter_id: int) -> RowMapping:
    """Return a letter with all its bytes; `UnknownName` where there is none."""
    row = dead_letters.one(connection, letter_id)
    if row is None:
        raise UnknownName(f"there is no dead letter {letter_id}")
    return row


def _letters(connection: Connection, ids: Sequence[int]) -> Sequence[RowMapping]:
    if not 0 < len(ids) <= MOST_CHOSEN:
        raise UsageError(f"name 1 to {MOST_CHOSEN:,} letters")
    chosen = list(dict.fromkeys(ids))
    found = dead_letters.by_ids(connection, chosen)
    unknown = sorted(set(chosen) - {row["id"] for row in found})
    if unknown:
        raise UnknownName(f"there is no dead letter {', '.join(map(str, unknown[:5]))}")
    return found


def _dates_of(connection: Connection, ids: Sequence[int]) -> tuple[list[_Date], dict[int, str]]:
    """Return the dates of letters that wait, and for each other letter why it is left out."""
    found = _letters(connection, ids)
    left_out = {row["id"]: f"is {row['state']} already" for row in found if row["state"] not in WAITING}

    def of_date(row: RowMapping) -> tuple[str, date]:
        return row["pipeline"], row["partition"]

    waiting = sorted((row for row in found if row["id"] not in left_out), key=of_date)
    return [_date(*key, list(rows)) for key, rows in groupby(waiting, key=of_date)], left_out


def _date(pipeline: str, day: date, rows: Sequence[RowMapping]) -> _Date:
    decided = [row["decided_at"] for row in rows if row["decided_at"] is not None]
    return _Date(pipeline, day, len(rows), sum(row["kind"] == LetterKind.FILE for row in rows), max(decided, default=None))


def _dates_that(connection: Connection, chosen: LetterFilter) -> list[_Date]:
    return [
        _Date(row["pipeline"], row["partition"], row["letters"], row["files"], row["decided_at"])
        for row in dead_letters.waiting_dates(connection, chosen)
    ]


def _one_pipeline(dates: Sequence[_Date]) -> Pipeline | None:
    names = {item.pipeline for item in dates}
    if len(names) > 1:
        raise UsageError(
            f"the letters are of several pipelines ({', '.join(sorted(names))}); replay those of one at a time (--pipeline NAME)"
        )
    return find(PIPELINES, names.pop()) if names else None


def _refuse_while_running(connection: Connection, letter: RowMapping) -> None:
    """Refuse to take a correction back under a run that may have applied it."""
    active = runs.active_of(connection, letter["pipeline"], letter["partition"])
    row = runs.one(connection, active) if active is not None else None
    if row is not None and row["status"] == RunStatus.RUNNING:
        raise Conflict(f"run {active} of {letter['partition']} is running; wait for its end, then ask again")


def _counted(left_out: Mapping[Any, str]) -> str:
    return ", ".join(f"{_many(number)} {why.replace('is ', '', 1)}" for why, number in by_reason(left_out).items())


def _many(number: int) -> str:
    return "1 letter" if number == 1 else f"{number:,} letters"
