"""Waits for what was asked, with a runner of its own where none is alive."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from engine.pipeline.liveness import is_dead
from engine.pipeline.rescue import SILENCE, lock_folder
from engine.pipeline.supervisor import Supervisor
from engine.runtime import HOST, Runtime
from storage import runners

GLANCE = 0.01  # seconds between two looks at one row


def runner_is_alive(runtime: Runtime, *, to_stay: bool = True) -> bool:
    """Say whether a runner is alive, here (by its lock) or elsewhere (by its heartbeat); without `to_stay` also one of a command's own."""
    with runtime.database.reading() as connection:
        rows = runners.alive(connection, at=runtime.clock.now(), within=SILENCE)
    return any((row["scheduling"] or not to_stay) and (row["host"] != HOST or not is_dead(lock_folder(runtime), row["id"])) for row in rows)


@contextmanager
def some_runner(runtime: Runtime, options: Sequence[str]) -> Iterator[None]:
    """Have a runner alive inside the block: the one there is, or one of our own with `options` for the block's duration."""
    if runner_is_alive(runtime):
        yield
        return
    supervisor = Supervisor(runtime.settings, options)
    supervisor.start()
    try:
        yield
    finally:
        supervisor.stop()


def wait_until(done: Callable[[], bool], *, timeout: timedelta | None, glance: float = GLANCE) -> bool:
    """Look until `done` says so; return whether it did before `timeout`."""
    end = None if timeout is None else time.monotonic() + timeout.total_seconds()
    while not done():
        if end is not None and time.monotonic() > end:
            return False
        time.sleep(glance)
    return True
