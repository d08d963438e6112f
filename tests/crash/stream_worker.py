"""A process of the stream that kills itself at the n-th commit, before or behind it; small batches, so that there are many."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.runtime import compose
from engine.settings import Settings
from engine.stream import work
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from storage.database import Database


def work_on(settings: Settings, run_id: int, dies_at: int | None, point: str, batch: int) -> None:
    """Work on a session; `dies_at` counts passings of `point` (`before` or `after` a commit), None: to the end."""
    work.MOST = batch
    passed, own = 0, Database.transaction

    def pass_by(name: str) -> None:
        nonlocal passed
        passed += name == point
        if passed == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def transaction(database: Database, *given: Any, **options: Any) -> Iterator[Any]:
        with own(database, *given, **options) as connection:
            yield connection
            pass_by("before")
        pass_by("after")

    Database.transaction = transaction  # type: ignore[method-assign]
    runtime = compose(settings)
    ended = work.StreamProcess(runtime, log_of(runtime), lambda speed: ticks_of(runtime, speed=speed)).serve(run_id)
    os._exit(0 if ended is not None else 1)
