"""Processes of the product that are forked from one that has loaded it: each costs some milliseconds instead of a second of imports."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.crash.stream_worker", "tests.crash.trial_runner"])  # one server for all tests of this process


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
    asked = (list(arguments), dict(environment), log)
    return Forked(PROCESSES.Process(target=_be_the_trial, args=asked), arguments)


def _be_the_trial(arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
    from tests.crash.trial_runner import main  # noqa: PLC0415, loaded by the server of forks already

    os.environ.clear()
    os.environ.update(environment)
    printed = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    sys.argv = ["nepse", *arguments]
    main()
