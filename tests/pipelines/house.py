"""A home with a folder of daily files beside it, in which runs are executed in this very process."""

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import RowMapping, select

from engine.clock import FakeClock
from engine.pipeline.execution import Execution
from engine.pipelines import PIPELINES
from engine.pipelines.behind import queue_carry
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings, SourceName
from storage import lake, moves, runs, sessions
from storage.dates import DateVerdict, verdicts
from storage.status import BackfillMode
from storage.tables import LakeFile, Price
from tests.storage.databases import put_migrated

DAILY = "daily_prices"
SYMBOLS = 120
HIGH, LOW = 4, 5  # places in a row of a daily file
SUNDAY = date(2024, 6, 2)  # where the made-up weeks begin
V1 = (
    "S.No,Symbol,Conf.,Open,High,Low,Close,VWAP,Vol,Prev. Close,Turnover,Trans.,Diff,Range,Diff %,Range %,VWAP %,"
    "120 Days,180 Days,52 Weeks High,52 Weeks Low"
)


def numbers(number: int, symbols: Iterable[int] = range(SYMBOLS)) -> list[list[str]]:
    """Return the rows of made-up session `number`: each symbol's previous close is its close of session `number - 1`."""

    def close(symbol: int, session: int) -> float:
        return 100 + symbol + (session * (symbol + 3)) % 7 * 0.5

    rows = []
    for symbol in symbols:
        price, before, volume = close(symbol, number), close(symbol, number - 1), 1_000 + symbol + 10 * number
        cells = [price, price + 1, price - 1, price, price, volume, before, round(price * volume, 2), 20 + number, price - before]
        change, width = 100 * (price - before) / before, 200 / (price - 1)
        rest = ["2.00", f"{change:.2f}", f"{width:.2f}", "0.00", "0", "0", "0", "0"]
        rows.append([str(symbol + 1), f"S{symbol:03d}", "-", *(f"{cell:,}" for cell in cells), *rest])
    return rows


