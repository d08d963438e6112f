"""`stream rebuild`, `versions`, `compare`, `promote`, `undo`, `drop`, as a person or a program types them."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from engine.cli import commands, following, versions
from tests.stream.homes import LIMIT, opened
from tests.stream.tapes import DAY


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command line in a home whose stream has come to the end of a session."""
    made = opened(tmp_path)
    made.services.set_threshold(LIMIT, 2, reason="many alerts")
    made.stream()
    for part in (versions, following):
        monkeypatch.setattr(part, "runtime", lambda: made.runtime)

    def invoke(*arguments: str) -> Result:
        with capture_logs():
            return CliRunner().invoke(commands.app, ["stream", *arguments])

    yield invoke
    made.runtime.database.close()


def answered(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_session_is_rebuilt_compared_promoted_taken_back_and_dropped(run):
    equal = answered(run("rebuild", "--session", str(DAY), "--wait", "--json"))
    assert (equal["version"], equal["state"], equal["equal"], equal["built"]) == (1, "built", True, 1)

    made = answered(
        run("rebuild", "--since", str(DAY), "--until", str(DAY), "--set", f"{LIMIT}=4", "--reason", "fewer", "--wait", "--json")
    )
    assert (made["set"], made["equal"], made["reason"]) == ({LIMIT: 4.0}, False, "fewer")
    assert [row["version"] for row in answered(run("versions", "--json"))] == [2, 1]
    found = answered(run("compare", "2", "--json"))
    (session,) = found["sessions"]
    assert (found["equal"], session["bars"]["only_served"], session["bars"]["differ"]) == (False, 0, 0)
    assert sum(session["alerts"].values()) - session["alerts"]["equal"] == len(session["differences"])
    assert {one["in"] for one in session["differences"]} <= {"served", "version", "both"}
    assert session["differences"][0]["at"].startswith("2024-07-17T05:")

    assert answered(run("promote", "2", "--json"))["message"] == "Version 2 is served."
    assert run("drop", "2").exit_code == 2
    assert answered(run("undo", "2", "--json"))["version"] == 2
    assert answered(run("drop", "2", "--json"))["message"] == "Version 2 is dropped."
    assert run("compare", "2").exit_code == 2
    assert "dropped" in run("versions").stdout
    assert "equal" in run("compare", "1").stdout


def test_without_wait_it_is_queued_and_says_what_it_waits_for(run):
    result = run("rebuild", "--session", str(DAY), "--json")

    assert answered(result)["state"] == "building"
    assert "No runner is alive" in result.stderr
    assert "is still being built" in run("promote", "1").stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rebuild"], "name one session (--session D) or a range"),
        (["rebuild", "--session", str(DAY), "--since", str(DAY)], "name one session"),
        (["rebuild", "--session", "2024-07-18"], "the stream has no session on 2024-07-18"),
        (["rebuild", "--session", str(DAY), "--set", "stream.windw_s=60"], "stream.window_s"),
        (["rebuild", "--session", str(DAY), "--set", "gate.block_above=3"], "is no threshold of the stream"),
        (["promote", "7"], "there is no version 7"),
        (["undo", "7"], "there is no version 7"),
        (["drop", "7"], "there is no version 7"),
        (["compare", "7"], "there is no version 7"),
    ],
)
def test_a_wrong_request_says_what_to_change(run, arguments, says):
    result = run(*arguments)

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""
