"""The console as `make run` starts it, and what its process takes of the machine."""

import os
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.parts.homes import process
from engine.settings import Settings
from engine.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Server:
    """A console that does its work; its runner is a process of its own and not counted here."""

    address: str  # host:port
    pid: int

    def cpu(self) -> float:
        """Return its CPU seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """Return its resident memory in MB."""
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def served(settings: Settings) -> Iterator[Server]:
    """Have the console of a home running inside the block, ready at its begin."""
    host, port = "127.0.0.1", _free_port()
    with process(settings, "-m", "streamlit", "run", "app.py", "--server.address", host, "--server.port", str(port)) as server:
        address = f"{host}:{port}"
        assert wait_until(lambda: _answers(address), timeout=timedelta(seconds=60)), (settings.home / "output.log").read_text()
        yield Server(address, server.pid)


def _free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _answers(address: str) -> bool:
    """Say whether the console can do its work."""
    try:
        with urllib.request.urlopen(f"http://{address}/healthz/ready", timeout=5) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004, OK
    except OSError:
        return False
