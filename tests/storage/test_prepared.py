"""A prepared statement gives what SQLAlchemy gives, errors too."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from storage.database import Database, open_database
from storage.prepared import Prepared
from storage.status import StageStatus
from storage.tables import LakeFile, LogLine, Run, StageRun

AT = datetime(2025, 6, 1, 12, 15, 0, 123456, tzinfo=UTC)
files, lines, runs, stage_runs = LakeFile.__table__, LogLine.__table__, Run.__table__, StageRun.__table__

WITH_DEFAULT = Table("with_default", MetaData(), Column("name", String), Column("number", Integer, default=7))

FILE = {
    "path": "silver/2025-06/a.parquet",
    "dataset": "silver",
    "partition": date(2025, 6, 1),
    "is_current": True,
    "sha256": "0" * 64,
    "bytes": 7,
    "rows": None,
    "simulated": False,
    "created_at": AT,
}
LINE = {"run_id": 1, "at": AT, "level": "info", "event": "said", "fields": {"rows": [1, None], "date": date(2025, 6, 1)}}


@pytest.fixture
def connection(database: Database):
    with database.transaction() as opened:
        yield opened


def test_a_row_that_was_written_is_read_by_sqlalchemy_as_if_it_had_written_it(connection):
    Prepared(insert(files)).write(connection, FILE)

    row = connection.execute(select(files)).mappings().one()
    assert {name: row[name] for name in FILE} == FILE


def test_a_row_is_read_with_the_types_that_sqlalchemy_reads(connection):
    connection.execute(insert(files), FILE)
    query = select(files).where(files.c.dataset == bindparam("dataset"), files.c.is_current)

    assert Prepared(query).one(connection, {"dataset": "silver"}) == dict(connection.execute(query, {"dataset": "silver"}).mappings().one())
    assert Prepared(query).one(connection, {"dataset": "gold"}) is None


def test_documents_go_in_and_come_out_as_documents(connection):
    Prepared(insert(lines)).write_many(connection, [LINE, LINE | {"fields": None}])

    found = connection.execute(select(lines.c.fields).order_by(lines.c.id)).scalars().all()
    assert found == [{"rows": [1, None], "date": "2025-06-01"}, None]


def test_an_insert_gives_back_what_it_returns(connection):
    add = Prepared(insert(stage_runs).returning(stage_runs.c.id))
    row = {"run_id": 1, "stage": "gold", "position": 1, "status": StageStatus.RUNNING, "attempts": 0}

    ids = [add.the_one(connection, row)["id"] for _ in range(2)]
    assert ids == list(connection.execute(select(stage_runs.c.id).order_by(stage_runs.c.id)).scalars())


def test_an_update_says_how_many_rows_it_touched(connection):
    connection.execute(insert(files), [FILE, FILE | {"path": "other", "partition": date(2025, 6, 2)}])
    change = Prepared(update(files).where(files.c.dataset == bindparam("b_dataset")).values(bytes=bindparam("new_bytes")))

    assert [change.write(connection, {"b_dataset": name, "new_bytes": 8}) for name in ("silver", "gold")] == [2, 0]


def test_the_same_statement_takes_other_columns_the_next_time(connection):
    add = Prepared(insert(files))
    add.write(connection, FILE)
    add.write(connection, FILE | {"path": "other", "partition": date(2025, 6, 2), "run_id": 3})

    assert connection.execute(select(files.c.run_id).order_by(files.c.partition)).scalars().all() == [None, 3]


def test_a_list_may_be_a_constant_of_the_statement(connection):
    connection.execute(insert(files), [FILE | {"path": name, "dataset": name} for name in ("silver", "gold", "bronze")])
    query = select(files.c.path).where(files.c.dataset.in_(["silver", "gold"]), files.c.bytes == bindparam("size")).order_by(files.c.path)

    assert Prepared(query).all(connection, {"size": 7}) == [{"path": "gold"}, {"path": "silver"}]


def test_a_second_row_of_one_key_is_sqlalchemys_error(database):
    add = Prepared(insert(files))
    with pytest.raises(IntegrityError), database.transaction() as connection:  # noqa: PT012, the second write is what fails
        add.write(connection, FILE)
        add.write(connection, FILE)

    with database.reading() as connection:
        assert connection.execute(select(files)).all() == []


def test_an_instant_without_a_time_zone_is_refused(connection):
    with pytest.raises((ValueError, StatementError), match="without a time zone"):
        Prepared(insert(files)).write(connection, FILE | {"created_at": AT.replace(tzinfo=None)})


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(insert(WITH_DEFAULT), id="a column has a default"),
        pytest.param(select(runs).where(runs.c.status.in_(bindparam("name", expanding=True))), id="a list is bound"),
    ],
)
def test_what_only_sqlalchemy_can_execute_is_refused(tmp_path, statement):
    database = open_database(f"sqlite:///{tmp_path / 'console.db'}")
    with database.reading() as connection, pytest.raises(TypeError, match="only SQLAlchemy itself"):
        Prepared(statement).one(connection, {"name": "p" if statement.is_insert else ["queued", "running"]})
    database.close()
