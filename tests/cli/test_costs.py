"""A scenario priced from the command line: JSON that adds up, text that explains itself, and errors that say what to do."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli import costs
from engine.cli.commands import app
from engine.costs.presets import PRESETS, TEXTBOOK
from tests.pipelines.house import House
from tests.shell import REPOSITORY

SCENARIO = {
    "name": "day files",
    "storage": {"class": "standard_ia", "objects": 500, "object_bytes": 22528, "months": 12, "reads": 24, "transitions": 500},
    "queries": {"engine": "athena", "bytes_scanned": 1_000_000, "queries": 30},
}


def cost(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["cost", *arguments])


@pytest.fixture
def scenario(tmp_path) -> str:
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(SCENARIO))
    return str(file)


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def test_json_holds_every_line_with_its_formula_and_a_total_that_is_their_sum(scenario):
    told = exact(cost("--scenario", scenario, "--json").stdout)

    assert told["total"] == sum(line["amount"] for line in told["lines"]) == sum(told["by_category"].values())
    assert {"formula", "price_key", "price_source", "price_date", "quantity", "unit"} <= set(told["lines"][0])
    assert told["price_book"] == "aws-2026"
    assert any("compact first" in warning for warning in told["warnings"])


def test_people_read_the_formulas_and_are_warned_of_stale_prices(scenario):
    done = cost("--scenario", scenario)

    assert "500 objects x 131,072 B (22,528 B, billed as 131,072) / 2^30 x 12 months" in done.stdout
    assert "query.athena (of 2020-10-15)" in done.stderr


def test_another_price_book_is_chosen_by_name_or_by_file(scenario, tmp_path):
    dear = {"name": "dear", "base": "aws-2026", "prices": [{"key": "query.athena", "amount": "50", "unit": "TB", "source": "a test"}]}
    (tmp_path / "dear.json").write_text(json.dumps(dear))

    usual, dearer = (
        exact(cost("--scenario", scenario, "--book", book, "--json").stdout) for book in ("aws-2026", str(tmp_path / "dear.json"))
    )
    assert dearer["by_category"]["query"] == pytest.approx(10 * usual["by_category"]["query"], abs=Decimal("1e-8"))
    assert dearer["price_book"] == "dear"


def test_a_price_book_that_only_the_home_knows_is_taken_by_its_version_or_its_name(scenario, tmp_path, monkeypatch):
    house = House(tmp_path)
    monkeypatch.setattr(costs, "runtime", lambda: house.runtime)
    house.services.set_price("query.athena", "50", source="ours", as_of=date(2026, 1, 1), reason="a contract")

    by_name, by_version = (exact(cost("--scenario", scenario, "--book", book, "--json").stdout) for book in ("own", "1"))
    assert by_name["total"] == by_version["total"] > exact(cost("--scenario", scenario, "--json").stdout)["total"]
    assert cost("--scenario", scenario, "--book", "99").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--scenario", "SCENARIO", "--since", "2026-01-01"], "say one of them"),
        (["--scenario", "nowhere.json"], "docs/costs.md"),
        (["--scenario", "SCENARIO", "--book", "textbok"], "textbook"),
        (["--scenario", "SCENARIO", "--book", "nowhere.json"], "there is no file"),
        (["--scenario", "SCENARIO", "--book", "textbook"], "standard_ia"),
    ],
)
def test_a_wrong_request_ends_with_code_2_and_says_what_to_do(scenario, arguments, told):
    done = cost(*[scenario if part == "SCENARIO" else part for part in arguments])

    assert done.exit_code == 2
    assert told in done.stderr


def test_the_example_of_the_documentation_is_a_scenario(tmp_path):
    text = (REPOSITORY / "docs" / "costs.md").read_text(encoding="utf-8")
    written = text.split("```json")[1].split("```")[0]
    (tmp_path / "example.json").write_text(written)

    for book in [book for book in PRESETS if book != TEXTBOOK]:  # which has other classes and no transfer
        assert exact(cost("--scenario", str(tmp_path / "example.json"), "--book", book, "--json").stdout)["total"] > 0
