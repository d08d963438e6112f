"""Whatever kills the process that builds or promotes a version of past sessions: each is built once, and all are served or none."""

from datetime import date
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import text

from engine.jobs.keeper import Keeper
from engine.jobs.worker import Worker
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from engine.stream.work import StreamProcess
from storage import jobs
from storage.status import RunStatus
from tests.crash.stream_worker import build, promote
from tests.forked import PROCESSES

DAYS = (date(2025, 6, 1), date(2025, 6, 2))
TURNED = {"stream.moving_average.alert_above": 0.5, "stream.lateness_s": 1.0}
SERVED = (
    "SELECT * FROM tick_bar ORDER BY session, symbol, start_us, revision",
    "SELECT * FROM tick_day ORDER BY session, symbol",
    "SELECT * FROM tick_alert ORDER BY key",
    "SELECT partition, line, reason, state FROM dead_letter ORDER BY partition, line",
    "SELECT session, version, records, accepted, alerts FROM stream_state ORDER BY session",
)
BUILT = (
    "SELECT session, made_of, against, compared, failure FROM stream_version_session ORDER BY session",
    "SELECT session, side FROM stream_version_content ORDER BY session, side",
    "SELECT state FROM stream_version",
)


def home_of(folder) -> Settings:
    return Settings(home=folder, backup_minutes=0, tick_speed="max")


@pytest.fixture(scope="module")
def streamed(tmp_path_factory):
    """A home whose stream has worked on two simulated sessions, and a version of both that waits to be built."""
    home = tmp_path_factory.mktemp("streamed") / "home"
    runtime = compose(home_of(home))
    services = Services(runtime, actor="test")
    for day in DAYS:
        run_id = services.start_stream(day).run_id
        process = StreamProcess(runtime, log_of(runtime), lambda speed: ticks_of(runtime, speed=speed))
        assert process.serve(run_id) is RunStatus.SUCCEEDED
    services.rebuild_sessions(*DAYS, turned=TURNED, reason="to see")
    runtime.database.close()
    return home


@pytest.fixture
def settings(streamed, tmp_path) -> Settings:
    copytree(streamed, tmp_path / "home")
    return home_of(tmp_path / "home")


@pytest.fixture(scope="module")
def undisturbed(streamed, tmp_path_factory) -> dict[str, list[Any]]:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    copytree(streamed, home)
    runtime = compose(home_of(home))
    Worker(runtime).serve()
    built = rows(runtime, *BUILT)
    Services(runtime, actor="test").promote_version(1)
    found = {"built": built, "promoted": rows(runtime, *SERVED)}
    runtime.database.close()
    return found


def rows(runtime: Runtime, *statements: str) -> list[Any]:
    with runtime.database.reading() as connection:
        return [[tuple(row) for row in connection.execute(text(statement))] for statement in statements]


def died(work: Any, *arguments: Any) -> bool:
    process = PROCESSES.Process(target=work, args=arguments)
    process.start()
    process.join(120)
    assert process.exitcode in (0, -9)
    return process.exitcode == -9


def test_kills_before_and_behind_commits_build_each_session_once(settings, undisturbed):
    runtime = compose(settings)
    before = rows(runtime, *SERVED)

    # Claimed, begun, told, built: the fourth commit is a session's.
    for dies_at, point in ((4, "before"), (4, "after"), (3, "after")):
        assert died(build, settings, dies_at, point)
        Keeper(runtime).rescue()
    with runtime.database.reading() as connection:
        assert not jobs.unfinished(connection)  # it took three processes with it: a person has to ask again
    Services(runtime, actor="test").request_job("rebuild_stream")
    assert not died(build, settings, None, "")

    assert rows(runtime, *BUILT) == undisturbed["built"]
    assert rows(runtime, *SERVED) == before
    Services(runtime, actor="test").promote_version(1)
    assert rows(runtime, *SERVED) == undisturbed["promoted"]
    runtime.database.close()


def test_a_promotion_that_is_killed_has_happened_or_not(settings, undisturbed):
    runtime = compose(settings)
    Worker(runtime).serve()
    before = rows(runtime, *SERVED)

    assert died(promote, settings, 1, 1, "before")
    assert rows(runtime, *SERVED, *BUILT) == [*before, *undisturbed["built"]]
    assert died(promote, settings, 1, 1, "after")

    assert rows(runtime, *SERVED) == undisturbed["promoted"]
    assert undisturbed["promoted"] != before
    runtime.database.close()
