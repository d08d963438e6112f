"""Keeps one runner process alive beside a server or a command, and starts it again when it dies."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from os import getpid
from time import monotonic

import structlog

from engine.log_file import log_file, opened
from engine.runtime import ROOT, child_environment
from engine.settings import Settings

FIRST_WAIT, LONGEST_WAIT = 0.05, 5.0  # seconds before a dead runner is started again: longer for one that keeps dying
HEALTHY = 30.0  # seconds of life after which a death counts as the first one again
GRACE = 10.0  # seconds that a runner may take to end by itself


class Supervisor:
    """Starts `python -m engine runner` and watches it until `stop`."""

    def __init__(self, settings: Settings, options: Sequence[str] = ()) -> None:
        self.settings = settings
        self.command = [sys.executable, "-m", "engine", "runner", "--parent-pid", str(getpid()), *options]
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="runner-supervisor", daemon=True)

    def start(self) -> None:
        """Start the runner and the watch over it."""
        self._thread.start()

    def stop(self) -> None:
        """End the runner: politely first, then for certain."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(GRACE)

    @property
    def pid(self) -> int | None:
        """The process id of the runner, or None while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def _watch(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            began = monotonic()
            with opened(log_file(self.settings.home)) as log:
                self._process = subprocess.Popen(self.command, cwd=ROOT, env=child_environment(self.settings), stdout=log, stderr=log)  # noqa: S603, our own program
            if self._stopping.is_set():
                self._process.terminate()  # `stop` came while it was started, and may not have seen it
            if self._process.wait() == 0 or self._stopping.is_set():
                return  # nothing is left of what the runner was started for; one that was only told to stop says 143
            code = self._process.returncode
            wait = FIRST_WAIT if monotonic() - began > HEALTHY else min(wait * 2, LONGEST_WAIT)
            structlog.get_logger().warning("runner_died", code=code, starts_again_in_seconds=wait)
            self._stopping.wait(wait)
