"""What was before a session: samples, statistics and limits of the sessions before it, and what people said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Connection

from engine.drift.judging import PLACE, REFERENCE, SERIES, Measured, Z
from engine.drift.limits import GROSS, HISTORY, MOST_GROSS, Limits
from engine.drift.pair import Floats
from engine.drift.session import COLUMNS, SessionSample
from engine.drift.watched import FEATURES
from engine.drift.windows import Restart, declared, first_behind, reference
from storage import drift
from storage.status import DriftLabel

KEPT = 260  # sessions that are kept in memory: the history of the limits, the reference before it, and what a restart may reach back to


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
    use_declared: bool = True  # whether changes of the exchange's rules that are known begin references anew

    @classmethod
    def before(cls, connection: Connection, day: date) -> "Past":
        """Read what was before a day."""
        rows = drift.samples_before(connection, day, limit=KEPT)[::-1]
        said = _said(connection)
        past = cls([sample_of_row(row) for row in rows], labels=said)
        if rows:
            calibrated = drift.calibrated_between(connection, rows[0]["session"], rows[-1]["session"])
            of = {row["session"]: at for at, row in enumerate(rows)}
            values, limits = np.full((2, len(rows), len(SERIES)), np.nan)
            for row in drift.values_between(connection, rows[0]["session"], rows[-1]["session"]):
                place = PLACE.get((row["feature"], row["statistic"]))
                if place is not None and row["session"] in of:
                    values[of[row["session"]], place] = np.nan if row["value"] is None else row["value"]
                    if row["session"] in calibrated:
                        limits[of[row["session"]], place] = np.nan if row["limit"] is None else row["limit"]
            past.values, past.limits, past.signed = list(np.abs(values)), list(limits), list(values[:, _Z_PLACES])
        return past

    @classmethod
    def samples_before(cls, connection: Connection, day: date) -> "Past":
        """Read only the samples that were before a day, and what people said: enough to know its references."""
        rows = drift.samples_before(connection, day, limit=KEPT)[::-1]
        return cls([sample_of_row(row) for row in rows], labels=_said(connection))

    def add(self, sample: SessionSample, measured: Sequence[Measured], limits: Limits) -> None:
        """Let a session be one of the past. What was held against the textbook's limits alone was no gross alarm."""
        values = np.array([np.nan if one.value is None else one.value for one in measured])
        self.samples.append(sample)
        self.values.append(np.abs(values))
        self.limits.append(limits.values if limits.calibrated else np.full_like(limits.values, np.nan))
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
            Restart(session, said.features, "accepted by a person")
            for session, said in self.labels.items()
            if said.label is DriftLabel.ACCEPTED and self.samples[0].session < session <= day
        )
        return tuple(sorted((*known, *accepted), key=lambda restart: restart.session))

    def windows(self, day: date) -> "Windows":
        """Return what each feature of a session is compared with."""
        return Windows(self.clean(), day, self.restarts(day))

    def past_z(self) -> Mapping[str, list[float]]:
        """Return the robust z of each feature in the last sessions, oldest first."""
        recent = np.array(self.signed[-REFERENCE:]).reshape(-1, len(FEATURES))
        return {feature.name: recent[:, at].tolist() for at, feature in enumerate(FEATURES)}

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


@dataclass(frozen=True, slots=True)
class Windows:
    """The references of one session: `of(feature)` is one object for all features that share it."""

    clean: Sequence[SessionSample]
    day: date
    restarts: Sequence[Restart]
    _known: dict[tuple[int, int], list[SessionSample]] = field(default_factory=dict)

    def of(self, feature: str) -> Sequence[SessionSample]:
        """Return the sessions that a feature is compared with."""
        span = reference([one.session for one in self.clean], self.day, self.restarts, feature)
        return self._known.setdefault(span, list(self.clean[span[0] : span[1]]))

    def restart(self, feature: str) -> Restart | None:
        """Return the restart of a feature of which the day is the first session, or None."""
        return first_behind([one.session for one in self.clean], self.day, self.restarts, feature)


def usable_history(values: Floats, limits: Floats, ordinary: Sequence[bool], market: Sequence[bool]) -> Any:
    """Return which |values| limits may be learnt from: of ordinary sessions, and no gross alarms that nobody has spoken about.

    Gross values are left out while they are the exception. A series in which they are more than a tenth of the last sessions lies
    elsewhere now: they are its past like any.
    """
    with np.errstate(invalid="ignore"):
        gross = (values > GROSS * limits) & ~np.array(market, bool)[:, None]
    seen = np.cumsum(gross, axis=0)
    recent = seen - np.concatenate([np.zeros((min(HISTORY, len(seen)), seen.shape[1]), seen.dtype), seen[:-HISTORY]])
    return np.array(ordinary, bool)[:, None] & ~(gross & (recent[-1] <= MOST_GROSS))


def _said(connection: Connection) -> Mapping[date, Labelled]:
    return {row["session"]: Labelled(DriftLabel(row["label"]), frozenset(row["features"] or ())) for row in drift.labels(connection)}


def sample_of_row(row: Mapping[Any, Any]) -> SessionSample:
    """Return the sample that a row holds."""
    symbols = tuple(row["symbols"].split("\n")) if row["symbols"] else ()
    columns = np.frombuffer(row["values"], "<f4").reshape(len(COLUMNS), len(symbols))
    return SessionSample(row["session"], symbols, columns, row["levels"] or {}, bool(row["halted"]))


def row_of_sample(sample: SessionSample) -> dict[str, Any]:
    """Return what is stored of a sample."""
    whole = {name: round(value, 9) for name, value in sample.levels.items()}
    return {
        "session": sample.session,
        "halted": sample.halted,
        "symbols": "\n".join(sample.symbols),
        "values": np.ascontiguousarray(sample.columns, "<f4").tobytes(),
        "levels": whole,
    }


_Z_PLACES = np.array([PLACE[feature.name, Z] for feature in FEATURES])
