"""What is watched of each accepted session, how far it lay from the sessions before, and what people said of its alarms."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field

from storage.status import DriftCause, DriftLabel, DriftVerdict
from storage.tables.base import Base, count, document, instant, long_text, word


def _key() -> Any:
    return Field(primary_key=True)


class DriftSample(Base, table=True):
    """What is kept of a session to compare others with: a few values a row in single precision, and a level a watched feature."""

    __tablename__ = "drift_sample"
    session: date = _key()
    halted: bool = False  # by the index
    symbols: str = long_text(nullable=False)  # one a line
    values: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # float32, column by column
    measured: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # float64: every statistic, then the limits learnt for them
    levels: str = long_text(nullable=False)  # JSON, read only where it is looked at


class DriftReport(Base, table=True):
    """What drift says of a session; one a session, made anew when the session or one before it changes."""

    __tablename__ = "drift_report"
    session: date = _key()
    basis: str | None = word(200)  # the silver file that it is of; null: a session before it has changed, and it waits to be made anew
    run_id: int = count(0)  # whose version of the session it is
    halted: bool = False
    cause: DriftCause | None = word(12)  # null: nothing lies beyond its limit
    alarms: int = 0  # series beyond their limit
    since: date | None = None  # the first session of this episode: the same features have alarmed without a break
    headline: str = long_text(nullable=False)
    calibrated: bool = False
    reference_since: date | None = None
    reference_until: date | None = None
    reference_sessions: int = 0
    history_sessions: int = 0  # that the limits were learnt from
    alarms_per_month: float = 0.0
    threshold_version: int = count(0)
    regime: Any = document()
    explained: Any = document()  # for each feature that alarmed: since when, which sectors and symbols
    reported_at: datetime = instant(nullable=False)
    __table_args__: ClassVar[Any] = (Index("ix_drift_report_cause", "cause", "session"),)


class DriftDistance(Base, table=True):
    """One statistic of one feature of a session, beside the limit that it was held against."""

    __tablename__ = "drift_distance"
    session: date = _key()
    feature: str = word(24, nullable=False, key=True)
    statistic: str = word(24, nullable=False, key=True)
    value: float | None = None
    observed: float | None = None  # the level that it is of
    usual: float | None = None  # the median of the reference
    part: str | None = word(64)  # of the feature, where it has several
    limit: float | None = None
    verdict: DriftVerdict = word(16, nullable=False)
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)


class DriftLabelled(Base, table=True):
    """A person's word on the alarms of a session."""

    __tablename__ = "drift_label"
    session: date = _key()
    label: DriftLabel = word(12, nullable=False)
    features: Any = document()  # that had alarmed: an accepted change begins their reference anew
    labelled_by: str = word(80, nullable=False)
    labelled_at: datetime = instant(nullable=False)
    reason: str = long_text(nullable=False)
