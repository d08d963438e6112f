"""What was before a session: samples, statistics and limits of the sessions before it, and what people said of them."""

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection

from engine.drift.judging import PLACE, REFERENCE, SERIES, Measured, Z
from engine.drift.limits import COUNTS, GROSS, HISTORY, MOST_GROSS, MOST_TIMES, Limits, spent
from engine.drift.limits import limits as limits_of
from engine.drift.pair import Floats
from engine.drift.session import COLUMNS, SessionSample
from engine.drift.watched import FEATURES
from engine.drift.windows import Restart, declared, first_behind, reference
from storage import drift
from storage.status import DriftLabel

KEPT = 150  # sessions that are kept in memory: the history of the limits, the reference before it, and what a restart may reach back to
_LEVELS = msgspec.json.Decoder(dict[str, float])  # a third of what json takes


class StoredSample(SessionSample):
    """A sample as its row holds it; symbols and levels are read when they are first asked for: of most sessions they never are."""

    def __init__(self, row: Mapping[Any, Any]) -> None:
        columns = np.frombuffer(row["values"], "<f4").reshape(len(COLUMNS), -1)
        self.__dict__.update(session=row["session"], columns=columns, halted=bool(row["halted"]), _told=(row["symbols"], row["levels"]))

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of its rows."""
        told: str = self.__dict__["_told"][0]
        return tuple(told.split("\n")) if told else ()

    @cached_property
    def levels(self) -> Mapping[str, float]:
        """Its levels by name."""
        return _LEVELS.decode(self.__dict__["_told"][1])


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a person said of a session's alarms."""

    label: DriftLabel
    features: frozenset[str]


@dataclass(slots=True)
class Past:
    """The sessions before the one that is judged, ascending, each with its sample, its |statistics| and the limits they were held to."""

    samples: list[SessionSample] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    limits: list[Floats] = field(default_factory=list)
    signed: list[Floats] = field(default_factory=list)  # robust z of FEATURES
    labels: Mapping[date, Labelled] = field(default_factory=dict)
    measured: Sequence[tuple[Floats, Floats]] = ()  # as it is stored
    use_declared: bool = True  # whether changes of the exchange's rules that are known begin references anew

    @classmethod
    def before(cls, connection: Connection, day: date) -> "Past":
        """Read what was before a day."""
        past = cls.samples_before(connection, day)
        for values, limits in past.measured:
            past.values.append(np.abs(values))
            past.limits.append(limits)
            past.signed.append(values[_Z_PLACES])
        return past

    @classmethod
    def samples_before(cls, connection: Connection, day: date) -> "Past":
        """Read only the samples that were before a day, and what people said: enough to know its references."""
        rows = drift.samples_before(connection, day, limit=KEPT)[::-1]
        return cls([StoredSample(row) for row in rows], labels=_said(connection), measured=[_measured_of_row(row) for row in rows])

    def add(self, sample: SessionSample, measured: Sequence[Measured], limits: Limits) -> None:
        """Let a session be one of the past. What was held against the textbook's limits alone was no gross alarm."""
        values = np.array([np.nan if one.value is None else one.value for one in measured])
        self.samples.append(sample)
        self.values.append(np.abs(values))
        self.limits.append(learnt(limits))
        self.signed.append(values[_Z_PLACES])
        for kept in (self.samples, self.values, self.limits, self.signed):
            del kept[:-KEPT]

    @property
    def sessions(self) -> list[date]:
        """The sessions, ascending."""
        return [sample.session for sample in self.samples]

    def clean(self) -> list[SessionSample]:
        """Return the sessions that others are compared with: neither halted nor called faulty."""
        return [one for one in self.samples if not one.halted and not self._is(one.session, DriftLabel.FAULT)]

    def _is(self, session: date, *labels: DriftLabel) -> bool:
        return session in self.labels and self.labels[session].label in labels

    def restarts(self, day: date) -> tuple[Restart, ...]:
        """Return what begins references anew up to a day: changes of the exchange's rules, and changes that a person has accepted."""
        if not self.samples:
            return ()
        known = declared(self.samples[0].session, day) if self.use_declared else ()
        accepted = tuple(
            Restart(session, said.features, "accepted by a person from this session on")
            for session, said in self.labels.items()
            if said.label is DriftLabel.ACCEPTED and self.samples[0].session < session <= day
        )
        return tuple(sorted((*known, *accepted), key=lambda restart: restart.session))

    def windows(self, day: date) -> "Windows":
        """Return what each feature of a session is compared with."""
        return Windows(self.clean(), day, self.restarts(day))

    def past_z(self, day: date) -> Mapping[str, list[float]]:
        """Return the robust z of each feature in the last sessions before a day, oldest first; NaN up to the first one after a restart.

        The first session of a change is held against what was before it: what it adds up to says nothing of what is usual since.
        """
        recent = np.array(self.signed).reshape(-1, len(FEATURES))
        for restart in self.restarts(day):
            first = bisect_left(self.sessions, restart.session)
            if first < len(recent):
                recent[: first + 1, [at for at, feature in enumerate(FEATURES) if restart.of(feature.name)]] = np.nan
        return {feature.name: recent[-REFERENCE:, at].tolist() for at, feature in enumerate(FEATURES)}

    def next_limits(self, floors: Floats, alarms_per_month: float) -> Limits:
        """Return the limits of the session after these, learnt for what they have left of the budget."""
        values, held_to = (np.array(kept).reshape(-1, len(SERIES)) for kept in (self.values, self.limits))
        with np.errstate(invalid="ignore"):
            over = ((values > held_to) & COUNTS).any(axis=1)
        left = alarms_per_month
        for alarmed in over & np.array(self.samples_usable(), bool):
            left = spent(left, alarms_per_month, alarmed=bool(alarmed))
        return limits_of(self.history(), floors, left)

    def history(self) -> Floats:
        """Return the |statistics| that limits may be learnt from, oldest first."""
        if not self.values:
            return np.empty((0, len(SERIES)))
        usable = usable_history(np.array(self.values), np.array(self.limits), self.samples_usable(), self.market())
        found = np.where(usable, np.array(self.values), np.nan)
        return found[~np.isnan(found).all(axis=1)][-HISTORY:]

    def samples_usable(self) -> Sequence[bool]:
        """Say of each session whether it was an ordinary one."""
        return [not one.halted and not self._is(one.session, DriftLabel.FAULT, DriftLabel.ACCEPTED) for one in self.samples]

    def market(self) -> Sequence[bool]:
        """Say of each session whether a person said that the market did it: then also gross values are what must be expected."""
        return [self._is(one.session, DriftLabel.MARKET) for one in self.samples]


