"""Fixtures that more than one folder of tests needs."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent
LONG = ("e2e", "crash", "stream", "storage", "pipelines")  # folders with files that take most of a minute
IN_CI = os.environ.get("CI") == "true"

settings.register_profile("shared", deadline=None)  # a machine that others use too may stall for longer than any example takes
settings.load_profile("shared")


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
