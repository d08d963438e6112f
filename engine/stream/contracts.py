"""What a session's contract ids say: which trades are there already, and how many are missing.

An id is the date, a partition of two digits and a sequence of six that starts at 1 and has no holes (measured on 79 days of ticks).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from engine.stream.ticks import Ints, Mask

_SEQUENCES = 1_000_000
_PARTITIONS = 100
IDS = _SEQUENCES * _PARTITIONS  # of one session


@dataclass(frozen=True, slots=True)
class Completeness:
    """What one partition's ids tell; a lost tail cannot be told from ids."""

    partition: int
    received: int
    last: int  # the highest sequence, of a trade that was set aside as late too

    @property
    def missing(self) -> int:
        """How many trades before the last one never came."""
        return self.last - self.received


def first_id(session: date) -> int:
    """Return the id below every contract of a session."""
    return int(f"{session:%Y%m%d}") * IDS


class Contracts:
    """The ids of a session that were accepted."""

    def __init__(self, session: date) -> None:
        self.base = first_id(session)
        self._stamp = np.zeros(IDS, np.int32)  # by id: its place in the order of arrival, from 1; untouched pages cost nothing
        self._count = 0
        self._received, self._last = np.zeros(_PARTITIONS, np.int64), np.zeros(_PARTITIONS, np.int64)

    def of_session(self, contract: Ints) -> Mask:
        """Return which ids are of this session at all."""
        own: Mask = (contract > self.base) & (contract < self.base + IDS)
        return own

    def add(self, contract: Ints) -> Mask:
        """Take ids of this session in; return which of them are new, the first of equal ones being so."""
        key = contract - self.base
        fresh: Mask = self._stamp[key] == 0
        stamps = np.arange(self._count + 1, self._count + 1 + len(key), dtype=np.int32)
        if not fresh.all():
            key, stamps = key[fresh], stamps[fresh]
        partition = key.astype(np.int32) // _SEQUENCES  # half the digits are divided in a third of the time
        np.maximum.at(self._last, partition, key - partition * _SEQUENCES)
        self._stamp[key] = stamps
        first: Mask = self._stamp[key] == stamps
        if not first.all():  # the same id twice: here the last stays, of several
            self._stamp[key[::-1]] = stamps[::-1]
            first = self._stamp[key] == stamps
        self._count += len(contract)
        self._received += np.bincount(partition if first.all() else partition[first], minlength=_PARTITIONS)
        if first.all():
            return fresh
        new = fresh.copy()
        new[np.flatnonzero(fresh)[~first]] = False
        return new

    def has(self, contract: Ints) -> Mask:
        """Return which ids of this session were accepted."""
        there: Mask = self._stamp[contract - self.base] != 0
        return there

    def remove(self, contract: Ints) -> None:
        """Forget ids that were taken in and are set aside after all."""
        key = contract - self.base
        self._stamp[key] = 0
        self._received -= np.bincount(key // _SEQUENCES, minlength=_PARTITIONS)

    def completeness(self) -> list[Completeness]:
        """Return what each partition's ids tell, of those partitions that had any."""
        there = np.flatnonzero(self._last).tolist()
        return [Completeness(partition, int(self._received[partition]), int(self._last[partition])) for partition in there]


def completeness_of(session: date, accepted: Ints, late: Ints) -> list[Completeness]:
    """Return what the ids of a whole session tell: of trades that are in it, and of trades that came late."""
    contracts = Contracts(session)
    contracts.add(np.concatenate([accepted, late]))
    contracts.remove(np.setdiff1d(late, accepted))
    return contracts.completeness()
