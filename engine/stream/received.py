"""What a session of the stream received, as it stands now: every record judged, and with it what people have taken in since."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from engine.stream.contracts import Completeness, completeness_of
from engine.stream.intake import Intake, Reason
from engine.stream.processor import LATENESS
from engine.stream.records import Records
from engine.stream.ticks import SECOND, Ints, Symbols, Ticks
from engine.thresholds import Thresholds

TAKEN_IN = (
    Reason.LATE,
    Reason.FUTURE,
    Reason.OUT_OF_HOURS,
    Reason.DUPLICATE,
)  # what a person may take in as it is; the others are no trades of the session
_WORDS = re.compile(rb"[^\s,;:\"'{}\[\]]+")
_ANY_TIME = 10 * 24 * 60 * 60 * SECOND  # a lateness by which no trade of a session is late


@dataclass(frozen=True, slots=True)
class Decided:
    """What people have decided about records of a session, each by its offset."""

    taken: frozenset[int] = frozenset()  # they are in the session
    corrected: frozenset[int] = frozenset()  # other records stand in their place
    taken_back: frozenset[int] = frozenset()  # brought in, and taken out again
    closed: int | None = None  # from here on records came when the session was over: they are late whatever their time


_NOTHING = Decided()


@dataclass(frozen=True, slots=True)
class Received:
    """The records of a session; `reasons` has a `Reason` for each, ACCEPTED also for those that people have taken in (`taken`)."""

    session: date
    records: Records
    reasons: Ints
    taken: frozenset[int] = field(default_factory=frozenset)

    @property
    def accepted(self) -> Ints:
        """The contracts that are in the session."""
        contracts: Ints = self.records.ticks.contract[self.reasons == Reason.ACCEPTED]
        return contracts

    @property
    def completeness(self) -> list[Completeness]:
        """What the contract ids tell."""
        late = self.records.ticks.contract[self.reasons == Reason.LATE]
        return completeness_of(self.session, self.accepted, late)

    def takeable(self, offsets: Collection[int]) -> Ints:
        """Return which of the records at `offsets` can be taken in: of each contract the first, and none that is in the session.

        A duplicate that says something else than the trade that the stream took under its contract is taken in for that one.
        `ValueError` where an offset holds no tick that may be taken in at all.
        """
        new = np.array(sorted(set(offsets)), np.int64)
        wrong = [at for at in new.tolist() if at >= len(self.records) or Reason(int(self.reasons[at])) not in TAKEN_IN]
        if wrong:
            raise ValueError(f"at offset {wrong[0]:,} there is no tick that may be taken in")
        contract = self.records.ticks.contract[new]
        first = np.zeros(len(new), np.bool_)
        first[np.unique(contract, return_index=True)[1]] = True
        there = self.holders(contract)
        fresh = [bool(one) and self._may_enter(at, there) for at, one in zip(new.tolist(), first.tolist(), strict=True)]
        return new[np.array(fresh, np.bool_)]

    def holders(self, contracts: Ints) -> Mapping[int, int]:
        """Return by which records, given by offset, contracts are in the session; those that are not in it are left out."""
        ours = self.records.ticks.contract
        at = np.flatnonzero((self.reasons == Reason.ACCEPTED) & np.isin(ours, contracts))
        return dict(zip(ours[at].tolist(), at.tolist(), strict=True))

    def same(self, one: int, other: int) -> bool:
        """Say whether two records are the same trade."""
        return all(column[one] == column[other] for column in self.records.ticks.columns())

    def _may_enter(self, offset: int, there: Mapping[int, int]) -> bool:
        holder = there.get(int(self.records.ticks.contract[offset]))
        if holder is None:
            return True
        return self.reasons[offset] == Reason.DUPLICATE and holder not in self.taken and not self.same(offset, holder)

    def after(self, decided: Decided) -> "Received":
        """Return what stands once people have decided so; a record that is taken in has its contract for itself."""
        reasons = self.reasons.copy()
        reasons[_places(decided.corrected)] = int(Reason.CORRECTED)
        reasons[_places(decided.taken_back)] = int(Reason.TAKEN_BACK)
        taken = _places(decided.taken)
        if len(taken):
            contract = self.records.ticks.contract
            reasons[(reasons == Reason.ACCEPTED) & np.isin(contract, contract[taken])] = int(Reason.DUPLICATE)
        reasons[taken] = int(Reason.ACCEPTED)
        return replace(self, reasons=reasons, taken=self.taken | decided.taken)


def _places(offsets: Collection[int]) -> Ints:
    return np.array(sorted(offsets), np.int64)


def received(session: date, records: Records, thresholds: Thresholds, decided: Decided = _NOTHING) -> Received:
    """Judge the records of a session as the stream did, and as people have since."""
    reasons = np.full(len(records), int(Reason.MALFORMED), np.int64)
    there = np.ones(len(records), np.bool_)
    there[[it.row for it in records.unread]] = False
    intake = Intake(session, int(thresholds[LATENESS.key] * SECOND))
    reasons[there] = intake.take(records.ticks.take(there), records.ingest[there]).reasons
    if decided.closed is not None:
        after = reasons[decided.closed :]
        after[after == Reason.ACCEPTED] = int(Reason.LATE)
    return Received(session, records, reasons).after(decided)


@dataclass(frozen=True, slots=True)
class Gap:
    """Trades of a tape that are not in the session: some lie in its log, set aside as late, the others never came."""

    late: Ints  # offsets in the log
    lost: Ints  # places on the tape

    def __len__(self) -> int:
        return len(self.late) + len(self.lost)


def gap(found: Received, tape: Ticks, symbols: Symbols, *, put_away: Collection[int] = ()) -> Gap:
    """Return which trades of a tape are not in a session, but for those whose records, at `put_away`, people have put away."""
    sound = Intake(found.session, _ANY_TIME).take(tape).reasons == Reason.ACCEPTED  # one of each contract, of the session and its hours
    ticks = found.records.ticks
    away = ticks.contract[np.array(sorted(put_away), np.int64)]
    lost = np.flatnonzero(sound & ~np.isin(tape.contract, found.accepted) & ~np.isin(tape.contract, away))
    late = np.flatnonzero(found.reasons == Reason.LATE)
    late = late[np.unique(ticks.contract[late], return_index=True)[1]]  # by contract, the first of each
    lost = lost[np.argsort(tape.contract[lost], kind="stable")]
    _, ours, theirs = np.intersect1d(ticks.contract[late], tape.contract[lost], assume_unique=True, return_indices=True)
    same = _equal(ticks.take(late[ours]), found.records.symbols, tape.take(lost[theirs]), symbols)
    here = np.zeros(len(lost), np.bool_)
    here[theirs[same]] = True
    return Gap(np.sort(late[ours[same]]), np.sort(lost[~here]))


def _equal(one: Ticks, its: Symbols, other: Ticks, others: Symbols) -> np.ndarray:
    """Return which trades of the same contracts say the same."""
    names, theirs = np.array(its.names, object), np.array(others.names, object)
    same: np.ndarray = (one.time == other.time) & (one.quantity == other.quantity) & (one.rate == other.rate)
    return same & (names[one.symbol] == theirs[other.symbol] if len(one) else True)


def claims(raw: bytes, symbols: Collection[str]) -> tuple[str | None, int | None]:
    """Return which symbol and which contract bytes that could not be read seem to speak of."""
    words = [word.decode(errors="replace") for word in _WORDS.findall(raw)]
    symbol = next((word for word in words if word in symbols), None)
    contract = next((int(word) for word in words if len(word) == 16 and word.isdecimal()), None)  # noqa: PLR2004, digits of a contract
    return symbol, contract
