"""What was measured from the command line: the same total however it is broken down, as FOCUS rows too, by other prices, in rupees."""

import csv
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import insert

from engine.billing.forecast import month_bill
from engine.billing.prices import in_force
from engine.clock import nepal_time
from engine.costs.line import Category
from engine.costs.measured import PRICED
from storage import costs, lake
from storage.status import CostWork
from tests.pipelines.house import SUNDAY, House, days_from, with_a_week
from tests.shell import inside

YEAR = ("--since", "2026-01-01", "--until", "2026-12-31")
SESSIONS = ("--since", "2024-06-01", "--until", "2024-06-30")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of a home that took a week, and one date of it twice."""
    root: Path = tmp_path_factory.mktemp("bills")
    house = with_a_week(root)
    house.rerun(2)
    house.runtime.database.close()
    return root


@pytest.fixture
def house(built, tmp_path) -> House:
    copytree(built, tmp_path, dirs_exist_ok=True)
    return House(tmp_path)


@pytest.fixture
def ask(house, monkeypatch):
    """Return what gives a command in this home and reads its one JSON document, numbers exact."""
    invoke = inside(monkeypatch)

    def asked(*arguments: str) -> Any:
        done = invoke(house, *arguments, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout, parse_float=Decimal)

    return asked


def lines(found) -> Decimal:
    return sum((exact(found[category.value]) for category in PRICED), Decimal(0))


def exact(value) -> Decimal:
    return Decimal(str(value))


@pytest.mark.parametrize("currency", ["USD", "NPR"])
def test_every_breakdown_comes_to_one_total_and_every_total_to_its_lines(ask, currency):
    found = {by: ask("cost", *YEAR, "--by", by, "--currency", currency) for by in ("run", "stage", "day")}
    found["session"] = ask("cost", *SESSIONS, "--by", "session", "--currency", currency)
    totals = {by: exact(one["total"]) for by, one in found.items()}

    assert totals["run"] == totals["stage"] == totals["day"] > totals["session"] > 0  # no session came of the Saturday
    for one in found.values():
        assert sum(exact(row["total"]) for row in one["rows"]) == exact(one["total"]) == lines(one["lines"])
        assert all(lines(row) == exact(row["total"]) for row in one["rows"])
    parts = found["run"]["apart"]
    assert sum(exact(part) for part in parts.values()) == totals["run"]
    assert parts["reruns"] > 0
    assert (found["run"]["good_rows"], "simulated" in found["run"]) == (600, False)


def test_by_stage_has_what_has_no_stages_and_by_session_says_what_it_leaves_out(ask, house):
    day = house.clock.now().date()
    job = {"work": CostWork.JOB, "ref": 1, "name": "drift", "day": day, "status": "done", "purpose": "upkeep", "book_id": 1}
    job |= {"partition": None, "session": None, "simulated": False, "cpu_us": 20_000, "compute_nano": 157}
    with house.runtime.database.transaction() as connection:
        costs.write(connection, job)
        message = {"day": day, "work": CostWork.MESSAGE, "name": "desk", "purpose": "upkeep", "book_id": 1}
        costs.add_to_day(connection, message | {"messages": 2, "notification_nano": 40_000})
    found = {by: ask("cost", *YEAR, "--by", by, "--currency", "USD") for by in ("run", "stage", "day")}
    sessions = ask("cost", *SESSIONS, "--by", "session", "--currency", "USD")
    rest = exact(found["day"]["total"]) - exact(sessions["total"])

    assert found["run"]["total"] == found["stage"]["total"] == found["day"]["total"]
    assert {"jobs: drift": 157, "messages: desk": 40_000}.items() <= {
        row["what"]: exact(row["total"]) * 10**9 for row in found["stage"]["rows"]
    }.items()
    assert [one["not_in_it"] for one in found.values()] == [None] * 3
    said, amount = sessions["not_in_it"].split(" (")
    assert said.endswith("jobs, messages, questions, and runs of dates that no session came of")
    assert Decimal(amount.split(" USD since")[0]) == rest


def test_focus_rows_add_up_to_the_bill_and_name_the_stage_and_the_price(ask, tmp_path):
    file = tmp_path / "focus.csv"
    found = ask("cost", *YEAR, "--by", "run", "--currency", "NPR", "--focus", str(file))
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))

    assert sum(Decimal(row["BilledCost"]) for row in rows) == exact(found["total"])
    assert {row["BillingCurrency"] for row in rows} == {"NPR"}
    assert {json.loads(row["Tags"])["stage"] for row in rows} >= {"parsed", "gold", "between stages"}
    assert {row["ResourceId"] for row in rows} == {f"daily_prices/{number}" for number in range(1, 9)}
    assert {row["SkuId"] for row in rows} == {"compute.vcpu_hour", "compute.memory_gb_hour", "storage.standard", "transfer.in"} | {
        f"storage.standard.{kind}" for kind in ("put", "get")
    }
    assert {(row["BillingPeriodStart"], row["BillingPeriodEnd"]) for row in rows} == {("2025-12-31T18:15:00Z", "2026-01-31T18:15:00Z")}
    assert all(row["x_PriceSource"] and row["x_PriceAsOf"] for row in rows)


def test_the_same_usage_is_seen_by_another_book_without_a_trace(ask):
    before = ask("cost", *YEAR, "--by", "run")
    other = ask("cost", *YEAR, "--by", "run", "--book", "textbook")

    assert other["prices"]["not_priced"][0].startswith("memory")
    assert (before["prices"]["as_estimated"], other["prices"]["as_estimated"]) == (True, False)
    assert other["lines"]["requests"] < before["lines"]["requests"]
    assert [row["usage"] for row in other["rows"]] == [row["usage"] for row in before["rows"]]
    assert ask("cost", *YEAR, "--by", "run") == before


def test_layers_hold_what_the_lake_holds(ask, house):
    found = ask("cost", *SESSIONS, "--by", "layer")
    held = sum(file.stat().st_size for file in house.runtime.lake.folder.rglob("*.*") if file.is_file())

    assert sum(row["usage"]["bytes_written"] for row in found["rows"]) == held > 0
    assert {"bronze", "parsed", "silver", "gold"} <= {row["what"] for row in found["rows"]}


def test_a_question_in_sql_is_charged_by_the_bytes_that_it_read_and_one_of_tables_alone_is_not(ask, house):
    for statement in ("SELECT max(close) AS dearest FROM silver_prices", "SELECT count(*) AS n FROM run"):
        ask("sql", statement)
    rows = [row for row in ask("cost", "--since", "2026-01-01", "--by", "run")["rows"] if row["work"] == "question"]
    silver = sum(file.stat().st_size for file in (house.runtime.lake.folder / "silver").rglob("*.parquet"))

    assert [(row["number"], row["purpose"]) for row in rows] == [(1, "upkeep")]
    assert 0 < rows[0]["usage"]["bytes_scanned"] < 2 * silver  # files so small are read whole, and their footers before them


def test_prices_are_changed_listed_and_taken_back(ask):
    asked = ("--source", "a contract", "--as-of", "2026-01-01", "--reason", "our own", "--currency", "USD")
    changed = ask("prices", "--set", "storage.standard=0.03", *asked)
    mine = [row for row in changed["prices"] if row["key"] == "storage.standard"]
    back = ask("prices", "--use", "aws-2026", "--reason", "back")

    assert [(row["amount"], row["source"]) for row in mine] == [(Decimal("0.03"), "a contract")]
    assert (changed["book"], back["book"]) == ("own", "aws-2026")
    assert "query.athena of 2020-10-15" in back["stale"]
    assert [row["reason"] for row in ask("prices", "--history")][:2] == ["back", "our own"]


def test_the_months_bill_says_what_it_has_come_to_and_where_it_goes(ask):
    found = ask("cost")

    assert (found["month"], found["budget"], found["over_budget"]) == ("2026-01", 5, False)
    assert 0 < found["so_far"] <= found["forecast"] == sum(exact(row["forecast"]) for row in found["drivers"])
    assert (found["drivers"][0]["category"], found["drivers"][0]["of"]) == ("requests", "daily_prices")


def test_what_is_stored_is_spent_day_by_day_and_the_days_left_are_still_to_come(house):
    size = 31 * 2**30  # a GB-month a day of this January, at 0.023 USD; today is the 5th
    with house.runtime.database.transaction() as connection:
        for number, day in enumerate((date(2025, 6, 1), date(2026, 1, 3))):
            row = {"path": f"own/{number}", "dataset": "own", "partition": day, "bytes": size, "sha256": "0" * 64, "is_current": True}
            connection.execute(insert(lake.files), row | {"simulated": False, "created_at": nepal_time(day, 12)})
    found = house.read(lambda connection: month_bill(connection, in_force(connection).tariff, now=house.clock.now()))
    driver = Category.STORAGE, "own"

    assert found.so_far[driver] == (5 + 3) * 23_000_000
    # 26 days of both, and half such a file a day more: one came in the two days from the 3rd on
    assert found.to_come[driver] == (26 + 26 + 26 * 27 / 2 * 0.5) * 23_000_000


def test_people_read_a_table_and_what_is_to_be_known_of_the_prices(house, monkeypatch):
    done = inside(monkeypatch)(house, "cost", *YEAR, "--by", "run")

    assert f"daily_prices {SUNDAY}" in done.stdout
    assert "older than 180 days" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cost", "--until", "2026-01-01"), "say from which day on"),
        (("cost", "--since", "2026-02-01", "--until", "2026-01-01"), "ends (2026-01-01) before it begins"),
        (("cost", *YEAR, "--book", "aws-2025"), "the nearest are aws-2026"),
        (("prices", "--set", "storage.standard"), "write it as --set"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_request_is_one_sentence(house, monkeypatch, arguments, said):
    done = inside(monkeypatch)(house, *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_good_row_is_a_number_as_all_amounts_are(house, monkeypatch):
    for currency in ("USD", "NPR"):
        found = json.loads(inside(monkeypatch)(house, "cost", *YEAR, "--currency", currency, "--json").stdout)

        assert isinstance(found["a_good_row"], float)
        assert found["a_good_row"] * found["good_rows"] == pytest.approx(found["total"])


def test_what_the_lake_will_hold_is_told_by_layer_with_its_band(house, monkeypatch):
    with house.runtime.database.transaction() as connection:
        row = {"is_current": False, "simulated": False, "created_at": house.clock.now(), "sha256": "0" * 64}
        for number, day in enumerate(days_from(SUNDAY - timedelta(days=30), 28)):
            own = {"path": f"silver/{day}", "dataset": "silver", "partition": day, "bytes": 20_000 + number % 3}
            connection.execute(insert(lake.files), row | own)
    found = json.loads(inside(monkeypatch)(house, "cost", "--months", "12", "--json").stdout)
    silver, bronze = ({one["layer"]: one for one in found["layers"]}[name] for name in ("silver", "bronze"))
    last = silver["ahead"][-1]

    assert len(silver["ahead"]) == 12
    assert last["low"] < last["stored"] < last["high"]
    assert 12 * 25 * 20_000 * 0.5 < last["stored"] - silver["stored"] < 12 * 31 * 20_000 * 1.5
    assert last["cost"] > silver["ahead"][0]["cost"] > 0
    assert found["why_not"] is None
    assert len(bronze["ahead"]) == 12  # six days: no trend, and a rate
    for number, month in enumerate(found["ahead"]):
        assert month["stored"] == pytest.approx(sum(one["ahead"][number]["stored"] for one in found["layers"]), abs=len(found["layers"]))
