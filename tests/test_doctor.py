"""The doctor: what is unfit about a machine, and what to do about it."""

from datetime import date, timedelta
from pathlib import Path

import pysqlite3
import pytest

from engine import doctor
from engine.backup.snapshot import take
from engine.clock import FakeClock
from engine.doctor import Finding, Health, examine
from engine.errors import SettingsError
from engine.runtime import compose
from engine.settings import Settings, SourceName
from tests.pipelines.house import SUNDAY, House, announced

END_OF_YEAR = date(2026, 12, 31)  # 360 days after the day of the house's clock


def look(settings: Settings) -> dict[str, Finding]:
    """Return the worst finding of each name."""
    order = list(Health)
    return {item.name: item for item in sorted(examine(settings), key=lambda item: order.index(item.health))}


def files(home: Path, folder: Path) -> Settings:
    return Settings(home=home, source=SourceName.FILES, source_dir=folder)


def look_at(house: House, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> dict[str, Finding]:
    """Return the findings by a clock that differs from the house's."""
    clock = FakeClock(house.clock.now() + by)
    monkeypatch.setattr(doctor, "compose", lambda settings: compose(settings, clock))
    return look(house.settings)


def test_a_sound_machine_has_no_failure(tmp_path, monkeypatch):
    house = announced(tmp_path)
    house.announce({SUNDAY: True, END_OF_YEAR: True})
    house.session(SUNDAY, 0)
    found = look_at(house, monkeypatch, timedelta())

    assert {item.health for item in found.values()} == {Health.OK, Health.WARNING}
    assert [name for name, item in found.items() if item.health is Health.WARNING] == ["runner"]
    assert found["source"].observed == f"files of {SUNDAY} to {SUNDAY}"
    assert found["sqlite"].observed == pysqlite3.sqlite_version


def test_whatever_is_not_well_says_what_to_do(tmp_path):
    assert all(item.advice for item in examine(files(tmp_path / "home", tmp_path / "nowhere")) if item.health is not Health.OK)


def test_a_missing_source_folder_is_named(tmp_path):
    found = look(files(tmp_path / "home", tmp_path / "nowhere"))["source"]

    assert (found.health, found.observed) == (Health.FAILED, f"no folder {tmp_path}/nowhere/daily")
    assert "NEPSE_SOURCE_DIR" in found.advice


def test_a_source_folder_without_files_is_a_warning(tmp_path):
    (tmp_path / "daily").mkdir()

    assert look(files(tmp_path / "home", tmp_path))["source"].health is Health.WARNING


def test_a_home_that_is_a_file_fails_without_a_traceback(tmp_path):
    (tmp_path / "home").write_text("")
    found = look(files(tmp_path / "home", tmp_path))

    assert found["permissions"].health is Health.FAILED
    assert "NEPSE_HOME" in found["opening"].observed


def test_an_sqlite_that_can_corrupt_a_database_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(pysqlite3, "sqlite_version_info", (3, 40, 1))
    found = look(files(tmp_path / "home", tmp_path))

    assert found["sqlite"].health is Health.FAILED
    assert found["opening"].health is Health.FAILED


def test_a_disk_that_is_nearly_full_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "free_bytes", lambda _folder: 100 * 1024**2)

    assert look(Settings(home=tmp_path / "home"))["disk"].health is Health.FAILED


def test_a_clock_that_was_set_back_fails(tmp_path, monkeypatch):
    house = announced(tmp_path)
    house.session(SUNDAY, 0)
    house.run(SUNDAY)

    assert look_at(house, monkeypatch, timedelta(hours=-2))["clock"].health is Health.FAILED
    assert look_at(house, monkeypatch, timedelta(hours=2))["clock"].health is Health.OK


def test_a_clock_of_another_century_fails(tmp_path, monkeypatch):
    assert look_at(announced(tmp_path), monkeypatch, timedelta(days=-20_000))["clock"].health is Health.FAILED


def test_a_file_of_a_day_to_come_is_a_warning(tmp_path, monkeypatch):
    house = announced(tmp_path)
    house.session(SUNDAY + timedelta(days=2000), 0)

    assert look_at(house, monkeypatch, timedelta())["clock"].health is Health.WARNING


