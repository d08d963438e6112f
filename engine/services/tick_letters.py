"""Commands about the records that the stream has set aside: correct one, take it in, take it out again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from engine import reconciling
from engine.errors import Conflict, UnknownName, UsageError
from engine.services.base import Submitted
from engine.services.dead_letters import MOST_CHOSEN, DeadLetterCommands, letter_of, one_line
from engine.services.streams import StreamCommands
from engine.stream.correction import Correction, corrected
from engine.stream.intake import microseconds
from engine.stream.logs import log_of
from engine.stream.mending import Mended, mended
from engine.stream.received import TAKEN_IN, Received
from engine.stream.records import all_of, recoded
from engine.stream.speed_layer import revise
from engine.stream.ticks import Symbols
from storage import dead_letters, letter_list, moves, speed_layer, stream_letters
from storage.dead_letters import WAITING
from storage.status import LetterState

_AS_THEY_ARE = frozenset(reason.name.lower() for reason in TAKEN_IN)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Letters of one session that are to be taken in: as they are (the ids of those that can be), or corrected."""

    as_they_are: Sequence[int]
    offsets: Sequence[int]  # of these
    corrected: Sequence[tuple[RowMapping, Mended]]


class TickLetterCommands(DeadLetterCommands, StreamCommands):
    """Edit, take in and undo, for the stream's letters too."""

    def edit_letter(self, letter_id: int, raw: bytes | str) -> str:
        """Put a corrected line in the place of a letter's; of the stream's, a record that waits to be taken in."""
        if not self._is_of_the_stream(letter_id):
            return super().edit_letter(letter_id, raw)
        line = one_line(raw)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            self._correct(connection, letter_of(connection, letter_id), line)
        return f"Letter {letter_id} is corrected; once it is taken in, its trade is in the session."

    def edit_and_replay(self, letter_id: int, raw: bytes | str, *, request_key: str | None = None) -> Submitted:
        """Correct a letter's line and queue its date; of the stream's, correct its record and take it in. Both or neither, and once."""
        if not self._is_of_the_stream(letter_id):
            return super().edit_and_replay(letter_id, raw, request_key=request_key)
        line = one_line(raw)
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            letter = letter_of(connection, letter_id)
            self._asked(connection, request_key, "edit_and_replay", letter=letter_id, line=line)
            run_id = self._ended(connection, letter)["run_id"]
            if letter["state"] == LetterState.EDITED and letter["edited_raw"] == line:
                return Submitted(run_id, False, f"Letter {letter_id} is corrected so already, and its trade is in the session.")
            self._correct(connection, letter, line)
            return Submitted(run_id, True, self._take_in(connection, [letter_of(connection, letter_id)], left=0))

    def reinject_letters(self, ids: Sequence[int]) -> str:
        """Take ticks in that were set aside, as they are or as they were corrected; what the stream made of their windows stays beside.

        The log gets what was corrected behind its end. A duplicate takes the place of the trade under its contract where it says
        something else. `Conflict` while the stream works on the session, and for letters that cannot be taken in.
        """
        if len(ids) > MOST_CHOSEN:
            raise UsageError(f"name 1 to {MOST_CHOSEN:,} letters")
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            letters = _that_may_be(letter_list.whole(connection, list(dict.fromkeys(ids))))
            return self._take_in(connection, letters, left=len(set(ids)) - len(letters))

    def undo_letter(self, letter_id: int) -> str:
        """Take back the last decision about a letter; a record of the stream that was taken in is taken out again."""
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            letter = dead_letters.one(connection, letter_id)
            if letter is not None and letter["pipeline"] == moves.STREAM and letter["state"] in {LetterState.REPLAYED, LetterState.EDITED}:
                return self._take_out(connection, letter)
        return super().undo_letter(letter_id)

    def _is_of_the_stream(self, letter_id: int) -> bool:
        with self.runtime.database.reading() as connection:
            return bool(letter_of(connection, letter_id)["pipeline"] == moves.STREAM)

    def _correct(self, connection: Connection, letter: RowMapping, line: bytes) -> None:
        """Write a correction, unless it stands already; `UsageError` where it is no trade that can come into the session."""
        number, state = letter["id"], letter["state"]
        if state == LetterState.EDITED:
            raise Conflict(f"the correction of letter {number} is in the session; undo that first, then correct it otherwise")
        if line == letter["raw"]:
            raise UsageError("that is the record as it came; change something, or discard the letter")
        mended_from(self._received(connection, letter), line, at=self.runtime.clock.now())
        if line == letter["edited_raw"] and state in WAITING:
            return
        at = self.runtime.clock.now()
        if not dead_letters.edit(connection, number, line, by=self.actor, at=at):
            raise Conflict(f"letter {number} is {state}; undo that first")
        asked = {"id": number, "partition": letter["partition"], "offset": letter["line"], "text": line.decode()}
        self._audited(connection, "edit_letter", asked, f"the record at offset {letter['line']:,} of {letter['source_file']} is corrected")

    def _take_in(self, connection: Connection, letters: Sequence[RowMapping], *, left: int) -> str:
        day, run_id = letters[0]["partition"], self._ended(connection, letters[0])["run_id"]
        before = self._received(connection, letters[0])
        wanted = _wanted(before, letters, self.runtime.clock.now())
        ids = [*wanted.as_they_are, *(row["id"] for row, _ in wanted.corrected)]
        if not ids:
            raise Conflict("nothing to take in: the same trades are in the session already, from other records; discard the letters")
        who: dict[str, Any] = {"by": self.actor, "at": self.runtime.clock.now()}
        self._add_corrections(connection, wanted.corrected, before.records.symbols, who)
        stream_letters.take_in(connection, wanted.as_they_are, run_id=run_id, **who)
        stream_letters.take_in(connection, [row["id"] for row, _ in wanted.corrected], run_id=run_id, corrected=True, **who)
        made = self._revised(connection, letters[0], before)
        twins = sum(one.twin is not None for _, one in wanted.corrected)
        said = f"Ticks of {day} taken in: {len(ids) - twins:,}; bars with a new revision: {len(made.bars):,}"
        said += f"; corrected to trades that are in the session already, and not counted twice: {twins:,}" if twins else ""
        there = len(letters) - len(ids)
        said += f"; letters left as they were, whose trades are in the session already: {there:,}" if there else ""
        said += f"; letters left as they were, which cannot be taken in: {left:,}." if left else "."
        return self._audited(connection, "reinject_letters", {"ids": ids}, said)

    def _add_corrections(
        self, connection: Connection, found: Sequence[tuple[RowMapping, Mended]], known: Symbols, who: dict[str, Any]
    ) -> None:
        """Append corrected records behind the end of the log, each with the one that it corrects."""
        new = [(row, one) for row, one in found if one.twin is None]
        if not new:
            return
        day, symbols = new[0][0]["partition"], Symbols(known.names)
        records = all_of([recoded(one.records, symbols) for _, one in new], symbols)
        base = log_of(self.runtime).supplement(connection, day, records)
        for offset, (row, _) in enumerate(new, start=base):
            stream_letters.bring_in_correction(connection, day, offset, corrects=row["line"], origin=f"letter {row['id']}", **who)

    def _take_out(self, connection: Connection, letter: RowMapping) -> str:
        self._ended(connection, letter)
        day, offset = letter["partition"], letter["line"]
        if letter["state"] == LetterState.REPLAYED and stream_letters.brought(connection, day, offset):
            raise Conflict(f"the trade of letter {letter['id']} came in with the gap, from the tape of the source; it cannot be taken out")
        before, who = self._received(connection, letter), {"by": self.actor, "at": self.runtime.clock.now()}
        stream_letters.take_back(connection, day, offset, **who)  # type: ignore[arg-type]
        stream_letters.take_out(connection, letter["id"], **who)  # type: ignore[arg-type]
        made = self._revised(connection, letter, before)
        kept = ", with its correction" if letter["edited_raw"] is not None else ""
        said = f"Letter {letter['id']} is open again{kept}, and its trade out of the session; bars with a new revision: {len(made.bars):,}."
        return self._audited(connection, "undo_letter", {"id": letter["id"]}, said)

    def _revised(self, connection: Connection, letter: RowMapping, before: Received) -> Correction:
        """Make the windows anew of everything that is in the session now and was not `before`, or the other way round."""
        day, made = letter["partition"], corrected(before, self._received(connection, letter))
        revise(connection, day, made, self._closes_before(connection, day))
        speed_layer.change(connection, day, updated_at=self.runtime.clock.now())
        return made

    def _received(self, connection: Connection, letter: RowMapping) -> Received:
        state = speed_layer.state(connection, letter["partition"])
        if state is None:
            raise UnknownName(f"the stream knows nothing of {letter['partition']}")
        return reconciling.received_of(self.runtime, connection, state)

    def _ended(self, connection: Connection, letter: RowMapping) -> RowMapping:
        """Return the state of a letter's session; `Conflict` while the stream is not done with it."""
        day = letter["partition"]
        state = speed_layer.state(connection, day)
        if state is None or state["ended_at"] is None:
            raise Conflict(f"the stream is not done with {day}: wait for its end, then take its letters in")
        return state


