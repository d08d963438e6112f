"""Letters are listed, paged and counted by index, whatever a person looks for."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from storage import dead_letters
from storage.dead_letters import LetterFilter
from storage.status import LetterKind
from tests.storage.letters import DAY, DISCARDED, EDITED, NOW, OPEN, PARKED, REPLAYED, fill, letter

FILTERS = [
    LetterFilter(),
    LetterFilter(states=(OPEN,)),
    LetterFilter(states=(OPEN, REPLAYED)),
    LetterFilter(reason="price_band"),
    LetterFilter(reason="price_band", states=(OPEN,)),
    LetterFilter(symbol="ADBL"),
    LetterFilter(symbol="ADBL", states=(OPEN, PARKED)),
    LetterFilter(kind=LetterKind.LINE),
    LetterFilter(since=DAY - timedelta(days=9)),
    LetterFilter(since=DAY - timedelta(days=9), until=DAY - timedelta(days=3), reason="stale", states=(OPEN,)),
]


@pytest.mark.parametrize("chosen", FILTERS, ids=str)
def test_pages_of_a_list_hold_each_letter_once_in_order(saw, database, chosen):
    fill(saw)
    with database.reading() as connection:
        whole = list(dead_letters.page(connection, chosen, limit=1000))
        paged: list = []
        while part := dead_letters.page(connection, chosen, paged[-1]["id"] if paged else None, 7):
            paged += part
        counted = dead_letters.counts_by_reason(connection, chosen)

    by_date = chosen.since is not None
    order = [(row["partition"] if by_date else DAY, row["id"]) for row in whole]
    assert [row["id"] for row in paged] == [row["id"] for row in whole]
    assert order == sorted(order, reverse=True)
    assert whole
    assert sum(counted.values()) == len(whole)
    assert all(chosen.reason in (None, row["reason"]) and chosen.symbol in (None, row["symbol"]) for row in whole)


@pytest.mark.parametrize("chosen", FILTERS, ids=str)
def test_no_page_sorts_or_reads_all_letters(saw, database, chosen):
    if database.dialect != "sqlite":
        pytest.skip("plans are read on SQLite")
    fill(saw)
    asked = []

    def remember(_connection, _cursor, statement, parameters, *_rest) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(database.pool, "before_cursor_execute", remember)
    with database.reading() as connection:
        dead_letters.page(connection, chosen, limit=7)
    event.remove(database.pool, "before_cursor_execute", remember)
    with database.reading() as connection:
        plans = [row[3] for one in asked for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one[0]}", one[1]).all()]

    assert [step for step in plans if "TEMP B-TREE" in step] == []
    newest_first = chosen in (LetterFilter(), LetterFilter(kind=LetterKind.LINE))  # ends after as many as it was asked for
    assert newest_first or [step for step in plans if step.startswith("SCAN")] == []


def test_letters_are_counted_by_state_and_the_dates_of_the_open_ones_are_known(saw, database):
    fill(saw)
    with database.transaction() as connection:
        (last,) = dead_letters.page(connection, LetterFilter(reason="ragged"), limit=1)
        dead_letters.discard(connection, last["id"], by="ram", at=NOW, note="no")
        counted = dead_letters.counts_by_state(connection)
        dates = dead_letters.waiting_dates(connection, LetterFilter(reason="ragged"))

    assert counted == {OPEN: 119, DISCARDED: 1, REPLAYED: 0, EDITED: 0, PARKED: 0}
    assert [row["partition"] for row in dates] == [DAY - timedelta(days=number) for number in range(38, -1, -1)]
    assert {(row["letters"], row["files"], row["decided_at"]) for row in dates} == {(1, 0, None)}


def test_a_list_shows_only_the_beginning_of_a_long_line_and_the_letter_has_the_whole(saw, database, kept):
    saw(letter(raw=b"x" * 100_000))
    with database.reading() as connection:
        (shown,) = dead_letters.page(connection, LetterFilter())

    assert (len(shown["raw"]), len(kept()[5]["raw"])) == (400, 100_000)
