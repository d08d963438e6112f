"""Stops a stage from outside: its time limit and a person's cancel reach the main thread as signals.

A stage that hangs in code which never returns to Python cannot be reached; its runner's heartbeat stops then, and the run is
rescued by another (`rescue.py`).
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.errors import StageCancelled, StageTimeout

AGAIN = timedelta(milliseconds=250)  # a limit that passed while nothing might be interrupted is told again


@dataclass(slots=True)
class _Interrupts:
    """Plain attributes: a signal's handler may run between any two steps of the main thread, so it must not take a lock."""

    listening: bool = False  # whether the handlers below are in place
    run_id: int | None = None  # set only while a stage's own code runs: a commit is never interrupted
    cancelled: int | None = None  # the run that a person wants to stop
    stage: str = ""
    limit: float = 0.0  # seconds


_now = _Interrupts()


def set_from_handler(event: threading.Event) -> None:
    """Set an event out of a signal's handler, in a thread of its own.

    The main thread may hold the event's lock just then, waiting for it, or setting it for the signal before; it would wait for itself.
    """
    threading.Thread(target=event.set, name="told-by-signal", daemon=True).start()


@contextmanager
def listening() -> Iterator[None]:
    """Let limits and cancels reach the main thread inside the block; many stages may run in it."""
    if _now.listening or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _expired), signal.signal(signal.SIGUSR1, _cancelled)
    _now.listening = True
    try:
        yield
    finally:
        _now.listening = False
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGUSR1, before[1])


@contextmanager
def interruptible(run_id: int, limit: timedelta, *, stage: str) -> Iterator[None]:
    """Raise `StageTimeout` in the block when it runs longer than `limit`, `StageCancelled` when a person cancels its run.

    Works in the main thread, where runners execute, inside `listening`; elsewhere the block runs without limit.
    """
    if not _now.listening or threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        _now.run_id, _now.stage, _now.limit = run_id, stage, limit.total_seconds()
        signal.setitimer(signal.ITIMER_REAL, _now.limit, AGAIN.total_seconds())
        yield
    finally:
        _now.run_id = None
        signal.setitimer(signal.ITIMER_REAL, 0)


def _expired(_signal: int, _frame: Any) -> None:
    if _now.run_id is not None:
        _now.run_id = None  # at most one interruption a block
        raise StageTimeout(f"stage {_now.stage} ran longer than {_now.limit:g} s")


def _cancelled(_signal: int, _frame: Any) -> None:
    if _now.run_id is not None and _now.run_id == _now.cancelled:
        _now.run_id = None
        raise StageCancelled(f"cancelled by a person during stage {_now.stage}")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put limit and cancel off until the block is over: what it commits is known to be committed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, _now.run_id = _now.run_id, None
    try:
        yield
    finally:
        _now.run_id = before


def ignore_late_cancels() -> None:
    """Make a cancel that arrives between two stages harmless; the run's row still says that it is wanted."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def cancel_main_thread(run_id: int) -> None:
    """Interrupt the stage that the main thread runs, if it is one of that run."""
    main = threading.main_thread().ident
    if main is not None and _now.run_id == run_id:
        _now.cancelled = run_id
        signal.pthread_kill(main, signal.SIGUSR1)
