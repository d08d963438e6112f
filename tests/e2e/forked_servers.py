"""Servers that are forked from a process which has loaded the console: two thirds of what the start of one takes are its imports."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from engine.runtime import ROOT


class ForkedServer:
    """A server that was forked, with what a test needs of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle: int | None = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return 0 when it has ended, however it did, None while it lives."""
        return 0 if self._ended(0) else None

    def wait(self, timeout: float) -> None:
        """Wait for its end."""
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired("server", timeout)

    def terminate(self) -> None:
        """Tell it to stop."""
        if self._handle is not None:
            signal.pidfd_send_signal(self._handle, signal.SIGTERM)

    def _ended(self, patience: float) -> bool:
        if self._handle is not None and select.select([self._handle], [], [], patience)[0]:
            os.close(self._handle)
            self._handle = None
        return self._handle is None


class ForkedServers:
    """What starts them; its process (`forking_process.py`) ends with it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.e2e.forking_process"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def server(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> ForkedServer:
        """Start `python -m streamlit` in a session of its own; what it prints goes behind what is in `log`."""
        asked, answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        asked.write(json.dumps([list(arguments), dict(environment), str(log)]) + "\n")
        asked.flush()
        return ForkedServer(int(answers.readline()))

    def close(self) -> None:
        """End it."""
        for stream in (self._process.stdin, self._process.stdout):
            cast("IO[str]", stream).close()
        self._process.wait()
