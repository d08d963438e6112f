"""What a corrected line would come to is said before it is saved, and is what the run makes of it."""

from datetime import timedelta

import pytest

from engine.errors import LakeError
from engine.pipeline.context import TableCache
from engine.pipelines.recheck import Fate, content_of, recheck
from storage import dead_letters
from storage.dead_letters import LetterFilter
from storage.status import GateVerdict, LetterState
from tests.pipelines.house import SUNDAY, daily_bytes, numbers

NEXT_SUNDAY = SUNDAY + timedelta(days=7)
SYMBOL, HIGH, LOW, VOLUME = 1, 4, 5, 8


@pytest.fixture
def letter(week):
    """The letter of a row whose high is below its low, after the run of its session."""
    rows = numbers(5)
    rows[7][HIGH], rows[7][-1] = "0.10", rows[7][-1]
    week.put(NEXT_SUNDAY, daily_bytes(rows))
    week.run(NEXT_SUNDAY)
    return the_letter(week)


def the_letter(week):
    (row,) = week.read(dead_letters.page, LetterFilter())
    return week.read(dead_letters.one, row["id"])


def line_with(**cells: str) -> bytes:
    """Return the line of the letter as it should be, but for `cells`."""
    row = numbers(5)[7]
    places = {"symbol": SYMBOL, "high": HIGH, "low": LOW, "volume": VOLUME}
    for name, value in cells.items():
        row[places[name]] = value
    return daily_bytes([row]).splitlines()[-1]


def look(week, letter, line: bytes):
    return recheck(week.runtime, letter, line, content=content_of(week.runtime, letter), cache=TableCache())


@pytest.mark.parametrize(
    ("cells", "fate", "becomes"),
    [
        ({}, Fate.PASSES, LetterState.EDITED),
        ({"high": "0.20"}, Fate.REFUSED, LetterState.OPEN),
        ({"volume": "many"}, Fate.UNREADABLE, LetterState.OPEN),
    ],
)
def test_what_is_said_before_saving_is_what_the_replay_finds(cells, fate, becomes, week, letter):
    line = line_with(**cells)

    said = look(week, letter, line)
    run = week.services.edit_and_replay(letter["id"], line)
    week.work()

    assert (said.fate, said.passes) == (fate, becomes is LetterState.EDITED)
    assert (the_letter(week)["state"], the_letter(week)["run_id"] == run.run_id) == (becomes, becomes is LetterState.OPEN)


def test_the_rules_that_refuse_are_named_with_what_they_saw(week, letter):
    said = look(week, letter, letter["raw"])

    refusing = {one["check"]: one for one in said.found if one["refuses"]}
    assert refusing["high_not_below_low"]["observed"] == 0.1
    assert said.verdict is GateVerdict.FLAGGED


def test_the_symbol_of_another_line_is_a_duplicate(week, letter):
    assert look(week, letter, line_with(symbol="S003")).fate is Fate.DUPLICATE


@pytest.mark.parametrize("line", [b"", b"   ", b"\xff\xfe", b'"open quote', b"1,2,3"])
def test_no_line_breaks_the_look(line, week, letter):
    assert look(week, letter, line).fate is Fate.UNREADABLE


def test_a_look_leaves_no_trace(week, letter):
    files = sorted(path for path in week.runtime.settings.home.rglob("*") if "console.db" not in path.name)

    look(week, letter, line_with())

    assert the_letter(week) == letter
    assert sorted(path for path in week.runtime.settings.home.rglob("*") if "console.db" not in path.name) == files


def test_bytes_that_are_gone_are_an_error_with_what_to_do(week, letter):
    for path in (week.runtime.settings.home / "lake" / "bronze").rglob("*.csv*"):
        path.unlink()

    with pytest.raises(LakeError, match="Rerun its date"):
        content_of(week.runtime, letter)
