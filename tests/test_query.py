"""SQL over the lake: read-only, exact, one snapshot, and nothing outside the lake."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from engine.errors import UsageError
from engine.features.catalogue import GOLD_SCHEMA
from engine.market.layouts import SILVER_SCHEMA
from engine.printing import as_csv, as_json
from engine.query import VIEWS, query
from engine.settings import SourceName
from storage.tables import Base
from tests.pipelines.house import SUNDAY, House, announced, numbers, with_a_week


@pytest.fixture(scope="module")
def week(tmp_path_factory) -> House:
    return with_a_week(tmp_path_factory.mktemp("week"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> House:
    return announced(tmp_path_factory.mktemp("empty"))


def one(house: House, sql: str) -> dict:
    (row,) = query(house.runtime, sql).to_pylist()
    return row


@pytest.mark.parametrize("name", [*VIEWS, *Base.metadata.tables])
def test_each_view_and_each_table_can_be_selected_and_has_in_an_empty_home_the_same_columns_without_rows(week, empty, name):
    sql = f"SELECT * FROM {name}"  # noqa: S608, a view's name
    table = query(empty.runtime, sql)

    assert table.num_rows == (1 if name == "lake_identity" else 0)  # a home has its id before it has anything else
    assert table.schema.names == query(week.runtime, sql).schema.names


def test_the_tables_that_there_are_can_be_asked_for(empty):
    assert query(empty.runtime, "SHOW TABLES")["name"].to_pylist() == [*VIEWS, *Base.metadata.tables]


def test_a_slip_in_a_statement_is_told_without_a_list_of_all_tables(week):
    with pytest.raises(UsageError, match="closing") as refused:
        query(week.runtime, "SELECT closing FROM prices")
    assert "There are:" not in str(refused.value)


@pytest.mark.parametrize(("name", "schema"), [("silver_prices", SILVER_SCHEMA), ("gold_features", GOLD_SCHEMA)])
def test_an_empty_home_gives_the_same_types(week, empty, name, schema):
    sql = f"SELECT * EXCLUDE (source) FROM {name}"  # noqa: S608, a view's name

    assert query(empty.runtime, sql).schema.types == query(week.runtime, sql).schema.types
    assert query(empty.runtime, sql).schema.names == schema.names


@pytest.mark.parametrize("view", ["silver_prices", "prices"])
def test_money_comes_as_the_exact_decimal_of_the_file(week, view):
    row = one(week, f"SELECT close, turnover FROM {view} WHERE session = '2024-06-04' AND symbol = 'S007'")  # noqa: S608, a view's name
    cells = numbers(2)[7]

    assert (row["close"], row["turnover"]) == (Decimal(cells[6]), Decimal(cells[10].replace(",", "")))


@pytest.mark.parametrize("view", ["silver_prices", "prices"])
def test_money_has_two_decimals_in_every_view(week, view):
    assert query(week.runtime, f"SELECT close FROM {view}").schema.types == [pa.decimal128(18, 2)]  # noqa: S608, a view's name


def test_instants_are_utc_whatever_the_zone_of_the_machine(week, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    row = one(week, "SELECT min(queued_at) AS q, CAST(min(queued_at) AS VARCHAR) AS said FROM run")

    assert row["q"] == datetime(2026, 1, 5, 6, tzinfo=UTC)
    assert row["said"].startswith("2026-01-05 06:00:00")


NEVER_EMPTY = [view for view in VIEWS if view not in ("rejected_rows", "quarantined_rows", "findings")]


@pytest.mark.parametrize("view", NEVER_EMPTY)
def test_every_row_says_its_source(week, view):
    assert query(week.runtime, f"SELECT DISTINCT source FROM {view}").to_pylist() == [{"source": "files"}]  # noqa: S608, a view's name


def test_made_up_rows_say_that_they_are_simulated(tmp_path):
    house = House(tmp_path, kind=SourceName.SIMULATED)
    house.run(date(2025, 12, 30))
    house.run(date(2025, 12, 31))

    for view in NEVER_EMPTY:
        assert query(house.runtime, f"SELECT DISTINCT source FROM {view}").to_pylist() == [{"source": "simulated"}]  # noqa: S608, a view's name


def test_made_up_numbers_say_that_they_are_simulated_whichever_columns_are_asked_for(tmp_path):
    house = House(tmp_path, kind=SourceName.SIMULATED)
    house.run(date(2025, 12, 31))

    assert query(house.runtime, "SELECT count(*) > 0 AS any FROM prices").to_pylist() == [{"any": True, "source": "simulated"}]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO run VALUES (1)",
        "DELETE FROM prices",
        "CREATE TABLE x AS SELECT 1",
        "COPY (SELECT 1) TO '{outside}/x.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{lake}/x.csv'",
        "ATTACH '{outside}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY (SELECT 1) TO '{outside}/x.csv'",
        "CALL pragma_version()",
        "",
    ],
)
def test_anything_but_one_select_is_refused(week, tmp_path, statement):
    with pytest.raises(UsageError):
        query(week.runtime, statement.format(outside=tmp_path, lake=week.settings.lake))

    assert list(tmp_path.iterdir()) == []
    assert not (week.settings.lake / "x.csv").exists()


@pytest.mark.parametrize(
    "select",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_blob('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_text('{lake}/../../secret.csv')",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
        "SELECT * FROM sqlite_scan('{database}', 'run')",
    ],
)
def test_nothing_outside_the_lake_can_be_read(week, select):
    root = week.settings.home.parent
    (root / "secret.csv").write_text("word\nswordfish\n")
    places = {"secret": root / "secret.csv", "folder": root, "lake": week.settings.lake, "database": week.settings.home / "console.db"}

    with pytest.raises(UsageError) as refused:
        query(week.runtime, select.format(**places))
    assert "swordfish" not in str(refused.value)


def test_a_name_is_never_a_variable_of_the_program(week):
    with pytest.raises(UsageError, match="does not exist"):
        query(week.runtime, "SELECT * FROM words")


def test_a_statement_that_cannot_be_answered_names_what_there_is(week):
    with pytest.raises(UsageError, match=r"(?s)no_such_table.*There are: bronze_files, silver_prices"):
        query(week.runtime, "SELECT * FROM no_such_table")


def test_two_columns_of_one_name_are_refused_rather_than_lost(week):
    with pytest.raises(UsageError, match="called a"):
        query(week.runtime, "SELECT 1 AS a, 2 AS a")


def test_an_answer_is_of_one_instant(week):
    counted = one(
        week,
        "SELECT (SELECT count(DISTINCT session) FROM silver_prices) AS silver, (SELECT count(DISTINCT session) FROM prices) AS served, "
        "(SELECT count(*) FROM trading_session) AS accepted, (SELECT count(*) FROM bronze_files) AS files",
    )

    assert counted == {"silver": 5, "served": 5, "accepted": 5, "files": 6}


def test_a_symbol_with_a_quote_in_the_question_is_only_text(week):
    assert query(week.runtime, "SELECT * FROM prices WHERE symbol = 'x''; DROP TABLE run; --'").num_rows == 0


def test_json_is_json_also_for_what_json_cannot_say(week):
    rows = query(
        week.runtime, "SELECT 'nan'::DOUBLE AS n, 'inf'::DOUBLE AS i, [1.5, 'nan'::DOUBLE] AS l, DATE '2024-06-02' AS d"
    ).to_pylist()

    assert json.loads(as_json(rows)) == [{"n": None, "i": None, "l": [1.5, None], "d": "2024-06-02"}]


@pytest.mark.parametrize(
    ("money", "said"),
    [
        (Decimal("100.00"), "100"),
        (Decimal("2073193.50"), "2073193.5"),
        (Decimal("3134876297817.17"), "3134876297817.17"),
        (Decimal("1234567890123456789.01"), '"1234567890123456789.01"'),
    ],
)
def test_money_in_json_is_exact(money, said):
    assert as_json(money) == said


def test_csv_has_a_header_and_exact_money(week, capsys):
    as_csv(query(week.runtime, "SELECT symbol, close, session, confidence FROM silver_prices WHERE symbol = 'S001' ORDER BY session"))

    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["symbol", "close", "session", "confidence"]
    assert rows[1] == ["S001", "101.00", SUNDAY.isoformat(), ""]
    assert len(rows) == 6


def test_what_is_replaced_is_not_in_the_answer_any_more(tmp_path):
    house = announced(tmp_path)
    house.session(SUNDAY, 0)
    house.run(SUNDAY)
    house.session(SUNDAY, 3)
    house.run(SUNDAY)

    assert one(house, "SELECT count(*) AS n, max(trades) AS t FROM silver_prices") == {"n": 120, "t": 23}
    assert one(house, "SELECT count(*) AS n FROM lake_file WHERE dataset = 'silver'") == {"n": 2}


def test_dates_compare_as_dates(week):
    assert one(week, "SELECT count(DISTINCT session) AS n FROM prices WHERE session >= DATE '2024-06-05'") == {"n": 2}
    assert one(week, "SELECT max(session) AS d FROM gold_features")["d"] == date(2024, 6, 6)
