"""Named points in the life of a process, and its sudden end at one of them.

They are laid around what the product calls (the disk, the database's driver, the steps of its own machine) before it starts, so that
nothing in it knows of them. Those of the lifecycle of the lake are struck by a test of its own.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from engine.errors import Fenced
from engine.pipeline.execution import Execution, _Holding
from storage import moves
from storage.database import Database
from storage.status import RunStatus, RunType
from tests.crash.journal import Journal

FILE = ("before a temp file", "half a temp file", "before fsync", "after fsync", "before rename", "after rename", "after folder fsync")
COMMIT = ("before commit", "after commit")
POINTS = {
    "runner": (*FILE, "before a stage commits", *COMMIT),
    "replay": ("before rename", "after rename", "before a stage commits", *COMMIT),
    "backup": ("after fsync", "after a link", "before rename", "after rename", "before folder rename", "after folder rename"),
    "migration": ("in a step", "before the version", "after the version", *COMMIT),
}
REMOVAL = ("before a removal", "after a removal")
LIFECYCLE = (*FILE, *COMMIT, *REMOVAL)
NAMES = tuple(f"{role}: {point}" for role, points in POINTS.items() for point in points)


@dataclass(slots=True)
class Passage:
    """Counts how often this process has passed the one point at which it ends (or, with SIGSTOP, stands still)."""

    journal: Journal
    role: str
    point: str | None = None
    left: int = 0  # passings until then, that one among them
    sign: signal.Signals = signal.SIGKILL
    _lock: Any = field(default_factory=threading.RLock)

    def passed(self, name: str) -> None:
        """Pass a point; the process may not come back from it."""
        with self._lock:
            if self.point != f"{self.role}: {name}":
                return
            self.left -= 1
            if self.left == 0:
                self.journal.note("struck", point=self.point, sign=self.sign)
                os.kill(os.getpid(), self.sign)

    def lay(self) -> None:
        """Lay all points."""
        _around_files(self.passed)
        _around_removals(self.passed)
        _around_commits(self.passed)
        _around_migrations(self.passed)
        _around_stages(self)


def _around_files(passed: Callable[[str], None]) -> None:
    opened, write, flush, rename, link = os.open, os.write, os.fsync, os.rename, os.link
    fresh: set[int] = set()  # temp files that nothing was written to yet

    def open_(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        is_temp = str(path).endswith(".tmp") and bool(flags & os.O_CREAT)
        if is_temp:
            passed("before a temp file")
        handle = opened(path, flags, *rest, **options)
        if is_temp:
            fresh.add(handle)
        return handle

    def write_(handle: int, data: Any) -> int:
        if handle not in fresh:
            return write(handle, data)
        fresh.discard(handle)
        written = write(handle, data[: len(data) // 2])
        passed("half a temp file")
        return written

    def fsync(handle: int) -> None:
        is_folder = Path(f"/proc/self/fd/{handle}").is_dir()
        if not is_folder:
            passed("before fsync")
        flush(handle)
        passed("after folder fsync" if is_folder else "after fsync")

    def rename_(source: Any, target: Any, **options: Any) -> None:
        what = "folder rename" if Path(source).is_dir() else "rename"
        passed(f"before {what}")
        rename(source, target, **options)
        passed(f"after {what}")

    def link_(source: Any, target: Any, **options: Any) -> None:
        link(source, target, **options)
        passed("after a link")

    os.open, os.write, os.fsync, os.rename, os.link = open_, write_, fsync, rename_, link_  # type: ignore[assignment]


def _around_removals(passed: Callable[[str], None]) -> None:
    unlink = os.unlink

    def unlink_(path: Any, **options: Any) -> None:
        passed("before a removal")
        unlink(path, **options)
        passed("after a removal")

    os.unlink = unlink_  # type: ignore[assignment]


def _around_commits(passed: Callable[[str], None]) -> None:
    own = Database.transaction

    @contextmanager
    def transaction(database: Database) -> Iterator[Connection]:
        with own(database) as connection:
            yield connection
            passed("before commit")
        passed("after commit")

    Database.transaction = transaction  # type: ignore[method-assign]


def _around_migrations(passed: Callable[[str], None]) -> None:
    def is_version(statement: str) -> bool:
        return "alembic_version" in statement and statement.lstrip().upper().startswith(("UPDATE", "INSERT"))

    @event.listens_for(Engine, "before_cursor_execute")
    def _before(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if is_version(statement):
            passed("before the version")

    @event.listens_for(Engine, "after_cursor_execute")
    def _after(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if is_version(statement):
            passed("after the version")
        elif statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP")):
            passed("in a step")


def _around_stages(passage: Passage) -> None:
    """Note what begins and what is done, and pass the point at which a stage has everything but its commit."""
    journal = passage.journal
    stage, commit, through, execute = _Holding._stage, _Holding._commit, _Holding.through, Execution.execute

    @wraps(stage)
    def _stage(self: Any, what: Any, *rest: Any) -> Any:
        about = {"run": self.run["id"], "stage": what.name, "fence": self.run["fence"]}
        journal.note("began", **about)
        outcome = stage(self, what, *rest)
        journal.note("left" if outcome in (None, RunStatus.FAILED, RunStatus.CANCELLED) else "done", **about)
        return outcome

    @wraps(commit)
    def _commit(self: Any, *rest: Any) -> Any:
        passage.passed("before a stage commits")
        return commit(self, *rest)

    @wraps(through)
    def _through(self: Any) -> Any:
        try:
            return through(self)
        except (Fenced, moves.StaleMove):
            journal.note("refused", run=self.run["id"], fence=self.run["fence"])
            raise

    @wraps(execute)
    def _execute(self: Any, run: Any) -> Any:
        role, passage.role = passage.role, "replay" if run["run_type"] == RunType.REPLAY else passage.role
        try:
            status = execute(self, run)
        finally:
            passage.role = role
        if status is not None:
            journal.note("ended", run=run["id"], status=status)
        return status

    _Holding._stage, _Holding._commit, _Holding.through = _stage, _commit, _through  # type: ignore[method-assign]
    Execution.execute = _execute  # type: ignore[method-assign]
