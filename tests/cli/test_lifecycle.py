"""The lifecycle from the command line: JSON on stdout, and the truth in the exit code."""

import json

import pytest

from tests.backup.damage import flip
from tests.pipelines.house import House


def files(house: House) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in house.settings.lake.glob("*/*/*")}


def test_plan_apply_and_undo_say_what_they_do(week, here):
    before = files(week)
    plan = json.loads(here(week, "lifecycle", "plan", "--json").stdout)
    untouched = files(week) == before
    applied = json.loads(here(week, "lifecycle", "apply", "--json").stdout)
    listed = json.loads(here(week, "lifecycle", "list", "--json").stdout)
    after = len(files(week))
    to_people = here(week, "lifecycle", "list").stdout.splitlines()
    undone = here(week, "lifecycle", "undo", "--id", "1", "--json")

    assert untouched
    assert (plan["files_before"], plan["files_after"]) == (len(before), after)
    assert {line["dataset"] for line in plan["datasets"]} >= {"bronze", "parsed", "silver", "gold"}
    assert (applied["state"], applied["id"], applied["figures"]["put_off"]) == ("done", 1, {})
    assert (listed["packs"], [step["kind"] for step in listed["steps"]]) == (applied["figures"]["packs"], ["apply"])
    assert [line.split()[:3] for line in to_people[-2:]] == [["step", "kind", "state"], ["1", "apply", "done"]]
    assert undone.exit_code == 0
    assert files(week) == before


def test_what_is_said_to_people_names_every_dataset(week, here):
    said = here(week, "lifecycle", "plan").stdout

    assert "files_after" in said
    assert "silver" in said


def test_a_month_that_cannot_be_read_makes_it_fail_and_says_which(week, here):
    flip(next(file for file in week.settings.lake.glob("silver/*/*")))
    done = here(week, "lifecycle", "apply", "--json")

    assert done.exit_code == 1
    assert "silver of 2024-06 first" in done.stderr
    assert json.loads(done.stdout)["state"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("apply", "--cold-after", "3"), "set NEPSE_COLD to a folder or a URL"),
        (("plan", "--cold-after", "3"), "set NEPSE_COLD to a folder or a URL"),
        (("plan", "--compact-after", "9999"), "an age is 0 to 600 months, not 9999"),
        (("undo", "--id", "7"), "there is no step 7 of the lifecycle"),
        (("restore",), "nothing lies in the cold"),
        (("restore", "--dataset", "silver", "--month", "2026-10"), "nothing of silver of 2026-10 lies in the cold"),
        (("restore", "--month", "2026-13"), "is not a date"),
    ],
)
def test_a_wrong_request_is_told_in_a_sentence(week, here, arguments, sentence):
    done = here(week, "lifecycle", *arguments)

    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())
    assert json.loads(here(week, "lifecycle", "list", "--json").stdout)["steps"] == []
