"""A console as a person starts it: a real server, the runner that it starts, a home of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from sqlalchemy import text

from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings
from storage import runs
from storage.status import ACTIVE, RunStatus
from tests.e2e.forked_servers import ForkedServer, ForkedServers

REPOSITORY = Path(__file__).resolve().parents[2]
GRACE = 15.0  # seconds for a process to end by itself
LATER = timedelta(minutes=1)  # a file that was written just now is looked at again within seconds
PATIENCE = 90.0  # seconds for what takes two at most on an idle machine


def eventually(question: Callable[[], Any], *, what: str, patience: float = PATIENCE) -> Any:
    """Return the first answer that is true; fail with `what` when none comes in time."""
    end, pause = monotonic() + patience, Event()
    while not (answer := question()):
        assert monotonic() < end, f"not within {patience:.0f} s: {what}"
        pause.wait(0.05)
    return answer


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Say whether nobody listens on a port."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class Console:
    """One server that can be started, stopped and killed; it keeps its home and its port."""

    def __init__(self, folder: Path, port: int | None = None, **settings: Any) -> None:
        self.folder, self.port = folder, port or free_port()
        self.settings = Settings(home=folder / "home", port=self.port, **settings)
        self.url = f"http://127.0.0.1:{self.port}"
        self._processes: list[subprocess.Popen[bytes] | ForkedServer] = []

    def start(self, forked_servers: ForkedServers | None = None) -> "Console":
        """Start the server, as a person does or forked from one that has its imports, and wait until it answers."""
        arguments = ["run", "app.py", "--server.port", str(self.port)]
        server = self._fork(forked_servers, arguments) if forked_servers is not None else self._spawn(["-m", "streamlit", *arguments])
        eventually(lambda: server.poll() is not None or self.status("/healthz/live") == 200, what=f"the server answers\n{self.log()}")
        assert server.poll() is None, f"the server ended\n{self.log()}"
        return self

    def start_runner(self) -> subprocess.Popen[bytes]:
        """Start a runner that does not belong to the server."""
        return self._spawn(["-m", "engine", "runner"])

    def stop(self) -> None:
        """End the server politely, and with it its runner."""
        for process in self._processes:
            process.terminate()
        self._bury()

    def kill(self) -> None:
        """End every process at once, as a power cut does."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the runner is in the group of the server that started it
        self._bury()

    def _bury(self) -> None:
        for process in self._processes:
            try:
                process.wait(GRACE)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        self._processes.clear()

    @property
    def runner_pid(self) -> int | None:
        """The process id of the runner that the server has started, or None while there is none."""
        server = self._processes[0].pid
        children = [pid for path in Path(f"/proc/{server}/task").glob("*/children") for pid in path.read_text().split()]
        return int(children[0]) if children else None

    def yields_to(self, pid: int) -> bool:
        """Say whether another process comes before the server where both want the same core."""
        return os.getpriority(os.PRIO_PROCESS, pid) < os.getpriority(os.PRIO_PROCESS, self._processes[0].pid)

    def status(self, path: str, **headers: str) -> int:
        """Return the status of an answer, 0 while nobody answers."""
        return self.answer(path, **headers)[0]

    def answer(self, path: str, **headers: str) -> tuple[int, Mapping[str, str]]:
        """Return the status and the headers (names in lower case) of an answer."""
        try:
            with urlopen(Request(self.url + path, headers=headers), timeout=5) as reply:  # noqa: S310, our own server
                return reply.status, {name.lower(): value for name, value in reply.headers.items()}
        except HTTPError as error:
            with error:
                return error.code, {}
        except (URLError, ConnectionError, TimeoutError):
            return 0, {}

    def log(self) -> str:
        """Return what the processes have printed."""
        return self._printed.read_text(errors="replace") if self._printed.exists() else ""

    @property
    def _printed(self) -> Path:
        return self.folder / "server.log"

    def _environment(self) -> dict[str, str]:
        own = {f"NEPSE_{name.upper()}": str(value) for name, value in self.settings.model_dump(exclude_none=True).items()}
        return {**os.environ, **own}

    def _fork(self, forked_servers: ForkedServers, arguments: Sequence[str]) -> ForkedServer:
        self._processes.append(process := forked_servers.server(arguments, self._environment(), self._printed))
        return process

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._printed.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=REPOSITORY, env=self._environment(), stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(process)
        return process


class Store:
    """What a console's home holds, as another program that works in it sees it."""

    def __init__(self, console: Console) -> None:
        self.runtime: Runtime = compose(console.settings)
        self.services = Services(self.runtime, actor="test")

    def close(self) -> None:
        """Let go of the database."""
        self.runtime.database.close()

    def runs(self, **filters: Any) -> list[Mapping[Any, Any]]:
        """Return the runs that match, newest first."""
        with self.runtime.database.reading() as connection:
            return list(runs.recent(connection, limit=2000, **filters))

    def status(self, run_id: int) -> str:
        """Return how a run stands."""
        with self.runtime.database.reading() as connection:
            row = runs.one(connection, run_id)
        assert row is not None
        return str(row["status"])

    def age_heartbeats(self, by: timedelta) -> None:
        """Let every runner's last sign of life lie further back."""
        with self.runtime.database.transaction() as connection:
            connection.execute(text("UPDATE runner SET heartbeat_at = heartbeat_at - :by"), {"by": by // timedelta(microseconds=1)})

    def idle(self) -> bool:
        """Say whether there are runs and none is queued or running, but for one that looks for its file later: today's, in the evening."""
        with self.runtime.database.reading() as connection:
            known, active = runs.recent(connection, limit=1), runs.recent(connection, statuses=ACTIVE, limit=500)
        later = self.runtime.clock.now() + LATER
        return bool(known) and all(run["status"] == RunStatus.QUEUED and run["available_at"] > later for run in active)