def test_an_announced_calendar_that_has_ended_is_a_warning(tmp_path, monkeypatch):
    house = announced(tmp_path)
    house.announce({SUNDAY: True, END_OF_YEAR: True})
    now, later = (look_at(house, monkeypatch, timedelta(days=days))["calendar"] for days in (360, 361))

    assert (now.health, later.health) == (Health.OK, Health.WARNING)
    assert later.observed.startswith(f"it ends on {END_OF_YEAR}")


def test_a_database_that_does_not_answer_fails_in_a_sentence(tmp_path):
    settings = Settings(home=tmp_path, database_url="postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1")
    found = look(settings)["opening"]

    assert found.health is Health.FAILED
    assert "NEPSE_DATABASE_URL" in found.observed


@pytest.mark.parametrize(("made_by", "asked"), [(SourceName.SIMULATED, SourceName.FILES), (SourceName.FILES, SourceName.SIMULATED)])
def test_made_up_and_real_data_are_never_mixed_in_one_home(tmp_path, made_by, asked):
    house = House(tmp_path, kind=made_by)
    house.session(SUNDAY, 0)
    house.run(SUNDAY if made_by is SourceName.FILES else house.clock.now().date() - timedelta(days=6))
    other = Settings(home=house.settings.home, source=asked, source_dir=house.source)

    with pytest.raises(SettingsError, match=rf"NEPSE_HOME=.*NEPSE_SOURCE={asked}"):
        compose(other, house.clock)
    assert compose(house.settings, house.clock).simulated is (made_by is SourceName.SIMULATED)


def test_a_backup_that_would_not_fit_is_a_failure(tmp_path, monkeypatch):
    house = announced(tmp_path)
    monkeypatch.setattr(doctor, "free_bytes", lambda _folder: 10 * 1024**2)
    found = look(house.settings)["backup space"]

    assert found.health is Health.FAILED
    assert "NEPSE_BACKUP_DIR" in found.advice


def test_an_old_backup_is_a_warning_when_something_was_written_since(tmp_path, monkeypatch):
    house = announced(tmp_path)
    house.session(SUNDAY, 0)
    house.run(SUNDAY)

    def seen(after: timedelta) -> Finding:
        house.clock.advance(after)
        monkeypatch.setattr(doctor, "compose", lambda settings: compose(settings, house.clock))
        return look(house.settings)["backup"]

    fresh, none = seen(timedelta(hours=1)), seen(timedelta(days=2))
    take(house.runtime, house.settings.backups)
    quiet = seen(timedelta(days=2))
    house.run(SUNDAY)
    old = seen(timedelta(days=2))

    assert [item.health for item in (fresh, none, quiet, old)] == [Health.OK, Health.WARNING, Health.OK, Health.WARNING]
    assert none.advice == "make one: python -m engine backup"


def test_channels_are_named_and_their_file_is_nobody_elses(tmp_path):
    house = announced(tmp_path)
    file = house.settings.channels_file
    file.write_text('[[channel]]\nname = "desk"\nurl = "json://hunter2secret"\n', encoding="utf-8")
    file.chmod(0o644)
    open_to_all = look(house.settings)["channels"]
    file.chmod(0o600)
    kept = look(house.settings)["channels"]

    assert (open_to_all.health, open_to_all.advice) == (Health.WARNING, f"chmod 600 {file}")
    assert (kept.health, kept.observed) == (Health.OK, "desk")


def test_a_variable_of_a_channel_that_is_not_set_is_named(tmp_path):
    house = announced(tmp_path)
    house.settings.channels_file.write_text('[[channel]]\nname = "desk"\nurl = "json://${NOT_SET_ANYWHERE}"\n', encoding="utf-8")
    found = look(house.settings)["channels"]

    assert (found.health, "NOT_SET_ANYWHERE not set" in found.observed) == (Health.FAILED, True)


def test_variables_that_change_nothing_are_named_with_what_was_meant(tmp_path, monkeypatch):
    monkeypatch.setenv("NEPSE_HOMEE", "x")
    monkeypatch.setenv("NEPSE_SOURCE_DIR", str(tmp_path))
    found = [item for item in examine(Settings(home=tmp_path, source=SourceName.SIMULATED)) if item.name == "settings"]

    assert [item.health for item in found] == [Health.WARNING] * 2
    assert found[0].observed == "NEPSE_HOMEE changes nothing: no setting has this name; NEPSE_HOME was meant?"
    assert "set NEPSE_SOURCE=files to read that folder" in found[1].observed
