"""Commands of the product, run as a shell does and inside this process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from engine.cli import alerts, commands, costs, drift, following, lifecycle, monitoring, quality, safety
from tests.forked import command
from tests.pipelines.house import House

REPOSITORY = Path(__file__).resolve().parent.parent
PYTHON = [sys.executable, "-m", "engine"]


def environment(house: House, **more: str | None) -> dict[str, str]:
    """Return the environment of a process for a house; a variable that is None is left out."""
    own = {"NEPSE_HOME": str(house.settings.home), "NEPSE_SOURCE": house.settings.source.value, "NEPSE_SOURCE_DIR": str(house.source)}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NEPSE_")}
    return {name: value for name, value in (inherited | own | more).items() if value is not None}


def run(house: House, *arguments: str, prefix: Sequence[str] = (), **more: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, as a shell does."""
    command = [*prefix, *PYTHON, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=environment(house, **more), capture_output=True, text=True, check=False, timeout=120)


def forked(house: House, *arguments: str, **more: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own that has loaded the product already: nine tenths of a short command are its imports."""
    with TemporaryDirectory() as folder:
        out, error = Path(folder) / "out", Path(folder) / "error"
        code = command(arguments, environment(house, **more), out, error).wait(120)
        return subprocess.CompletedProcess(arguments, code, out.read_text(encoding="utf-8"), error.read_text(encoding="utf-8"))


def said(done: subprocess.CompletedProcess[str]) -> Any:
    """Return the one JSON document of stdout."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line of stderr of a command that did not do what was asked."""
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def refused(answered: Any) -> None:
    """A wrong request ends with exit code 2 and words for a person, on stderr alone."""
    assert answered.exit_code == 2
    assert answered.stdout == ""
    assert answered.stderr.strip()
    assert "Traceback" not in answered.stderr
    assert "Value error" not in answered.stderr


def inside(monkeypatch: pytest.MonkeyPatch, *, waits: bool = False) -> Callable[..., Any]:
    """Return what runs a command in this process; waiting for a run executes it here, unless it `waits` for a real runner."""

    def invoke(house: House, *arguments: str) -> Any:
        @contextmanager
        def at_once(_opened: Any, _options: Sequence[str]) -> Iterator[None]:
            with capture_logs():  # a runner of its own logs to its own file
                house.work()
            yield

        for part in (commands, alerts, costs, drift, following, lifecycle, monitoring, quality, safety):
            monkeypatch.setattr(part, "runtime", lambda: house.runtime)
        if not waits:
            monkeypatch.setattr(following, "some_runner", at_once)
        for name, value in environment(house).items():
            if name.startswith("NEPSE_"):
                monkeypatch.setenv(name, value)
        return CliRunner().invoke(commands.app, arguments)

    return invoke
