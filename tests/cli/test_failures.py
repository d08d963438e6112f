"""What the command line says on a machine that is unfit: one sentence that tells what to do, never a traceback."""

import json
import os
from datetime import timedelta

import pysqlite3
import pytest
from sqlalchemy import text

import storage.database
from engine.errors import SettingsError
from engine.runtime import compose
from engine.settings import Settings
from storage import lake
from tests.pipelines.house import DAILY, SUNDAY, House, announced
from tests.shell import forked, one_sentence, run

MONDAY = SUNDAY + timedelta(days=1)


@pytest.fixture
def stocked(tmp_path) -> House:
    """A home beside two sessions' files."""
    built = announced(tmp_path)
    built.session(SUNDAY, 0)
    built.session(MONDAY, 1)
    return built


@pytest.mark.parametrize("command", [["runs"], ["doctor"], ["run", DAILY, "--date", "2024-06-03"]])
def test_a_missing_setting_is_one_sentence(stocked, command):
    assert "NEPSE_SOURCE_DIR" in one_sentence(forked(stocked, *command, NEPSE_SOURCE_DIR=None))


def test_a_missing_source_folder_is_one_sentence(tmp_path):
    house = announced(tmp_path)
    done = forked(house, "run", DAILY, "--date", "2024-06-03", "--json", NEPSE_SOURCE_DIR=str(tmp_path / "nowhere"))

    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_names_a_missing_source_folder_and_gives_exit_code_1(stocked, tmp_path):
    done = forked(stocked, "doctor", "--json", NEPSE_SOURCE_DIR=str(tmp_path / "nowhere"))
    failed = [row for row in json.loads(done.stdout) if row["health"] == "failed"]

    assert (done.returncode, done.stderr) == (1, "")
    assert "nowhere" in failed[0]["observed"]
    assert all(row["advice"] for row in failed)


@pytest.fixture
def nobody(stocked, tmp_path) -> list[str]:
    """What runs a command as a user who may not write the home."""
    stocked.runtime.database.close()
    stocked.settings.home.chmod(0o555)
    if os.getuid() != 0:
        return []
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.mark.parametrize("command", [["runs", "--json"], ["run", DAILY, "--date", "2024-06-03"]])
def test_a_home_that_may_not_be_written_is_one_sentence(stocked, nobody, command):
    assert f"NEPSE_HOME={stocked.settings.home}" in one_sentence(run(stocked, *command, prefix=nobody))


def test_the_doctor_says_that_a_home_may_not_be_written(stocked, nobody):
    done = run(stocked, "doctor", "--json", prefix=nobody)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert {row["name"] for row in json.loads(done.stdout) if row["health"] == "failed"} >= {"permissions", "opening"}


def test_a_database_of_a_newer_version_is_one_sentence(stocked):
    with stocked.runtime.database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    assert "9999" in one_sentence(forked(stocked, "runs", "--json"))


def test_a_database_that_is_locked_is_a_sentence(here, stocked, monkeypatch):
    monkeypatch.setattr(storage.database, "BUSY_SECONDS", 0)
    stocked.restart()
    with stocked.runtime.database.transaction():
        answered = here(stocked, "run", DAILY, "--date", "2024-06-03")

    assert (answered.exit_code, answered.stdout) == (1, "")
    assert "database is locked" in answered.stderr
    assert "doctor" in answered.stderr


def test_a_database_that_is_locked_while_it_is_opened_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.database, "BUSY_SECONDS", 0)
    other = pysqlite3.connect(tmp_path / "console.db")
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(SettingsError, match="database is locked"):
        compose(Settings(home=tmp_path))
    other.close()


def test_a_file_that_is_no_database_is_one_sentence(stocked):
    stocked.runtime.database.close()
    (stocked.settings.home / "console.db").write_bytes(b"this is no database, whatever it is called" * 100)

    assert "not a database" in one_sentence(forked(stocked, "runs"))


READERS = (["rebuild", "gold", "--check"], ["sql", "SELECT sum(volume) FROM silver_prices"])


@pytest.mark.parametrize("command", READERS)
def test_a_spoiled_lake_file_is_named_with_what_to_do(here, stocked, command):
    stocked.backfill(SUNDAY, MONDAY)
    file = stocked.runtime.lake.folder / stocked.read(lake.current, "silver", MONDAY).path
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    answered = here(stocked, *command)

    assert (answered.exit_code, answered.stdout) == (1, "")
    assert file.name in answered.stderr
    assert "Rerun its date" in answered.stderr


@pytest.mark.parametrize("command", READERS)
def test_a_lake_file_that_is_lost_is_named_with_what_to_do(here, stocked, command):
    stocked.backfill(SUNDAY, MONDAY)
    (stocked.runtime.lake.folder / stocked.read(lake.current, "silver", MONDAY).path).unlink()

    answered = here(stocked, *command)

    assert answered.exit_code == 1
    assert "Rerun its date" in answered.stderr
