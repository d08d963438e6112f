"""Processes of the stream that kill themselves at the n-th commit, before or behind it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

from engine.jobs.worker import Worker
from engine.runtime import compose
from engine.services import Services
from engine.settings import Settings
from engine.stream import work
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from storage.database import Database


def work_on(settings: Settings, run_id: int, dies_at: int | None, point: str, batch: int) -> None:
    """Work on a session in small batches, so that there are many commits."""
    work.MOST = batch
    die_at(dies_at, point)
    runtime = compose(settings)
    ended = work.StreamProcess(runtime, log_of(runtime), lambda speed: ticks_of(runtime, speed=speed)).serve(run_id)
    os._exit(0 if ended is not None else 1)


def build(settings: Settings, dies_at: int | None, point: str) -> None:
    """Do the jobs that are queued."""
    die_at(dies_at, point)
    Worker(compose(settings)).serve()
    os._exit(0)


def promote(settings: Settings, version: int, dies_at: int | None, point: str) -> None:
    """Promote a version of past sessions."""
    die_at(dies_at, point)
    Services(compose(settings), actor="test").promote_version(version)
    os._exit(0)


def die_at(dies_at: int | None, point: str) -> None:
    """Have this process kill itself; `dies_at` counts passings of `point` (`before` or `after` a commit), None: never.

    Signs of life are not counted: how many there were by then says the clock.
    """
    passed, own = 0, Database.transaction

    def pass_by(name: str) -> None:
        nonlocal passed
        passed += name == point and current_thread() is main_thread()
        if passed == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def transaction(database: Database, *given: Any, **options: Any) -> Iterator[Any]:
        with own(database, *given, **options) as connection:
            yield connection
            pass_by("before")
        pass_by("after")

    Database.transaction = transaction  # type: ignore[method-assign]