def daily_bytes(rows: Iterable[list[str]], header: Iterable[str] | None = None) -> bytes:
    """Return rows as a daily file of the first layout, packed the same way every time."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header or V1.split(","))
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode(), mtime=0)


class House:
    """One home, one source folder, one clock."""

    def __init__(self, root: Path, source: Path | None = None, *, kind: SourceName = SourceName.FILES) -> None:
        self.source = source or root / "source"
        (self.source / "daily").mkdir(parents=True, exist_ok=True)
        self.clock = FakeClock(datetime(2026, 1, 5, 6, tzinfo=UTC))
        self.settings = Settings(home=root / "home", source=kind, source_dir=self.source)
        put_migrated(self.settings.home)
        self.restart()

    def restart(self) -> None:
        """Forget what the process remembered, as a new runner would."""
        self.runtime: Runtime = compose(self.settings, self.clock)
        self.services = Services(self.runtime, actor="test")
        self.execution = Execution(self.runtime, PIPELINES, "test")

    def put(self, day: date, content: bytes) -> None:
        """Publish a daily file."""
        (self.source / "daily" / f"{day:%Y_%m_%d}.csv.gz").write_bytes(content)

    def session(self, day: date, number: int) -> None:
        """Publish made-up session `number` as the file of `day`."""
        self.put(day, daily_bytes(numbers(number)))

    def sessions(self, count: int) -> None:
        """Publish a session on each of the first `count` dates, from `SUNDAY` on."""
        for number, day in enumerate(days_from(SUNDAY, count)):
            self.session(day, number)

    def announce(self, days: Mapping[date, bool]) -> None:
        """Write the announced calendar."""
        folder = self.source / "calendar"
        folder.mkdir(exist_ok=True)
        lines = [f"{day},{trading},{'' if trading else 'Holiday'}" for day, trading in days.items()]
        (folder / "trading_calendar.csv").write_text("\n".join(["Date,IsTradingDay,HolidayName", *lines, ""]))

    def run(self, day: date, **wanted: Any) -> RowMapping:
        """Run a date to its end and return the run."""
        submitted = self.services.run(DAILY, day, **wanted)
        self.work()
        return self.found(submitted.run_id)

    def rerun(self, run_id: int, **wanted: Any) -> RowMapping:
        """Run a run's date again to its end and return the new run."""
        submitted = self.services.rerun(run_id, **wanted)
        self.work()
        return self.found(submitted.run_id)

    def backfill(self, since: date, until: date, *, mode: BackfillMode = BackfillMode.MISSING) -> int:
        """Backfill a range to its end."""
        backfill_id = self.services.backfill(DAILY, since, until, mode=mode)
        self.work()
        return backfill_id

    def work(self, *, most: int = 10_000) -> int:
        """Execute what is queued, as a runner does; return how many runs that were."""
        for done in range(most):
            run = moves.claim(
                self.runtime.database,
                runner_id="test",
                at=self.clock.now(),
                sequential=[DAILY],
                code_version="test",
                source=self.runtime.source.name,
                simulated=self.runtime.simulated,
            )
            if run is None:
                if queue_carry(self.runtime) is None:
                    return done
                continue
            self.execution.execute(run)
        return most

    def read(self, what: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a read of `storage`."""
        with self.runtime.database.reading() as connection:
            return what(connection, *arguments, **options)

    def found(self, run_id: int) -> RowMapping:
        """Return a run."""
        run: RowMapping = self.read(runs.one, run_id)
        return run

    def date(self, day: date) -> DateVerdict:
        """Return what is known of a date."""
        known: DateVerdict = self.read(verdicts, DAILY, day, day)[0]
        return known

    def accepted(self) -> list[date]:
        """Return the accepted sessions."""
        return [row["session"] for row in self.read(sessions.between, date.min, date.max)]

    def table(self, dataset: str, partition: date) -> pa.Table:
        """Return the current table of a (dataset, partition)."""
        return self.runtime.lake.read_table(self.read(lake.current, dataset, partition).path)

    def lake_content(self) -> dict[tuple[str, date], str]:
        """Return the sha256 of every current file of the lake, read from the disk."""
        current = [version for dataset in self.datasets() for version in self.read(lake.snapshot, dataset)]
        assert all(self.runtime.lake.holds(version) for version in current)
        return {(version.dataset, version.partition): version.sha256 for version in current}

    def datasets(self) -> list[str]:
        """Return the datasets that the catalog knows."""
        with self.runtime.database.reading() as connection:
            return sorted(connection.execute(select(LakeFile.__table__.c.dataset).distinct()).scalars())

    def catalog(self) -> list[tuple[Any, ...]]:
        """Return every version that the lake ever had."""
        with self.runtime.database.reading() as connection:
            return [tuple(row) for row in connection.execute(select(LakeFile.__table__).order_by(LakeFile.__table__.c.path))]

    def prices(self) -> list[tuple[Any, ...]]:
        """Return the serving table."""
        with self.runtime.database.reading() as connection:
            table = Price.__table__
            return [tuple(row) for row in connection.execute(select(table).order_by(table.c.session, table.c.symbol))]


def crossed(rows: list[list[str]], *places: int) -> list[list[str]]:
    """Return rows of which those at `places` have their high below their low."""
    for place in places:
        rows[place][HIGH] = f"{float(rows[place][LOW]) - 0.1:.2f}"
    return rows


def days_from(first: date, count: int) -> list[date]:
    """Return `count` calendar dates."""
    return [first + timedelta(days=number) for number in range(count)]


def announced(root: Path) -> House:
    """Return an empty home; the calendar of four ordinary weeks, Sunday to Thursday, is announced."""
    built = House(root)
    built.announce({day: day.isoweekday() % 7 < 5 for day in days_from(SUNDAY, 28)})
    return built


def with_a_week(root: Path) -> House:
    """Return a home that has taken one week: five sessions, and Friday's file, which repeats Thursday."""
    built = announced(root)
    built.sessions(5)
    built.session(SUNDAY + timedelta(days=5), 4)
    built.backfill(SUNDAY, SUNDAY + timedelta(days=6))
    return built
