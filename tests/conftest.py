"""Fixtures that more than one folder of tests needs, and where a run keeps what it makes."""

import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from storage.database import open_database
from storage.migrate import migrate
from tests.pipelines.house import House, with_a_week
from tests.storage.databases import empty_database

REPOSITORY = Path(__file__).resolve().parent.parent
LONG = ("e2e", "crash", "stream", "storage", "pipelines")  # folders with files that take most of a minute
IN_CI = os.environ.get("CI") == "true"
MEMORY = Path("/dev/shm")  # noqa: S108, a folder that Linux keeps in memory
ENOUGH = 6 * 1024**3  # bytes: several times what a whole run has there at once

settings.register_profile("shared", deadline=None)  # a machine that others use too may stall for longer than any example takes
settings.load_profile("shared")

if sys.dont_write_bytecode:  # then every one of the hundreds of processes of a run would compile the product anew, and pytest all tests
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests' homes in memory where there is room: half the time of a run is waiting for a disk to say that it has something.

    What is asked of the disk stays the same, and a killed process leaves the same behind; only a power cut would show the difference.
    """
    if config.option.basetemp is None and MEMORY.is_dir() and min(shutil.disk_usage(MEMORY).free, _free_memory()) > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _free_memory() -> int:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: each is one worker's, and all others would wait for one that begins last."""
    places = {REPOSITORY / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: min((place for folder, place in places.items() if folder in item.path.parents), default=len(LONG)))


def _fail_if_something_was_missing(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if IN_CI and report.skipped and "not available" in reason:
        report.outcome = "failed"
        report.longrepr = f"Under CI=true nothing may be skipped for want of a tool or of data. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip because something is "not available" into a failure under CI=true; a skip for another reason stays one."""
    report = yield
    _fail_if_something_was_missing(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole module that skips itself."""
    report = yield
    _fail_if_something_was_missing(report)
    return report


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real exchange files, which stands beside the repository where it is available."""
    folder = Path(os.environ.get("NEPSE_REAL_DATA", REPOSITORY.parent / "shared" / "data" / "nepse"))
    if not (folder / "daily").is_dir():
        pytest.skip(f"real exchange files are not available: no folder {folder}/daily")
    return folder


@pytest.fixture(scope="session")
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Give the URL of a migrated database of a dialect, which is made when it is first asked for."""
    with ExitStack() as made:

        @cache
        def url_of(dialect: str) -> str:
            url = made.enter_context(empty_database(dialect, tmp_path_factory.mktemp("migrated")))
            database = open_database(url)
            migrate(database)
            database.close()
            return url

        yield url_of


@pytest.fixture(scope="session")
def first_week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home that has taken one week: five sessions, and Friday's file, which repeats Thursday; never changed."""
    root: Path = tmp_path_factory.mktemp("week")
    with_a_week(root).runtime.database.close()
    return root


@pytest.fixture
def week(first_week: Path, tmp_path: Path) -> Iterator[House]:
    """A home of its own that has taken one week."""
    shutil.copytree(first_week, tmp_path, dirs_exist_ok=True)
    house = House(tmp_path)
    yield house
    house.runtime.database.close()
