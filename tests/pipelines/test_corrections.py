"""A person's correction is in the session of `daily_prices`, in every layer, until it is taken back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.errors import Conflict
from engine.market.daily_file import lines_of
from storage import dead_letters, runs
from storage.dead_letters import LetterFilter
from storage.lake import by_path
from storage.status import LetterState, Outcome, RunStatus
from tests.pipelines.house import DAILY, SUNDAY, House, daily_bytes, numbers
from tests.services.gate import letter

LINE, SYMBOL = 9, "S007"  # the header is line 1, and S000 line 2
FRIDAY = SUNDAY + timedelta(days=5)


def with_close(raw: bytes, close: str) -> str:
    cells = raw.decode().split(",")
    cells[6] = close
    return ",".join(cells)


def raw_line(house: House, line: int = LINE) -> bytes:
    path = next(row for row in house.catalog() if row[1] == "bronze" and row[2] == SUNDAY)[0]
    content = house.runtime.lake.read_bytes(house.read(by_path, path))
    return lines_of(content, "file", [line])[line]


@pytest.fixture
def refused(week) -> int:
    """The letter of a row of Sunday's session, as the gate would write it."""
    run = week.read(runs.newest_of, DAILY, SUNDAY)
    with week.runtime.database.transaction() as connection:
        found = [letter(LINE, raw_line(week), SUNDAY)]
        dead_letters.record(connection, run, run["source_sha256"], run["source_file"], found, at=week.clock.now(), blocked=False)
    (row,) = week.read(dead_letters.page, LetterFilter())
    return row["id"]


def close_of(house: House) -> Decimal:
    table = house.table("silver", SUNDAY)
    return table["close"][table["symbol"].to_pylist().index(SYMBOL)].as_py()


def test_a_corrected_line_is_replayed_into_silver_and_into_what_is_served(week, refused):
    before = close_of(week)
    submitted = week.services.edit_and_replay(refused, with_close(raw_line(week), "107.50"))
    week.work()
    run = week.found(submitted.run_id)

    assert (run["status"], run["outcome"], run["from_stage"]) == (RunStatus.SUCCEEDED, Outcome.REPLACED, "parsed")
    assert (before, close_of(week)) == (Decimal("107.00"), Decimal("107.50"))
    assert any(row[:2] == (SUNDAY, SYMBOL) and 10750 in row for row in week.prices())
    assert "corrections_applied" in [line["event"] for line in week.read(runs.log_of, run["id"])]


def test_every_later_run_of_the_same_bytes_applies_the_correction(week, refused):
    week.services.edit_letter(refused, with_close(raw_line(week), "107.50"))
    first = week.run(SUNDAY)
    second = week.run(SUNDAY)

    assert [run["outcome"] for run in (first, second)] == [Outcome.REPLACED, Outcome.UNCHANGED]
    assert close_of(week) == Decimal("107.50")


def test_another_file_of_the_date_is_read_as_it_came(week, refused):
    week.services.edit_letter(refused, with_close(raw_line(week), "107.50"))
    rows = numbers(0)
    rows[0][12] = "77"  # the number of trades of another symbol
    week.put(SUNDAY, daily_bytes(rows))
    week.run(SUNDAY)

    assert close_of(week) == Decimal("107.00")


def test_a_correction_that_is_taken_back_gives_the_lake_of_before(week, refused):
    before = week.lake_content()
    week.services.edit_and_replay(refused, with_close(raw_line(week), "107.50"))
    week.work()
    changed = week.lake_content()
    with week.runtime.database.transaction() as connection:  # what the gate will say of it
        run = week.read(runs.newest_of, DAILY, SUNDAY)
        dead_letters.record(connection, run, run["source_sha256"], run["source_file"], [], at=week.clock.now(), blocked=False)
    state = week.read(dead_letters.one, refused)["state"]
    week.services.undo_letter(refused)
    week.work()

    assert state == LetterState.EDITED
    assert changed != before
    assert week.lake_content() == before


def test_features_of_a_run_from_gold_are_never_made_from_rows_without_the_correction(week, refused):
    week.services.edit_letter(refused, with_close(raw_line(week), "107.50"))

    with pytest.raises(Conflict, match="corrected since"):
        week.services.rerun(week.read(runs.newest_of, DAILY, SUNDAY)["id"], from_stage="gold")


def test_a_torn_file_is_a_letter_until_the_source_has_mended_it(house):
    house.put(SUNDAY, b"\x1f\x8b torn")
    failed = house.run(SUNDAY)
    (file,) = house.read(dead_letters.page, LetterFilter())
    house.session(SUNDAY, 0)
    house.services.replay_letters([file["id"]])
    house.work()

    assert (failed["status"], file["reason"], file["source_sha256"]) == (RunStatus.FAILED, "UnreadableFile", failed["source_sha256"])
    assert house.read(dead_letters.one, file["id"])["state"] == LetterState.REPLAYED
    assert house.accepted() == [SUNDAY]
