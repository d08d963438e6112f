"""Two months in a home: June with six sessions, July with four, and what they hold before anything is packed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import select

from engine.backup.scrub import scrub
from engine.jobs.following import followed
from engine.services.lifecycle import AskedStep
from storage import lifecycle
from storage.lake import as_version, files, table_content
from tests.pipelines.house import House, days_from

FIRST = date(2024, 6, 23)  # a Sunday
JUNE, JULY = date(2024, 6, 1), date(2024, 7, 1)
SESSIONS = [day for day in days_from(FIRST, 12) if day.isoweekday() % 7 < 5]


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> Path:
    """The folder of a house that has taken both months; never changed."""
    root = tmp_path_factory.mktemp("two-months")
    built = House(root)
    built.announce({day: day.isoweekday() % 7 < 5 for day in days_from(FIRST, 28)})
    for number, day in enumerate(SESSIONS):
        built.session(day, number)
    built.session(date(2024, 6, 28), 4)  # a Friday, with Thursday's file
    built.backfill(FIRST, SESSIONS[-1])
    built.runtime.database.close()
    return root


@pytest.fixture
def house(filled, tmp_path) -> House:
    """A house of its own that has taken both months."""
    copytree(filled, tmp_path / "house")
    return House(tmp_path / "house")


@pytest.fixture
def cold(house, tmp_path) -> Path:
    """A folder in the cold, which the house knows."""
    house.settings = house.settings.model_copy(update={"cold": str(tmp_path / "cold")})
    house.restart()
    return tmp_path / "cold"


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was done, with its job."""

    step: dict
    job: dict


@pytest.fixture
def done(house) -> Callable[[AskedStep], Done]:
    """Do what was asked for, in this process."""

    def do(asked: AskedStep) -> Done:
        job = followed(house.runtime, asked.job_run_id)
        return Done(dict(house.read(lifecycle.one, asked.step_id)), job)

    return do


def on_disk(house) -> dict[str, bytes]:
    """Return every file of the lake by its path."""
    lake = house.settings.lake
    return {str(file.relative_to(lake)): file.read_bytes() for file in lake.glob("*/*/*")}


def everything(house) -> dict[str, object]:
    """Return the content of every version, current or not: bytes as they are, of a table the bytes that writing it gives."""

    def read(row):
        if row["path"].endswith(".parquet"):
            return table_content(house.runtime.lake.read_table(row["path"])).sha256
        return house.runtime.lake.read_bytes(as_version(row))

    with house.runtime.database.reading() as connection:
        return {row["path"]: read(row) for row in connection.execute(select(files)).mappings()}


def read_again(house):
    """Have the scrub read the whole lake, and return what it found."""
    return scrub(house.runtime, resume=None, tell=lambda _figures: None, rest=lambda _seconds: None)
