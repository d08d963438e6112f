"""A home opens with its own database and with no other, and whoever tries is told what to do."""

from pathlib import Path
from shutil import copytree, rmtree

import pytest

from engine.doctor import Health, examine
from engine.errors import SettingsError
from engine.runtime import compose
from engine.settings import Settings
from tests.storage.conftest import migrated, url  # noqa: F401, fixtures


def _open(home: Path, url: str | None = None) -> None:  # noqa: F811, an argument
    compose(Settings(home=home, database_url=url)).database.close()


def test_a_database_of_another_home_is_refused_and_both_ways_out_are_named(url, tmp_path):  # noqa: F811, the fixture
    _open(tmp_path / "ours", url)
    _open(tmp_path / "theirs")  # with a database of its own

    with pytest.raises(SettingsError, match=r"theirs is not the home of the database (sqlite|postgresql)") as refused:
        _open(tmp_path / "theirs", url)
    assert "Point NEPSE_HOME to the home that this database was made with" in str(refused.value)
    assert "a fresh database: another one in NEPSE_DATABASE_URL" in str(refused.value)
    assert "?" not in str(refused.value)  # options of a URL may hold a password
    _open(tmp_path / "ours", url)


def test_a_new_home_does_not_get_the_database_of_another(url, tmp_path):  # noqa: F811, the fixture
    _open(tmp_path / "ours", url)

    with pytest.raises(SettingsError, match="new is not the home of the database"):
        _open(tmp_path / "new", url)


def test_a_home_that_was_deleted_is_refused_while_its_database_remains(url, tmp_path):  # noqa: F811, the fixture
    home = tmp_path / "ours"
    _open(home, url)
    rmtree(home)

    with pytest.raises(SettingsError, match=r"the files are gone.*restore its lake from a backup if it is gone"):
        _open(home, url)


def test_a_home_that_was_copied_whole_opens_with_its_own_database(tmp_path):
    _open(tmp_path / "ours")
    copytree(tmp_path / "ours", tmp_path / "restored")

    _open(tmp_path / "restored")


def test_a_home_at_another_place_opens_with_the_database_that_it_had(url, tmp_path):  # noqa: F811, the fixture
    _open(tmp_path / "ours", url)
    (tmp_path / "ours").rename(tmp_path / "moved")

    _open(tmp_path / "moved", url)


def test_homes_of_two_machines_that_share_the_lake_share_the_database(url, tmp_path):  # noqa: F811, the fixture
    _open(tmp_path / "first", url)
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "lake").symlink_to(tmp_path / "first" / "lake")

    _open(tmp_path / "second", url)


def test_the_doctor_says_that_the_database_belongs_to_another_home(url, tmp_path):  # noqa: F811, the fixture
    _open(tmp_path / "ours", url)
    found = {item.name: item for item in examine(Settings(home=tmp_path / "theirs", database_url=url))}["opening"]

    assert found.health is Health.FAILED
    assert "theirs is not the home of the database" in found.observed
