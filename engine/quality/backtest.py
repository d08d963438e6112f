"""What other thresholds would have done to past sessions, from the scores that were stored with them: nothing is run again.

It moves verdicts over rows as they were judged. That a row which had been let through would have changed what is known of its symbol on
the next day (its own last close, its usual volume) is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.quality.check import CHECKS, Flags, Scope, rule_book
from engine.quality.report import BLOCK_ABOVE, OF_THE_WHOLE
from engine.quality.sample import Floats, Ints
from engine.thresholds import Thresholds


class RowFate(StrEnum):
    """What becomes of a row."""

    PASSED = "passed"
    WARNED = "warned"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class PastSession:
    """One session as it was judged: its findings (FINDING_SCHEMA), rows that could be read, and lines that could not."""

    session: date
    findings: pa.Table
    rows: int
    unreadable: int
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a set of thresholds makes of the sessions of a book: one entry a session, and the fate of each row with a finding (0, 1, 2)."""

    quarantined: Ints
    warned: Ints
    blocked: Flags
    fates: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a set of thresholds makes of the last so many sessions."""

    sessions: int
    rows: int
    quarantined: int
    warned: int
    blocked: int


@dataclass(frozen=True, slots=True)
class RowFlip:
    """A row whose fate changes."""

    session: date
    symbol: str
    line: int
    before: RowFate
    after: RowFate


@dataclass(frozen=True, slots=True)
class SessionFlip:
    """A session in which something changes; `blocked_*` say whether it would have been held for a person."""

    session: date
    quarantined_before: int
    quarantined_after: int
    warned_before: int
    warned_after: int
    blocked_before: bool
    blocked_after: bool


@dataclass(frozen=True, slots=True)
class Trust:
    """How far a limit of a check can be trusted, by what people said of its findings; None where nobody said anything."""

    labelled: int
    precision: float | None
    recall: float | None


class ScoreBook:
    """The findings of many sessions in arrays; made once, asked many times."""

    def __init__(self, sessions: Sequence[PastSession]) -> None:
        self.days = [past.session for past in sessions]
        self.rows = np.array([past.rows for past in sessions], np.int64)
        self.unreadable = np.array([past.unreadable for past in sessions], np.int64)
        self.approved = np.array([past.approved for past in sessions], bool)
        sizes = [past.findings.num_rows for past in sessions]
        table = pa.concat_tables([past.findings for past in sessions]).combine_chunks() if sessions else None
        if table is None or table.num_rows == 0:
            self.session, self.check, self.score, self.explained = (
                np.empty(0, np.int64),
                np.empty(0, np.int64),
                np.empty(0),
                np.empty(0, bool),
            )
            self.line, self.symbol = np.empty(0, np.int64), pa.array([], pa.string())
        else:
            known = pc.index_in(table["check"], value_set=pa.array(list(CHECKS), pa.string())).combine_chunks()
            keep = known.is_valid()  # a check that the catalogue has no more cannot be turned
            table, known = table.filter(keep), known.drop_null()
            self.session = np.repeat(np.arange(len(sizes)), sizes)[keep.to_numpy(zero_copy_only=False)]
            self.check = known.to_numpy().astype(np.int64)
            self.score = table["score"].to_numpy()
            self.explained = table["explained"].to_numpy().astype(bool)
            self.line = pc.fill_null(table["line"], -1).to_numpy().astype(np.int64)
            self.symbol = pc.fill_null(table["symbol"], "").combine_chunks()
        self._count_rows()

    def _count_rows(self) -> None:
        """Give each (session, line) with a finding a number of its own."""
        keys = self.session * (int(self.line.max(initial=0)) + 2) + self.line + 1
        _, self._first, self._row = np.unique(keys, return_index=True, return_inverse=True)
        self.session_of_row = self.session[self._first]
        self._is_row = self.line[self._first] >= 0

    @cached_property
    def _blocks(self) -> Flags:
        """Whether an ERROR of the check blocks the session as a whole."""
        whole: list[Scope] = [check.scope for check in CHECKS.values()]
        return np.array([scope in OF_THE_WHOLE for scope in whole])

    def outcome(self, thresholds: Thresholds) -> Outcome:
        """Return what these thresholds make of every session and row."""
        rules = rule_book(thresholds)
        counted = ~self.explained
        errors = counted & (self.score > rules.error_above[self.check])
        warnings = counted & (self.score > rules.warn_above[self.check])
        fates = np.zeros(len(self._first), np.int8)
        fates[self._row[warnings]] = 1
        fates[self._row[errors]] = 2
        count = len(self.days)
        of_rows = self._is_row
        quarantined = np.bincount(self.session_of_row[of_rows & (fates == 2)], minlength=count)  # noqa: PLR2004, RowFate
        warned = np.bincount(self.session_of_row[of_rows & (fates == 1)], minlength=count)
        whole = np.zeros(count, bool)
        whole[self.session[errors & self._blocks[self.check]]] = True
        share = 100 * (quarantined + self.unreadable) / np.maximum(self.rows + self.unreadable, 1)
        blocked = ((share > thresholds[BLOCK_ABOVE.key]) | whole) & ~self.approved
        return Outcome(quarantined, warned, blocked, np.where(of_rows, fates, 0).astype(np.int8))

    def as_judged(self, versions: Sequence[int], known: Mapping[int, Thresholds]) -> Outcome:
        """Return what the sessions were made of, each by the thresholds of the version that it was judged with."""
        made = {version: self.outcome(known[version]) for version in set(versions)}
        own = np.array(versions, np.int64)
        whole = self.outcome(next(iter(known.values())))
        for version, outcome in made.items():
            mine = own == version
            of_rows = mine[self.session_of_row]
            for name in ("quarantined", "warned", "blocked"):
                getattr(whole, name)[mine] = getattr(outcome, name)[mine]
            whole.fates[of_rows] = outcome.fates[of_rows]
        return whole

    def symbols_of(self, outcome: Outcome, fate: RowFate, *, since: date, until: date, most: int) -> Mapping[str, int]:
        """Return the symbols with most rows of that fate in the sessions of a range, and how many rows they are."""
        inside = np.array([since <= day <= until for day in self.days], bool)
        names = self.symbol.take(pa.array(self._first[inside[self.session_of_row] & (outcome.fates == list(RowFate).index(fate))]))
        counts = [(item["values"], item["counts"]) for item in pc.value_counts(names).to_pylist()]
        return dict(sorted(counts, key=lambda item: (-item[1], item[0]))[:most])

    def tally(self, outcome: Outcome, last: int | None = None) -> Tally:
        """Return the sums over the last so many sessions, or over all."""
        part = slice(None) if last is None else slice(max(len(self.days) - last, 0), None)
        return Tally(
            sessions=len(self.days[part]),
            rows=int(self.rows[part].sum()),
            quarantined=int(outcome.quarantined[part].sum()),
            warned=int(outcome.warned[part].sum()),
            blocked=int(outcome.blocked[part].sum()),
        )

    def session_flips(self, before: Outcome, after: Outcome) -> tuple[SessionFlip, ...]:
        """Return the sessions in which something changes, newest first."""
        changed = (before.quarantined != after.quarantined) | (before.warned != after.warned) | (before.blocked != after.blocked)
        return tuple(
            SessionFlip(
                self.days[at],
                int(before.quarantined[at]),
                int(after.quarantined[at]),
                int(before.warned[at]),
                int(after.warned[at]),
                bool(before.blocked[at]),
                bool(after.blocked[at]),
            )
            for at in np.flatnonzero(changed)[::-1]
        )

    def row_flips(self, before: Outcome, after: Outcome, *, most: int) -> tuple[tuple[RowFlip, ...], int]:
        """Return up to `most` rows whose fate changes, newest first, and how many there are."""
        fates = list(RowFate)
        changed = np.flatnonzero(before.fates != after.fates)
        shown = [
            RowFlip(
                self.days[self.session_of_row[at]],
                self.symbol[int(self._first[at])].as_py(),
                int(self.line[self._first[at]]),
                fates[before.fates[at]],
                fates[after.fates[at]],
            )
            for at in changed[::-1][:most]
        ]
        return tuple(shown), len(changed)

    def scores_of(self, check_id: str) -> Floats:
        """Return every stored score of a check that has no explanation."""
        scores: Floats = self.score[(self.check == list(CHECKS).index(check_id)) & ~self.explained]
        return scores

    def trust(self, check_id: str, limits: Floats, faults: Mapping[tuple[date, str], bool]) -> list[Trust]:
        """Return precision and recall of a check at each of `limits`, by the labels of its findings (session, symbol): true for a fault.

        A false alarm counts as one for good: once its session is judged again, its finding has an explanation, which is the label itself.
        """
        mine = np.flatnonzero(self.check == list(CHECKS).index(check_id))
        known = [(at, faults[key]) for at in mine if (key := (self.days[self.session[at]], self.symbol[int(at)].as_py())) in faults]
        places, fault = [at for at, _ in known], np.array([is_fault for _, is_fault in known], bool)
        scores, silent = self.score[places], self.explained[places] & fault
        return [_trust((scores > limit) & ~silent, fault) for limit in limits]


def _trust(fires: Flags, fault: Flags) -> Trust:
    hits, fired, faults = int((fires & fault).sum()), int(fires.sum()), int(fault.sum())
    return Trust(len(fault), hits / fired if fired else None, hits / faults if faults else None)
