"""What the lake holds, which sessions were accepted, and the served prices."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field

from storage.tables.base import Base, count, instant, only_where, required, word


class TradingSession(Base, table=True):
    """A session that was accepted: exactly one row a session, whichever file brought it."""

    __tablename__ = "trading_session"
    session: date = Field(primary_key=True)
    run_id: int = required()
    file_date: date
    source: str = word(16, nullable=False)
    simulated: bool = False
    layout: str = word(32, nullable=False)
    rows: int = 0
    trades: int = count(0)
    volume: int = count(0)
    turnover_paisa: int = count(0)
    silver_path: str = word(200, nullable=False)
    gold_path: str | None = word(200)
    state_digest: str | None = word(64)  # of the feature state after this session; none while its gold waits for an earlier session's
    booked_by: str | None = word(80)  # set when a person chose the session
    accepted_at: datetime = instant(nullable=False)
    __table_args__: ClassVar[Any] = (Index("ix_trading_session_file", "file_date"),)


class LakeIdentity(Base, table=True):
    """The id of the lake whose files the catalog names: one row, which never changes."""

    __tablename__ = "lake_identity"
    id: str = word(32, nullable=False, key=True)


class LakeFile(Base, table=True):
    """The catalog: one row a file of the lake; a reader sees the current one of a (dataset, partition)."""

    __tablename__ = "lake_file"
    path: str = word(200, nullable=False, key=True)  # relative to the lake
    dataset: str = word(32, nullable=False)
    partition: date
    is_current: bool = True
    sha256: str = word(64, nullable=False)
    bytes: int = count(0)
    rows: int | None = count()
    schema_version: str | None = word(32)
    run_id: int | None = count()
    simulated: bool = False
    created_at: datetime = instant(nullable=False)
    superseded_at: datetime | None = instant()
    __table_args__: ClassVar[Any] = (
        Index(
            "uq_lake_file_current",
            "dataset",
            "partition",
            unique=True,
            **only_where("is_current"),
        ),
        Index("ix_lake_file_version", "dataset", "partition", "created_at", "bytes"),  # how much a layer holds is read out of it alone
    )


class Price(Base, table=True):
    """The serving table: one row a (session, symbol); money in paisa."""

    __tablename__ = "price"
    session: date = Field(primary_key=True)
    symbol: str = word(32, nullable=False, key=True)
    open_paisa: int | None = count()
    high_paisa: int | None = count()
    low_paisa: int | None = count()
    close_paisa: int | None = count()
    last_price_paisa: int | None = count()
    vwap_paisa: int | None = count()
    previous_close_paisa: int | None = count()
    turnover_paisa: int | None = count()
    volume: int | None = count()
    trades: int | None = count()
    # No index by symbol: with one, each session writes a page for every symbol there is, more with each year (twice the cost of a day).
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)
