"""What a session of the stream received, as it stands now: every record judged, and with it what people have taken in since."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
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
)  # what a person may take in; the others are no trades of the session, or are in it
_WORDS = re.compile(rb"[^\s,;:\"'{}\[\]]+")
_ANY_TIME = 10 * 24 * 60 * 60 * SECOND  # a lateness by which no trade of a session is late


@dataclass(frozen=True, slots=True)
class Received:
    """The records of a session; `reasons` has a `Reason` for each, ACCEPTED also for those that people have taken in."""

    session: date
    records: Records
    reasons: Ints

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

        `ValueError` where an offset holds no tick that may be taken in at all.
        """
        new = np.array(sorted(set(offsets)), np.int64)
        wrong = [at for at in new.tolist() if at >= len(self.records) or Reason(int(self.reasons[at])) not in TAKEN_IN]
        if wrong:
            raise ValueError(f"at offset {wrong[0]:,} there is no tick that may be taken in")
        contract = self.records.ticks.contract[new]
        first = np.zeros(len(new), np.bool_)
        first[np.unique(contract, return_index=True)[1]] = True
        return new[first & ~np.isin(contract, self.accepted)]

    def with_taken(self, offsets: Ints) -> "Received":
        """Return what stands once the records at `offsets` are taken in."""
        reasons = self.reasons.copy()
        reasons[offsets] = int(Reason.ACCEPTED)
        return replace(self, reasons=reasons)


def received(
    session: date, records: Records, thresholds: Thresholds, taken: Collection[int] = (), *, closed: int | None = None
) -> Received:
    """Judge the records of a session as the stream did.

    Those at `taken` have been taken in by people. Those from offset `closed` on came when the session was over: they are late whatever
    their time.
    """
    reasons = np.full(len(records), int(Reason.MALFORMED), np.int64)
    there = np.ones(len(records), np.bool_)
    there[[it.row for it in records.unread]] = False
    intake = Intake(session, int(thresholds[LATENESS.key] * SECOND))
    reasons[there] = intake.take(records.ticks.take(there), records.ingest[there]).reasons
    if closed is not None:
        after = reasons[closed:]
        after[after == Reason.ACCEPTED] = int(Reason.LATE)
    return Received(session, records, reasons).with_taken(np.array(sorted(taken), np.int64))


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
