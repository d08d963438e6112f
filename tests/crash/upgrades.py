"""Homes of earlier versions whose first start with this one is struck: the old schema with every row, or the new one with every row."""

import signal
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from shutil import copyfile

from sqlalchemy import Table

from engine.settings import Settings, SourceName
from storage.database import open_database
from storage.migrate import HEAD, schema_version
from tests.crash.processes import Nursery
from tests.crash.strikes import Strike, Strikes
from tests.storage.earlier import Rows, database_at, earlier_schemas, rows_of

Tables = Sequence[Table]

START = ("runner", "--status", "--json")  # the shortest command that opens a home


def upgrade_under_fire(nursery: Nursery, folder: Path, strikes: Strikes) -> None:
    """Give each strike for a migration a home of its own, of each earlier schema in turn; then start it undisturbed."""
    number = 0
    while (strike := strikes.take(lambda strike: strike.role == "migration")) is not None:
        revisions = earlier_schemas()
        _upgrade(nursery, folder, number, revisions[number % len(revisions)], strike)
        strikes.came.append(strike)
        number += 1


def _upgrade(nursery: Nursery, folder: Path, number: int, revision: str, strike: Strike) -> None:
    home = folder / f"home-{number}"
    tables, before = _left_by(folder, revision, home)
    steps = len(earlier_schemas()) - earlier_schemas().index(revision)
    nth = 1 if strike.point and "commit" in strike.point else 1 + int(strike.draw * steps)
    settings = Settings(home=home, source=SourceName.FILES, source_dir=folder)
    struck = nursery.start(settings, START, strike=strike, nth=nth, role="migration")
    code = nursery.wait(struck)
    assert code == -signal.SIGKILL, (code, revision, strike, nursery.end_of_log())
    committed = strike.point == "migration: after commit"
    assert _found(home, tables) == (HEAD if committed else revision, before), (revision, strike)
    assert nursery.wait(nursery.start(settings, START, role="migration")) == 0, nursery.end_of_log()
    assert _found(home, tables) == (HEAD, before), (revision, strike)


def _left_by(folder: Path, revision: str, home: Path) -> tuple[Tables, Rows]:
    """Make a home as the version of that schema left it; return its tables and their rows."""
    file, tables, rows = _database(folder, revision)
    (home / "lake").mkdir(parents=True)
    copyfile(file, home / "console.db")
    for item in rows["lake_file"]:
        (home / "lake" / item["path"]).touch()
    if "lake_identity" in rows:
        (home / "lake" / "identity").write_text(f"{rows['lake_identity'][0]['id']}\n")
    return tables, rows


@cache
def _database(folder: Path, revision: str) -> tuple[Path, Tables, Rows]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "daily").mkdir(exist_ok=True)
    file = folder / f"{revision}.db"
    database, tables = database_at(f"sqlite:///{file}", revision)
    rows = rows_of(database, tables)
    database.close()
    return file, tables, rows


def _found(home: Path, tables: Tables) -> tuple[str | None, Rows]:
    database = open_database(f"sqlite:///{home / 'console.db'}")
    try:
        return schema_version(database), rows_of(database, tables)
    finally:
        database.close()
