"""A database opens with the lake whose files it lists, and with no other."""

from datetime import UTC, date, datetime
from pathlib import Path
from shutil import copytree, rmtree

import pytest
from sqlalchemy import event, select

from storage import lake as catalog
from storage.database import open_database
from storage.identity import FILE, ForeignLake, identities, tie
from storage.lake import Lake, bytes_content
from tests.storage.databases import at_once

AT = datetime(2025, 6, 1, tzinfo=UTC)
DAY = date(2025, 6, 1)


def _ids(database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(identities.c.id)).scalars())


def _publish(database, folder: Path) -> None:
    """Put a file into a lake and into the catalog."""
    version = Lake(folder).write("bronze", DAY, bytes_content(b"x", suffix=".csv"))
    with database.transaction() as connection:
        catalog.publish(connection, version, run_id=1, at=AT, simulated=False)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "home" / "lake"


def test_a_database_and_a_lake_that_are_opened_first_get_one_id(database, lake):
    tie(database, lake)

    assert _ids(database) == [(lake / FILE).read_text().strip()]


def test_opening_again_changes_nothing_and_writes_nothing(database, lake):
    tie(database, lake)
    before, written = _ids(database), (lake / FILE).stat()
    asked = []
    event.listen(database.pool, "before_cursor_execute", lambda *what: asked.append(what[2]))
    tie(database, lake)

    assert [statement for statement in asked if statement.startswith(("BEGIN IMMEDIATE", "INSERT", "UPDATE"))] == []
    assert (_ids(database), (lake / FILE).stat()) == (before, written)


def test_a_lake_of_another_database_is_refused_and_left_as_it_was(database, lake, tmp_path):
    tie(database, lake)
    other = tmp_path / "other"
    other.mkdir()
    (other / FILE).write_text("0123\n")

    with pytest.raises(ForeignLake, match=r"belongs to the lake [0-9a-f]{32}, and .*other is the lake 0123"):
        tie(database, other)
    assert (other / FILE).read_text() == "0123\n"


@pytest.mark.parametrize("left", [None, ""])
def test_a_lake_that_is_gone_is_refused_and_not_made_anew(database, lake, left):
    tie(database, lake)
    rmtree(lake)
    if left is not None:
        lake.mkdir()
        (lake / FILE).write_text(left)

    with pytest.raises(ForeignLake, match="has no file 'identity': it is another lake, or the files are gone"):
        tie(database, lake)


def test_a_lake_that_was_moved_or_restored_is_known_again(database, lake, tmp_path):
    tie(database, lake)
    restored = copytree(lake, tmp_path / "restored")
    rmtree(lake)
    tie(database, restored)

    assert _ids(database) == [(restored / FILE).read_text().strip()]


def test_a_lake_may_be_given_a_fresh_database(database, lake):
    lake.mkdir(parents=True)
    (lake / FILE).write_text("0123\n")
    tie(database, lake)

    assert _ids(database) == ["0123"]


def test_a_database_from_before_there_were_ids_takes_the_lake_that_holds_its_files(database, lake, tmp_path):
    _publish(database, lake)

    with pytest.raises(ForeignLake, match=r"the database lists bronze/2025-06/.*does not hold them"):
        tie(database, tmp_path / "other")
    tie(database, lake)
    assert len(_ids(database)) == 1


def test_a_process_that_dies_between_file_and_database_leaves_both_to_be_tied(database, lake):
    tied = []

    def fails(_connection, _cursor, statement, *_rest) -> None:
        if statement.startswith("INSERT INTO lake_identity") and not tied:
            tied.append((lake / FILE).read_text().strip())
            raise OSError("killed here")

    event.listen(database.pool, "before_cursor_execute", fails)
    with pytest.raises(OSError, match="killed here"):
        tie(database, lake)
    assert _ids(database) == []
    tie(database, lake)

    assert _ids(database) == tied


def _tie(_number: int, url: str, lake: Path) -> str:
    database = open_database(url)
    tie(database, lake)
    database.close()
    return (lake / FILE).read_text()


def test_processes_that_open_both_at_once_agree_on_one_id(url, lake):
    assert len(set(at_once(4, _tie, url, lake))) == 1
