"""Opens the database and hands out transactions; with `prepared.py` and `upsert.py` the only module that knows which database it is."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pysqlite3
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

from storage.prepared import driven

# SQLite 3.7.0 to 3.51.2 can corrupt a WAL file when two connections meet a checkpoint (sqlite.org/wal.html#walresetbug).
SAFE_SQLITE = (3, 51, 3)
LITTLE = 128 * 1024  # bytes: with less, a disk is full
BUSY_SECONDS = 15
CACHED_STATEMENTS = 500  # that a connection keeps compiled; a run makes some 70, the pages several hundred


class DatabaseRefused(Exception):
    """The database cannot be used as it is; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open database: one writer at a time on SQLite, any number of readers."""

    pool: Engine
    kept: list[Connection] | None = None  # free ones of `keeping`

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.pool.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection that may write; commits at the end, rolls back on any error.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE): a deferred one loses updates between its read and its write.
        """
        with self._connected() as connection, connection.begin():
            if self.dialect == "sqlite":
                driven(connection, "BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection with one consistent snapshot of everything that was committed before."""
        with self._connected() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                if self.dialect == "sqlite":
                    driven(connection, "BEGIN")
                yield connection

    @contextmanager
    def keeping(self) -> Iterator["Database"]:
        """Give this database with connections that one thread keeps inside the block, for many short transactions one after the other.

        To fetch one for each and to give it back costs more than a statement. On PostgreSQL they carry options and are not kept.
        """
        if self.kept is not None or self.dialect != "sqlite":
            yield self
            return
        kept: list[Connection] = []
        try:
            yield Database(self.pool, kept)
        finally:
            for connection in kept:
                connection.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        connection = self.kept.pop() if self.kept else self.pool.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self.kept is None:
            connection.close()
        else:
            self.kept.append(connection)

    def serialise(self, connection: Connection, name: str) -> None:
        """Let only one transaction of that name go on at a time (SQLite's writers already do)."""
        if self.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})

    def last_write(self) -> int | None:
        """Return a number that changes with each commit of any process, without asking the database; None where it has to be asked."""
        if self.dialect != "sqlite" or not self.pool.url.database:
            return None
        log = Path(f"{self.pool.url.database}-wal")
        try:
            found = log.stat()
        except FileNotFoundError:
            return None
        return hash((found.st_mtime_ns, found.st_size))

    def settle(self) -> None:
        """Have everything that was committed on the disk, also where `durability` leaves the last commits to the system.

        Only the log is opened: to close any handle of the database itself would drop the locks that SQLite holds on it.
        """
        log = Path(f"{self.pool.url.database}-wal")
        if self.dialect == "sqlite" and log.exists():  # without a log, whoever closed it last has flushed all of it
            handle = os.open(log, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def copy_to(self, file: Path) -> None:
        """Write a consistent copy of a SQLite database into one new file, while others write; no log stays beside it. Raises `OSError`."""
        source: Any = self.pool.raw_connection()
        target = pysqlite3.connect(str(file), isolation_level=None)
        try:
            source.driver_connection.backup(target)  # in one step: one snapshot, and writers do not make it begin again
            target.execute("PRAGMA journal_mode = DELETE")
        except pysqlite3.Error as error:
            # A failed backup has no error code in this driver, and one that had no room for its index says "disk I/O error".
            full = "full" in str(error) or free_bytes(file.parent) < LITTLE
            raise OSError(errno.ENOSPC if full else errno.EIO, f"the database could not be copied ({error})") from error
        finally:
            target.close()
            source.close()

    def faults(self) -> list[str]:
        """Return what SQLite's own check of the whole file finds; a server checks its pages by itself."""
        if self.dialect != "sqlite":
            return []
        with self.pool.connect() as connection:
            broken = [row[0] for row in driven(connection, "PRAGMA integrity_check").fetchall() if row[0] != "ok"]
            orphans = driven(connection, "PRAGMA foreign_key_check").fetchall()
        return broken + [f"a row of {row[0]} names one of {row[2]} that is not there" for row in orphans]

    def close(self) -> None:
        """Close every pooled connection."""
        self.pool.dispose()


def open_database(url: str, *, durability: str = "normal") -> Database:
    """Open `url`; raises `DatabaseRefused` when this SQLite must not be used with WAL."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return Database(create_engine(parsed, pool_pre_ping=True))
    if pysqlite3.sqlite_version_info < SAFE_SQLITE:
        raise DatabaseRefused(
            f"SQLite {pysqlite3.sqlite_version} can corrupt a WAL database; install pysqlite3 with SQLite 3.51.3 or newer"
        )
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    connect_args = {"timeout": BUSY_SECONDS, "check_same_thread": False, "cached_statements": CACHED_STATEMENTS}
    # The newest connection first: a connection forgets every page that it has read when another one has written.
    pool = create_engine(parsed, module=pysqlite3, connect_args=connect_args, pool_use_lifo=True)
    synchronous = durability.upper()

    @event.listens_for(pool, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transaction by itself
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            "foreign_keys = ON",
            f"busy_timeout = {BUSY_SECONDS * 1000}",
            "cache_size = -32000",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return Database(pool)


def open_read_only(url: str) -> Database | None:
    """Open a database that is there, so that nothing can be written to it and no file appears beside it; None where there is none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return Database(create_engine(parsed, pool_pre_ping=True))
    file = Path(parsed.database or "")
    if not file.is_file():
        return None
    # Without a log beside it nobody writes; then SQLite is told so, or it would make that log, and its index, for reading.
    quiet = "" if file.with_name(f"{file.name}-wal").exists() else "&immutable=1"
    where = f"file:{quote(str(file.absolute()))}?mode=ro{quiet}"

    def connect() -> Any:
        return pysqlite3.connect(where, uri=True, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)

    return Database(create_engine("sqlite://", creator=connect, module=pysqlite3, poolclass=NullPool))


def version(database: Database) -> str:
    """Return the name and version of the database server or library."""
    with database.reading() as connection:
        query = "SELECT sqlite_version()" if database.dialect == "sqlite" else "SHOW server_version"
        return f"{'SQLite' if database.dialect == 'sqlite' else 'PostgreSQL'} {connection.execute(text(query)).scalar_one()}"


def free_bytes(folder: Path) -> int:
    """Return the bytes free on the disk that holds `folder` or its nearest parent that can be seen."""
    return shutil.disk_usage(nearest(folder)).free


def nearest(folder: Path) -> Path:
    """Return `folder` or the nearest of its parents that is there and can be seen by this user."""
    while True:
        try:
            folder.stat()
        except OSError:
            folder = folder.parent
        else:
            return folder
