"""What stands around the product agrees with it: locks, Makefile, settings in the README, the server's configuration."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from engine.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
LOCKS = {"requirements.txt": "requirements.lock", "requirements-dev.txt": "requirements-dev.lock"}
SERVER = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def names(file: str) -> list[str]:
    """The packages that a requirements or lock file names, as PyPI spells them."""
    lines = (line.split("#")[0].strip() for line in (REPOSITORY / file).read_text(encoding="utf-8").splitlines())
    return [re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~!;]", line)[0]).lower() for line in lines if line and not line.startswith("-r")]


@pytest.mark.parametrize(("direct", "lock"), LOCKS.items())
def test_a_lock_pins_every_direct_dependency(direct, lock):
    assert set(names(direct)) - set(names(lock)) == set()


def test_what_brokers_need_is_pinned_for_the_tests_and_left_out_of_the_console():
    brokers = set(names("requirements-streams.txt"))

    assert brokers - set(names("requirements-dev.lock")) == set()
    assert brokers & set(names("requirements.lock")) == set()


@pytest.mark.parametrize("lock", LOCKS.values())
def test_a_lock_pins_one_exact_version_a_package(lock):
    pins = [line for line in (REPOSITORY / lock).read_text(encoding="utf-8").splitlines() if line and line[0] not in "#-"]

    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin)] == []
    assert len(set(names(lock))) == len(pins)


def test_the_tools_of_developers_are_not_installed_with_the_console():
    assert set(names("requirements-dev.lock")) & set(names("requirements.lock")) == set()


def test_what_runs_here_is_what_the_locks_pin():
    pins = [line.split("==") for lock in LOCKS.values() for line in (REPOSITORY / lock).read_text().splitlines() if "==" in line]

    assert {name: (metadata.version(name), pin) for name, pin in pins if metadata.version(name) != pin} == {}


def test_make_help_lists_every_target():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]

    shown = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert [target for target in targets if not re.search(rf"make {target}\s", shown)] == []


def test_make_test_installs_nothing_the_second_time():
    stamps = [REPOSITORY / ".venv" / name for name in ("run.stamp", "dev.stamp")]
    if (REPOSITORY / ".venv").is_symlink() or not all(stamp.exists() for stamp in stamps):  # another folder's stamps say nothing here
        pytest.skip("these tests were not started by make")

    planned = subprocess.run(["make", "--dry-run", "test"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert "pip" not in planned
    assert "pytest" in planned


def test_make_says_which_python_it_needs(tmp_path):
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    shutil.copy(REPOSITORY / "requirements.lock", tmp_path)
    old = tmp_path / "old python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)

    refused = subprocess.run(["make", "run", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "Python 3.9.2: Python 3.11 or newer is needed" in refused.stderr


def test_a_port_that_is_taken_is_said_with_the_setting_that_names_another(tmp_path):
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for made in ("requirements.lock", ".venv/bin/pip", ".venv/run.stamp"):
        (tmp_path / made).touch()

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = subprocess.run(
            ["make", "run"], cwd=tmp_path, env=os.environ | {"NEPSE_PORT": str(port)}, capture_output=True, text=True, check=False
        )
    assert refused.returncode != 0
    assert f"cannot listen on port {port} of 127.0.0.1: it is taken" in refused.stderr
    assert "Name another one in NEPSE_PORT" in refused.stderr


@pytest.mark.skipif(not (REPOSITORY / "README.md").exists(), reason="there is no README yet")
@pytest.mark.parametrize("field", Settings.model_fields)
def test_the_readme_explains_every_setting(field):
    assert f"NEPSE_{field.upper()}" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(not (REPOSITORY / "README.md").exists(), reason="there is no README yet")
def test_the_readme_names_no_setting_that_does_not_exist():
    known = {f"NEPSE_{field.upper()}" for field in Settings.model_fields} | {"NEPSE_REAL_DATA"}  # the last one is for the tests

    assert set(re.findall(r"NEPSE_[A-Z_]*[A-Z]", (REPOSITORY / "README.md").read_text(encoding="utf-8"))) - known == set()


def test_the_server_listens_to_this_machine_only_and_sends_nothing_out():
    assert SERVER["server"]["address"] == "127.0.0.1"
    assert SERVER["server"]["allowedHosts"] == ["127.0.0.1", "localhost"]
    assert not SERVER["server"]["enableAgentApi"]
    assert not SERVER["server"]["enableStaticServing"]
    assert not SERVER["browser"]["gatherUsageStats"]


def test_streamlit_knows_every_option_that_is_set():
    shown = subprocess.run(
        [sys.executable, "-m", "streamlit", "config", "show"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert "not a valid config" not in shown.stdout + shown.stderr
    assert 'address = "127.0.0.1"' in shown.stdout


@pytest.mark.parametrize(
    ("ci", "reason", "code"), [("true", "chromium is not available", 1), ("", "chromium is not available", 0), ("true", "only on Mars", 0)]
)
def test_a_skip_for_want_of_a_tool_fails_in_ci_alone(tmp_path, ci, reason, code):
    shutil.copy(REPOSITORY / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_skip.py").write_text(f"import pytest\n\ndef test_one():\n    pytest.skip({reason!r})\n")

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "test_skip.py"],
        cwd=tmp_path,
        env=os.environ | {"CI": ci, "PYTHONPATH": str(REPOSITORY)},  # the copy imports what it needs from here
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stdout


def rows(file: str, of: str = "promise") -> list[list[str]]:
    """The cells of each row of a file's table whose first column is called `of`."""
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    (table,) = re.findall(rf"^\| {of} \|.*\n\|[-|]+\|\n((?:\|.*(?:\n|$))+)", text, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()]


def test_the_readme_promises_only_what_is_tested_with_the_figure_that_was_measured():
    measured = {promise: figure for promise, _, figure, _ in rows("docs/promises.md")}

    promised = dict(rows("README.md"))
    assert len(promised) > 5
    assert {promise: (figure, measured.get(promise)) for promise, figure in promised.items() if measured.get(promise) != figure} == {}


def test_the_readme_has_the_figures_of_the_list():
    listed = {what: figure for what, figure, _ in rows("docs/figures.md", "what")}

    shown = dict(rows("README.md", "what"))
    assert len(shown) > 5
    numbers = {what: (re.findall(r"[\d.,]*\d", figure), re.findall(r"[\d.,]*\d", listed[what])) for what, figure in shown.items()}
    assert {what: (ours, theirs) for what, (ours, theirs) in numbers.items() if not set(ours) <= set(theirs)} == {}


def test_what_tests_a_promise_or_prints_a_figure_is_there():
    commands = [command for *_, command in (*rows("docs/promises.md"), *rows("docs/figures.md", "what"))]

    paths = {word for command in commands for word in re.findall(r"[\w/]+(?:\.py|/(?=[\s`]))|tests/[\w/.]+", command)}
    modules = {f"{name.replace('.', '/')}.py" for command in commands for name in re.findall(r"-m (benchmarks[\w.]*|tests[\w.]*)", command)}
    assert paths
    assert [path for path in sorted(paths | modules) if not (REPOSITORY / path).exists()] == []
