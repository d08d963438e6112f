"""Processes of the product that may be struck, started through the nursery and held by a handle that no later process can take."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Any

from engine.runtime import ROOT, child_environment
from engine.settings import Settings
from tests.crash.strikes import Strike

GLANCE = 0.005
PATIENCE = 120.0  # seconds until something that must happen is taken as never happening: the machine may be busy


@dataclass(slots=True)
class Process:
    """One process of the product."""

    pid: int
    handle: int
    said: Path  # what it printed
    code: int | None = None

    def send(self, sign: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, sign)


class Nursery:
    """The process that forks the others; see `nursery.py`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).parent / "nursery.py")],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._orders, self._told = self._process.stdin, self._process.stdout
        self._unread = b""
        self._begun: list[int] = []
        self._alive: dict[int, Process] = {}
        self._dead: dict[int, int] = {}
        self._number = 0

    def start(
        self, settings: Settings, arguments: Sequence[str], *, role: str, strike: Strike | None = None, nth: int = 1, silence: float = 0
    ) -> Process:
        """Start `python -m engine <arguments>` in a home; a strike with a point is carried out by itself at its `nth` passing."""
        self._number += 1
        said = self.folder / f"said-{self._number}"
        point, sign = (strike.point, strike.sign) if strike else (None, signal.SIGKILL)
        order = {
            "arguments": list(arguments),
            "environment": child_environment(settings),
            "journal": str(journal_of(settings.home)),
            "said": str(said),
            "log": str(self.log),
            "role": role,
            "point": point,
            "nth": nth,
            "sign": int(sign),
            "silence": silence,
        }
        self._orders.write(dumps(order).encode() + b"\n")
        self._orders.flush()
        wait_for(lambda: self._listen() or self._begun, "a process to begin", self.log)
        pid = self._begun.pop()
        handle = os.pidfd_open(pid) if pid not in self._dead else -1
        process = Process(pid, handle, said, self._dead.pop(pid, None))
        if process.code is None:
            self._alive[pid] = process
        return process

    def ended(self, process: Process) -> bool:
        """Whether a process is gone; its code is known then."""
        self._listen()
        return process.code is not None

    def wait(self, process: Process) -> int:
        """Wait for the end of a process and return its code."""
        wait_for(lambda: self.ended(process), "a process to end", self.log)
        assert process.code is not None
        return process.code

    def _listen(self) -> None:
        self._unread += self._told.read() or b""
        *lines, self._unread = self._unread.split(b"\n")
        for what, pid, *code in (line.split() for line in lines):
            if what == b"began":
                self._begun.append(int(pid))
                continue
            process = self._alive.pop(int(pid), None)
            if process is None:
                self._dead[int(pid)] = int(code[0])
            else:
                process.code = int(code[0])
                os.close(process.handle)
                process.handle = -1

    def end_of_log(self) -> str:
        """Return what was logged last."""
        return self.log.read_text(errors="replace")[-4000:]

    def close(self) -> None:
        """End all of them."""
        for process in list(self._alive.values()):
            process.send(signal.SIGKILL)
        self._orders.close()
        self._process.kill()
        self._process.wait()
        self._told.close()


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """Give a nursery."""
    made = Nursery(folder)
    try:
        yield made
    finally:
        made.close()


def journal_of(home: Path) -> Path:
    """Return the file in which the processes of a home note what they do."""
    return home.with_name(f"{home.name}.journal")


def stands_still(pid: int) -> bool:
    """Whether a process is stopped, or gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "tTZX"
    except FileNotFoundError:
        return True


def wait_for(happened: Callable[[], Any], what: str, log: Path) -> None:
    """Look until something has happened; fail, with the end of the log, when it does not."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"waited in vain for {what}:\n{log.read_text(errors='replace')[-4000:]}"
        time.sleep(GLANCE)
