"""What a stage is given: its run, the lake, the source, time; and what it wants committed with its checkpoint."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import structlog
from sqlalchemy import Connection

from engine.errors import ConsoleError, LakeError, NoSpace
from engine.runtime import Runtime
from storage import lake as catalog
from storage.lake import Content, DiskFull, LakeFileLost, Version
from storage.metrics import Measure

REMEMBERED_TABLES = 8  # the newest session, its features and its state, for the next date of a backfill


class SourceNotReady(ConsoleError):
    """Not an error: the stage asks to be run again at `until`; the run goes back to the queue meanwhile."""

    def __init__(self, reason: str, *, until: datetime) -> None:
        super().__init__(reason)
        self.until = until


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stage ends its run early, all it gave committed: nothing behind it is run."""

    reason: str
    succeeded: bool = False
    error: ConsoleError | None = None  # the run ends FAILED with it


@dataclass(slots=True)
class Meter:
    """What one try of a stage moved: bytes and files through its context, bytes from the source, rows it reports."""

    bytes_read: int = 0
    bytes_written: int = 0
    bytes_received: int = 0
    puts: int = 0
    gets: int = 0
    rows_in: int | None = None
    rows_out: int | None = None

    def wrote(self, size: int) -> None:
        """Count a file of the lake that was written."""
        self.puts += 1
        self.bytes_written += size

    def read(self, size: int) -> None:
        """Count a file of the lake that was read."""
        self.gets += 1
        self.bytes_read += size

    def received(self, size: int) -> None:
        """Count what came from the source."""
        self.bytes_received += size
        self.bytes_read += size

    def moved(self) -> dict[str, int]:
        """Return what was moved, by the columns of a stage."""
        return {name: getattr(self, name) for name in MOVED}

    def add(self, other: "Meter") -> None:
        """Count what another try moved."""
        for name in MOVED:
            setattr(self, name, getattr(self, name) + getattr(other, name))


MOVED = ("bytes_read", "bytes_written", "bytes_received", "puts", "gets")


class TableCache:
    """The newest tables of the lake in memory; files never change, so a path is a safe key."""

    def __init__(self) -> None:
        self._tables: OrderedDict[str, Any] = OrderedDict()

    def get(self, path: str) -> Any:
        """Return what was remembered for `path`, or None."""
        return self._tables.get(path)

    def put(self, path: str, value: Any) -> None:
        """Remember a value and forget the oldest."""
        self._tables[path] = value
        self._tables.move_to_end(path)
        while len(self._tables) > REMEMBERED_TABLES:
            self._tables.popitem(last=False)


@dataclass(slots=True)
class RunLog:
    """Structured log lines of a run: to the process's log at once, to the database with the next commit."""

    run_id: int
    clock: Callable[[], datetime]
    told: Mapping[str, Any] = field(default_factory=dict)  # what every printed line says beside the run: its pipeline and partition
    stage: str | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)
    printed: Any = None

    def __post_init__(self) -> None:
        self.printed = structlog.get_logger().bind(run_id=self.run_id, **self.told)

    def info(self, event: str, **fields: Any) -> None:
        """Log a fact."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log something that a person should see."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Log a failure."""
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        line = {"run_id": self.run_id, "at": self.clock(), "level": level, "stage": self.stage, "event": event, "fields": fields or None}
        self.lines.append(line)
        getattr(self.printed, level)(event, stage=self.stage, **fields)