def mended_from(found: Received, line: bytes, *, at: datetime) -> Mended:
    """Return what a corrected record comes to in its session; `UsageError` with what is wrong where it cannot come into it."""
    try:
        return mended(found, line, at=microseconds(at))
    except ValueError as error:
        raise UsageError(f"the corrected record cannot come into the session: {error}") from error


def _that_may_be(found: Sequence[RowMapping]) -> Sequence[RowMapping]:
    """Return the letters that can be taken in at all; `Conflict` where none can."""
    good = [row for row in found if row["pipeline"] == moves.STREAM and row["state"] in WAITING]
    good = [row for row in good if row["reason"] in _AS_THEY_ARE or row["edited_raw"] is not None]
    if not good:
        words = ", ".join(sorted(_AS_THEY_ARE))
        raise Conflict(f"only open letters of the stream can be taken in: those that are {words}, and any once it is corrected")
    if len({row["partition"] for row in good}) > 1:
        raise UsageError("the letters are of several sessions; take in those of one at a time")
    return sorted(good, key=lambda row: int(row["line"]))


def _wanted(before: Received, letters: Sequence[RowMapping], at: datetime) -> _Wanted:
    """Say what becomes of each letter; `Conflict` where two would bring the same contract."""
    plain = [row for row in letters if row["edited_raw"] is None]
    offsets = before.takeable([row["line"] for row in plain]).tolist()
    written = [(row, mended_from(before, row["edited_raw"], at=at)) for row in letters if row["edited_raw"] is not None]
    taken = {int(before.records.ticks.contract[offset]) for offset in offsets}
    for row, one in written:
        contract = int(one.records.ticks.contract[0])
        if one.twin is None and contract in taken:
            raise Conflict(f"letter {row['id']} brings contract {contract}, and so does another of these letters; take in one of them")
        taken.add(contract)
    return _Wanted([row["id"] for row in plain if row["line"] in set(offsets)], offsets, written)
