"""A console whose runs were executed for real, by the simulated exchange's files and the pipeline itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest
from streamlit.testing.v1 import AppTest

from engine.clock import FakeClock
from engine.pipeline.execution import Execution
from engine.pipelines import PIPELINES
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings
from engine.sources import open_source
from engine.sources.source import Source
from pages.ui.shared import forget
from storage import moves
from storage.dates import DateVerdict, verdicts
from storage.status import Verdict
from tests.pages.conftest import text_of, use
from tests.storage.databases import put_migrated

NOW = datetime(2025, 6, 3, 14, 15, tzinfo=UTC)  # Tuesday, 20:00 in Nepal: the day's session is over
TODAY = date(2025, 6, 3)
PIPELINE = "daily_prices"
DAYS = 24  # of a busy console: sessions, closed days, and one failure of each kind


def open_console(home: Path, monkeypatch) -> Runtime:
    """Let the pages of this process work in `home`, with the simulated exchange and a clock that stands still."""
    put_migrated(home)
    runtime = replace(compose(Settings(home=home), FakeClock(NOW)), source=exchange())
    use(runtime, monkeypatch)
    return runtime


@cache
def exchange() -> Source:
    """The simulated exchange at that instant, made once: its calendar and the market's past take half a second."""
    return open_source(Settings(), FakeClock(NOW))


def commands(runtime: Runtime) -> Services:
    return Services(runtime, actor="a person")


def execute_queued(runtime: Runtime) -> None:
    """Do what a runner does, until nothing is left to claim."""
    execution = Execution(runtime, PIPELINES, "test")
    facts = {"code_version": "test", "source": runtime.source.name, "simulated": runtime.simulated}
    while run := moves.claim(runtime.database, runner_id="host-1", at=NOW, sequential=[PIPELINE], **facts):
        execution.execute(run)
    forget()


def busy_home(factory: pytest.TempPathFactory, home: Path) -> Path:
    """Give `home` the last `DAYS` dates, which are run for real once a test session."""
    template = factory.getbasetemp() / f"busy-{DAYS}"
    if not template.exists():
        put_migrated(template)
        runtime = compose(Settings(home=template), FakeClock(NOW))
        commands(runtime).backfill(PIPELINE, TODAY - timedelta(days=DAYS), TODAY - timedelta(days=1))
        execute_queued(runtime)
        runtime.database.close()
    return Path(copytree(template, home / "busy"))


def known(runtime: Runtime) -> Mapping[date, DateVerdict]:
    with runtime.database.reading() as connection:
        return {entry.day: entry for entry in verdicts(connection, PIPELINE, TODAY - timedelta(days=DAYS), TODAY)}


def a_date(runtime: Runtime, verdict: Verdict) -> DateVerdict:
    """Return the first date with a run that came to `verdict`."""
    return next(entry for entry in known(runtime).values() if entry.verdict is verdict and entry.run_id is not None)


def labels(screen: AppTest) -> list[str]:
    return [button.label for button in screen.button]


def words(screen: AppTest) -> str:
    """Return every sentence and log line on the page."""
    return "\n".join([text_of(screen), *(str(block.value) for block in screen.code)])