@dataclass(slots=True)
class StageContext:
    """One try of one stage. What it publishes, notes or measures is committed with the checkpoint, or not at all."""

    run: Mapping[Any, Any]
    runtime: Runtime
    log: RunLog
    cache: TableCache
    begin: Callable[[], Connection]  # begins the snapshot: a stage that asks nothing needs none
    meter: Meter = field(default_factory=Meter)
    published: list[Version] = field(default_factory=list)
    withdrawn: list[tuple[str, date]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    measures: list[Measure] = field(default_factory=list)
    writes: list[Callable[[Connection], None]] = field(default_factory=list)
    ending: Ending | None = None
    _snapshot: Connection | None = None
    _answers: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The calendar date that the run is for."""
        day: date = self.run["partition"]
        return day

    @property
    def holder(self) -> tuple[int, int]:
        """The run, and the fence number of who holds it."""
        return self.run["id"], self.run["fence"]

    def now(self) -> datetime:
        """Return the current instant, in UTC."""
        return self.runtime.clock.now()

    def query(self, read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a read of `storage`; all reads of one try see one snapshot of the database, so that the same one is asked once."""
        asked = (read, *arguments, *options.items())
        if asked not in self._answers:
            if self._snapshot is None:
                self._snapshot = self.begin()
            self._answers[asked] = read(self._snapshot, *arguments, **options)
        return self._answers[asked]

    def publish(self, dataset: str, partition: date, content: Content) -> tuple[Version, bool]:
        """Write a file of the lake and have it made current with the checkpoint; return it and whether it is new.

        When the current version already holds this very content, nothing is written and that version is returned.
        """
        current: Version | None = self.query(catalog.current, dataset, partition)
        if current is not None and current.sha256 == content.sha256:
            self.meter.read(current.bytes)
            if self.runtime.lake.holds(current):
                return current, False
        try:
            version = self.runtime.lake.write(dataset, partition, content)
        except DiskFull as error:
            raise NoSpace(str(error)) from error
        self.meter.wrote(version.bytes)
        self.published.append(version)
        return version, True

    def publish_table(self, dataset: str, partition: date, table: pa.Table, *, schema_version: str | None = None) -> tuple[Version, bool]:
        """`publish` a table, and remember it for the stages behind."""
        version, new = self.publish(dataset, partition, catalog.table_content(table, schema_version=schema_version))
        self.cache.put(version.path, table)
        return version, new

    def withdraw(self, dataset: str, partition: date) -> None:
        """Leave a (dataset, partition) without a current version, with the checkpoint; nothing is deleted."""
        self.withdrawn.append((dataset, partition))

    def table(self, path: str) -> pa.Table:
        """Return a table of the lake, checked against its page checksums; `LakeError` when it is not what was published."""
        table = self.cache.get(path)
        if table is None:
            try:
                table = self.runtime.lake.read_table(path)
            except LakeFileLost as error:
                raise LakeError(str(error)) from error
            self.meter.read(self.runtime.lake.size(path))
            self.cache.put(path, table)
        return table

    def content(self, version: Version) -> bytes:
        """Return the bytes of a lake file, checked against its sha256; `LakeError` when they differ."""
        try:
            content = self.runtime.lake.read_bytes(version)
        except LakeFileLost as error:
            raise LakeError(str(error)) from error
        self.meter.read(len(content))
        return content

    def note(self, **values: Any) -> None:
        """Write columns of the run with the checkpoint."""
        self.notes.update(values)

    def measure(self, name: str, value: float, unit: str) -> None:
        """Record a metric of the run with the checkpoint."""
        self.measures.append(Measure(self.log.stage or "", name, unit, value))

    def commit_with(self, write: Callable[[Connection], None]) -> None:
        """Have `write` run inside the transaction that commits the checkpoint."""
        self.writes.append(write)

    def end_run(self, reason: str | None = None, *, succeeded: bool = False, error: ConsoleError | None = None) -> None:
        """End the run with this stage: there is nothing more to do, nothing at all to do, or nothing that may be done.

        With an `error` the run FAILS with it. Unlike one that is raised it takes nothing back: what this stage gave is committed.
        """
        self.ending = Ending(reason or str(error or ""), succeeded, error)


def cpu_us() -> int:
    """Return the CPU time of this process so far, in microseconds."""
    return time.process_time_ns() // 1000
