"""What work has cost: the prices in force, an estimate for each piece of work that ended, and their sums by day.

Amounts are in billionths (1e-9) of a US dollar, whole: each is a sum of lines that were rounded once, so that sums of sums are exact.
"""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from storage.status import CostPurpose, CostWork
from storage.tables.base import Base, count, identity, instant, long_text, required, word


class PriceBookVersion(Base, table=True):
    """One state of the prices, in force from then on until the next one; nothing is overwritten."""

    __tablename__ = "price_book"
    id: int | None = identity()
    name: str = word(60, nullable=False)
    about: str = long_text(nullable=False)
    currency: str = word(3, nullable=False)  # in which amounts are shown
    changed_at: datetime = instant(nullable=False)
    changed_by: str = word(80, nullable=False)
    reason: str = long_text(nullable=False)


class PriceRow(Base, table=True):
    """One price of a version: what `per` units cost, from the quantity `above` on; without a currency it is a term of the price list."""

    __tablename__ = "price_row"
    book_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    key: str = word(80, nullable=False, key=True)
    above: str = word(40, nullable=False, key=True)  # numbers are decimal, as text: exact
    amount: str = word(40, nullable=False)
    unit: str = word(40, nullable=False)
    currency: str | None = word(3)
    per: str = word(40, nullable=False)
    source: str = long_text(nullable=False)
    as_of: date | None = None


class CostEstimate(Base, table=True):
    """What one piece of work used and cost, by the prices of its day; written in the transaction that ends it."""

    __tablename__ = "cost_estimate"
    work: CostWork = word(16, nullable=False, key=True)
    ref: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))  # of the run or the execution of a job
    name: str = word(64, nullable=False)  # the pipeline or the job
    day: date  # Nepal date of the end
    partition: date | None = None  # the date that it was for
    session: date | None = None
    status: str = word(16, nullable=False)
    purpose: CostPurpose = word(16, nullable=False)
    book_id: int = required()
    simulated: bool = False
    rows: int = count(0)  # good ones that it loaded
    cpu_us: int = count(0)
    retry_cpu_us: int = count(0)  # of it, by tries that failed
    memory_kib_us: int = count(0)  # peak memory x wall time, summed over its stages
    bytes_written: int = count(0)
    bytes_received: int = count(0)  # from the source
    puts: int = count(0)  # files of the lake that were written
    gets: int = count(0)  # and read
    unmeasured: int = count(0)  # stages whose process died: nobody knows what they used
    compute_nano: int = count(0)
    storage_nano: int = count(0)  # of what was written, for a month
    requests_nano: int = count(0)
    query_nano: int = count(0)
    transfer_nano: int = count(0)
    notification_nano: int = count(0)
    retries_nano: int = count(0)  # of `compute_nano`, for tries that failed
    __table_args__: ClassVar[Any] = (
        Index("ix_cost_estimate_day", "day"),
        Index("ix_cost_estimate_session", "session"),
        {"sqlite_with_rowid": False},
    )


class CostDaily(Base, table=True):
    """Sums of the estimates by day; kept in the commit that writes each. What is sent and asked outside of any run stands here alone."""

    __tablename__ = "cost_daily"
    day: date = Field(primary_key=True)
    work: CostWork = word(16, nullable=False, key=True)
    name: str = word(64, nullable=False, key=True)
    purpose: CostPurpose = word(16, nullable=False, key=True)
    book_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    number: int = count(0)  # of estimates, messages or questions
    rows: int = count(0)
    cpu_us: int = count(0)
    retry_cpu_us: int = count(0)
    memory_kib_us: int = count(0)
    bytes_written: int = count(0)
    bytes_received: int = count(0)
    bytes_scanned: int = count(0)  # by questions in SQL
    puts: int = count(0)
    gets: int = count(0)
    messages: int = count(0)  # delivered
    unmeasured: int = count(0)
    compute_nano: int = count(0)
    storage_nano: int = count(0)
    requests_nano: int = count(0)
    query_nano: int = count(0)
    transfer_nano: int = count(0)
    notification_nano: int = count(0)
    retries_nano: int = count(0)
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)