class Windows:
    """The references of one session: `of(feature)` is one object for all features that share it."""

    def __init__(self, clean: Sequence[SessionSample], day: date, restarts: Sequence[Restart]) -> None:
        self._clean, self._day, self._restarts = clean, day, restarts
        self._sessions = [one.session for one in clean]
        self._known: dict[tuple[int, int], Sequence[SessionSample]] = {}

    def of(self, feature: str) -> Sequence[SessionSample]:
        """Return the sessions that a feature is compared with."""
        span = reference(self._sessions, self._day, self._restarts, feature)
        if span not in self._known:
            self._known[span] = self._clean[span[0] : span[1]]
        return self._known[span]

    def restart(self, feature: str) -> Restart | None:
        """Return the restart of a feature of which the day is the first session, or None."""
        return first_behind(self._sessions, self._day, self._restarts, feature)


def usable_history(values: Floats, limits: Floats, ordinary: Sequence[bool], market: Sequence[bool]) -> Any:
    """Return which |values| limits may be learnt from: of ordinary sessions, and no gross alarms that nobody has spoken about.

    Gross values are left out while they are the exception: a fault that stays goes on alarming, and one that is over has not blinded the
    limits. A series in which they came too often, or stayed too long, lies elsewhere now: they are its past like any.
    """
    with np.errstate(invalid="ignore"):
        gross = (values > GROSS * limits) & ~np.array(market, bool)[:, None]
    began = gross.copy()
    began[1:] &= ~gross[:-1]
    times, sessions = (found[-HISTORY:].sum(axis=0) for found in (began, gross))
    exception = (times <= MOST_TIMES) & (sessions <= MOST_GROSS)
    return np.array(ordinary, bool)[:, None] & ~(gross & exception)


def _said(connection: Connection) -> Mapping[date, Labelled]:
    return {row["session"]: Labelled(DriftLabel(row["label"]), frozenset(row["features"] or ())) for row in drift.labels(connection)}


def learnt(limits: Limits) -> Floats:
    """Return the limits that later sessions may know of: those that were learnt; NaN where the textbook's stood in for them."""
    return limits.values if limits.calibrated else np.full_like(limits.values, np.nan)


def _measured_of_row(row: Mapping[Any, Any]) -> tuple[Floats, Floats]:
    """Return the statistics of a row and their limits; of a version that watched something else, none."""
    found = np.frombuffer(row["measured"], "<f8")
    if len(found) != 2 * len(SERIES):
        return np.full(len(SERIES), np.nan), np.full(len(SERIES), np.nan)
    return found[: len(SERIES)], found[len(SERIES) :]


def row_of_sample(sample: SessionSample, measured: Sequence[Measured], limits: Limits) -> dict[str, Any]:
    """Return what is stored of a sample and of what was measured of it."""
    values = [np.nan if one.value is None else one.value for one in measured]
    whole = {name: round(value, 9) for name, value in sample.levels.items()}
    return {
        "session": sample.session,
        "halted": sample.halted,
        "symbols": "\n".join(sample.symbols),
        "values": np.ascontiguousarray(sample.columns, "<f4").tobytes(),
        "measured": np.concatenate([values, learnt(limits)]).astype("<f8").tobytes(),
        "levels": json.dumps(whole),
    }


_Z_PLACES = np.array([PLACE[feature.name, Z] for feature in FEATURES])
