"""Real runner processes over one home, and what they made of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import text

from engine.runtime import ROOT, Runtime, child_environment, compose
from engine.settings import Settings
from storage import lake as catalog
from tests.forked import Forked, trial
from tests.storage.databases import put_migrated

PIPELINE = "daily_prices"
DATASETS = ("bronze", "parsed", "silver", "gold", "feature_state", "rejected")
GLANCE = 0.01


@dataclass(slots=True)
class Home:
    """A folder that runners work in; opened by this process too, to look inside."""

    settings: Settings
    processes: list[subprocess.Popen[bytes] | Forked] = field(default_factory=list)
    _opened: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        """What this process works with."""
        if self._opened is None:
            self._opened = compose(self.settings)
        return self._opened

    def runner(self, *options: str, entry: Sequence[str] = ("-m", "engine")) -> subprocess.Popen[bytes]:
        """Start a runner that keeps no schedule."""
        return self.command("runner", "--no-scheduling", *options, entry=entry)

    def trial_runner(self, *options: str) -> Forked:
        """Start one that knows the pipeline `trial` too."""
        process = trial(("runner", "--no-scheduling", *options), self._environment(), self._log.absolute())
        self.processes.append(process)
        return process

    def command(self, *arguments: str, entry: Sequence[str] = ("-m", "engine")) -> subprocess.Popen[bytes]:
        """Start a command of the product."""
        with self._log.open("ab") as log:
            command = [sys.executable, *entry, *arguments]
            process = subprocess.Popen(command, cwd=ROOT, env=self._environment(), stdout=log, stderr=log)
        self.processes.append(process)
        return process

    @property
    def _log(self) -> Path:
        return self.settings.home / "runner.log"

    def _environment(self) -> dict[str, str]:
        return child_environment(self.settings) | {"PYTHONPATH": str(ROOT)}

    def rows(self, statement: str, **values: Any) -> list[Mapping[str, Any]]:
        """Return what SQL answers."""
        with self.runtime.database.reading() as connection:
            return [dict(row) for row in connection.execute(text(statement), values).mappings()]

    def one(self, statement: str, **values: Any) -> Any:
        """Return the one value that SQL answers."""
        (row,) = self.rows(statement, **values)
        (value,) = row.values()
        return value

    def until(self, happened: Callable[[], Any], *, seconds: float = 20.0) -> Any:
        """Look until something has happened and return it; fail, with the runner's log, when it does not."""
        end = time.monotonic() + seconds
        while not (found := happened()):
            assert time.monotonic() < end, f"it did not happen in {seconds} s:\n{self.log()[-3000:]}"
            time.sleep(GLANCE)
        return found

    def held_by(self, pid: int) -> list[int]:
        """Return the runs that the runner of that process holds."""
        return [row["id"] for row in self.rows("SELECT id FROM run WHERE status = 'running' AND runner_id LIKE :it", it=f"%-{pid}-%")]

    def registered(self, pid: int) -> bool:
        """Whether the runner of that process is at work."""
        return bool(self.rows("SELECT id FROM runner WHERE pid = :pid AND stopped_at IS NULL", pid=pid))

    def over(self) -> bool:
        """Whether no run is queued or running."""
        return self.one("SELECT count(*) FROM run WHERE status IN ('queued', 'running')") == 0

    def log(self) -> str:
        """Return what the runners wrote."""
        return self._log.read_text(errors="replace")

    def contents(self, since: date, until: date) -> Mapping[str, Any]:
        """Return what stands in the lake and in the serving tables, without who made it and when."""
        with self.runtime.database.reading() as connection:
            found: dict[str, Any] = {
                dataset: [(row.partition, row.sha256) for row in catalog.snapshot(connection, dataset, since=since, until=until)]
                for dataset in DATASETS
            }
        found["prices"] = self.rows("SELECT * FROM price ORDER BY session, symbol")
        found["sessions"] = self.rows(
            "SELECT session, file_date, rows, trades, volume, turnover_paisa FROM trading_session ORDER BY session"
        )
        found["dates"] = self.rows("SELECT day, status, verdict, session_date, reason, rows FROM date_state ORDER BY day")
        return found

    def close(self) -> None:
        """End what is left of the processes."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
                process.kill()
            process.wait()
        if self._opened is not None:
            self._opened.database.close()


def open_home(folder: Path, **settings: Any) -> Home:
    """Make a home in `folder`."""
    put_migrated(folder)
    return Home(Settings(home=folder, **settings))
