"""What the command line prints for people: no raw units, no columns that say nothing, and on a terminal columns that fit it."""

import json
from io import StringIO

import pytest

from engine.printing import fitting, show, table

ROWS = [
    {"run_id": 7, "duration_us": 100_242, "backfill_id": None, "reason": "The file's totals are the control totals of 2024-06-02." * 2},
    {"run_id": 6, "duration_us": None, "backfill_id": None, "reason": "closed"},
]


class Terminal(StringIO):
    """A screen instead of a pipe."""

    def isatty(self) -> bool:
        return True


def test_a_person_reads_durations_in_their_unit_and_no_column_that_is_empty(capsys):
    show(ROWS, to_json=False)

    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["run_id", "duration", "reason"]
    assert first.split()[:3] == ["7", "100", "ms"]
    assert second.split() == ["6", "-", "closed"]


def test_a_program_reads_every_column_under_its_own_name(capsys):
    show(ROWS, to_json=True)

    assert json.loads(capsys.readouterr().out) == ROWS


def test_on_a_terminal_a_line_is_no_wider_than_it_and_loses_no_word(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout", screen := Terminal())

    table(ROWS)

    lines = screen.getvalue().splitlines()
    place = lines[0].index("reason")
    assert max(map(len, lines)) <= 60
    assert "".join(line[place:] for line in lines[1:-1]).replace(" ", "") == ROWS[0]["reason"].replace(" ", "")
    assert lines[-1].split() == ["6", "-", "-", "closed"]


def test_what_is_piped_is_whole(capsys):
    table(ROWS)

    assert ROWS[0]["reason"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("widths", "room", "fitted"),
    [
        ([6, 10, 100], 200, [6, 10, 100]),
        ([6, 10, 100], 80, [6, 10, 60]),
        ([6, 90, 100], 80, [6, 35, 35]),
        ([6, 30, 40], 20, [6, 20, 20]),  # no narrower: nobody could read it
    ],
)
def test_room_is_taken_from_the_widest_columns(widths, room, fitted):
    assert fitting(widths, room) == fitted
