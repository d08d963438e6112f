"""Processes of the product that are forked from one that has loaded it: each costs some milliseconds instead of a second of imports."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from engine.cli import commands
from tests.crash import trial_runner

PROCESSES = get_context("forkserver")
_LOADED = ("engine.backup.restore", "engine.backup.snapshot", "engine.jobs.following")
PROCESSES.set_forkserver_preload(["tests.forked", "tests.crash.stream_worker", *_LOADED])  # one server for all tests of this process


class Forked:
    """One of them, with what a test needs of `subprocess.Popen`."""

    def __init__(self, process: BaseProcess, arguments: Sequence[str]) -> None:
        process.start()
        self._process, self.args = process, arguments
        self.pid = process.pid or 0

    def poll(self) -> int | None:
        """Return how it ended, minus a signal's number where one ended it; None while it lives."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return how it ended."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, sign: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self.poll() is None:
            os.kill(self.pid, sign)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Tell it to stop."""
        self.send_signal(signal.SIGTERM)


def trial(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
    """Start `python -m engine` with the pipeline `trial` (`trial_runner.py`); what it prints goes behind what is in `log`."""
    asked = (True, list(arguments), dict(environment), log, log)
    return Forked(PROCESSES.Process(target=_be, args=asked), arguments)


def command(arguments: Sequence[str], environment: Mapping[str, str], out: Path, error: Path) -> Forked:
    """Start `python -m engine` with that environment and no other; what it prints goes into two files."""
    return Forked(PROCESSES.Process(target=_be, args=(False, list(arguments), dict(environment), out, error)), arguments)


def script(code: str, *arguments: str, environment: Mapping[str, str]) -> Forked:
    """Start `python -c <code>` with that environment and no other."""
    return Forked(PROCESSES.Process(target=_be_a_script, args=(code, list(arguments), dict(environment))), arguments)


def _be_a_script(code: str, arguments: list[str], environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "script", "exec"), {"__name__": "__main__"})  # noqa: S102, a test's own


def _be(of_the_trial: bool, arguments: list[str], environment: Mapping[str, str], out: Path, error: Path) -> None:  # noqa: FBT001
    os.environ.clear()
    os.environ.update(environment)
    for stream, file in ((1, out), (2, error)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT), stream)
    sys.argv = ["nepse", *arguments]
    if of_the_trial:
        trial_runner.main()
    else:
        commands.main()
