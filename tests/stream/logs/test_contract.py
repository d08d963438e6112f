"""What every tick log promises: offsets count what was received, nothing is lost, and what was appended comes back as it was."""

from datetime import timedelta

import pytest

from engine.errors import TickLogError, TicksGone
from engine.stream.records import all_of, no_records
from engine.stream.ticks import SECOND, Symbols
from tests.stream.logs.made import NEXT, SESSION, START, records, rows


@pytest.fixture
def append(log, database):
    """Append records in a transaction of their own; returns the offset of the first."""

    def add(*parts, session=SESSION, **more):
        with database.transaction() as connection:
            first, *_ = [log.append(connection, session, part, **more) for part in parts]
        return first

    return add


@pytest.fixture
def close(log, database):
    """Close a session."""

    def end(session=SESSION):
        with database.transaction() as connection:
            log.close(connection, session)

    return end


@pytest.fixture(params=["open", "closed", "compacted"])
def settled(request, log, close):
    """Bring the session into each of the forms that it has in its life."""

    def settle():
        if request.param != "open":
            close()
        if request.param == "compacted":
            log.compact(SESSION)

    return settle


def everything(log, session=SESSION):
    return log.read(session, 0, 1_000_000).records


def test_records_come_back_as_they_were_appended(log, append, settled):
    parts = [records(0, 5, bad=[2]), records(5, 1), records(6, 4, names="DAB", bad=[0, 3])]

    assert [append(part) for part in parts] == [0, 5, 6]
    settled()
    assert rows(everything(log)) == [row for part in parts for row in rows(part)]


def test_any_range_can_be_read(log, append, settled):
    parts = [records(0, 5, bad=[4]), records(5, 1), records(6, 4, bad=[1])]
    append(*parts)
    settled()
    whole = [row for part in parts for row in rows(part)]

    for offset, limit in [(0, 1), (0, 10), (2, 6), (4, 1), (5, 100), (9, 1), (10, 5), (77, 1)]:
        batch = log.read(SESSION, offset, limit)
        assert (batch.base, rows(batch.records)) == (offset, whole[offset : offset + limit])


def test_a_record_that_could_not_be_read_has_an_offset_and_zeros(log, append, settled):
    append(records(0, 4, bad=[1]))
    settled()
    found = everything(log)

    assert [(it.row, it.raw, it.reason) for it in found.unread] == [(1, b"\xff{1", "broken 1")]
    assert (found.ticks.contract[1], found.ticks.rate[1], len(found.read())) == (0, 0, 3)


def test_records_none_of_which_can_be_read_are_kept_too(log, append, settled):
    append(records(0, 2, bad=[0, 1]))
    settled()

    assert rows(everything(log)) == [(b"\xff{0", "broken 0"), (b"\xff{1", "broken 1")]
    assert log.seek_time(SESSION, START) == 2


def test_a_symbol_keeps_its_code_for_the_whole_session(log, append, settled):
    append(records(0, 3, names="ABC"), records(3, 3, names="CBA"), records(6, 2, names="DA"))
    settled()
    found = everything(log)

    assert found.symbols.names == ["A", "B", "C", "D"]
    assert found.ticks.symbol.tolist() == [0, 1, 2, 2, 1, 0, 3, 0]


def test_a_source_may_use_the_symbols_of_the_session(log, append):
    own = log.symbols(SESSION)
    append(records(0, 3, symbols=own), records(3, 3, symbols=own, names="XYA"))

    assert (log.symbols(SESSION), everything(log).symbols) == (own, own)
    assert own.names == ["A", "B", "C", "X", "Y"]


def test_the_order_of_the_batches_is_all_that_a_reader_sees_of_them(log, append):
    whole = records(0, 30, bad=[7, 20])
    for start in range(0, 30, 4):
        append(whole.part(start, min(start + 4, 30)))

    assert rows(everything(log)) == rows(whole)


def test_sessions_do_not_know_each_other(log, append):
    append(records(0, 3))
    append(records(3, 2, names="Z"), session=NEXT)

    assert (log.state(SESSION).records, log.state(NEXT).records) == (3, 2)
    assert rows(everything(log, NEXT)) == rows(records(3, 2, names="Z"))
    assert list(log.sessions()) == [SESSION, NEXT]


def test_an_instant_leads_to_the_first_tick_at_or_after_it(log, append, settled):
    append(records(0, 2), records(6, 2, bad=[0]), records(2, 1), records(5, 1), records(6, 2))  # seconds 0 1 - 7 2 5 6 7
    settled()
    expected = {-5: 0, 0: 0, 1: 1, 2: 3, 6: 3, 7: 3, 8: 8}

    assert {second: log.seek_time(SESSION, START + second * SECOND) for second in expected} == expected


def test_nothing_is_there_before_the_first_append(log):
    assert (log.state(SESSION).records, len(everything(log)), log.seek_time(SESSION, START)) == (0, 0, 0)
    assert (log.position(SESSION, "engine"), log.lag(SESSION, "engine")) == (0, 0)


def test_each_group_of_readers_has_its_own_position_and_lag(log, append, database):
    append(records(0, 10))
    with database.transaction() as connection:
        log.commit(connection, SESSION, "engine", 7)
        log.commit(connection, SESSION, "page", 2)
        log.commit(connection, SESSION, "engine", 9)

    assert (log.position(SESSION, "engine"), log.lag(SESSION, "engine")) == (9, 1)
    assert (log.position(SESSION, "page"), log.lag(SESSION, "page")) == (2, 8)


def test_records_the_position_of_their_source_and_of_their_reader_are_there_together_or_not_at_all(log, append, database):
    append(records(0, 3), source="simulated", position="3")
    with pytest.raises(LookupError), database.transaction() as connection:  # noqa: PT012, the failure is inside the transaction
        log.append(connection, SESSION, records(3, 3, names="XYZ"), source="simulated", position="6")
        log.commit(connection, SESSION, "engine", 6)
        raise LookupError
    append(records(3, 2, names="PQ"), source="simulated", position="5")
    state = log.state(SESSION)

    assert (state.records, state.source, state.source_position) == (5, "simulated", "5")
    assert log.position(SESSION, "engine") == 0
    assert rows(everything(log)) == [*rows(records(0, 3)), *rows(records(3, 2, names="PQ"))]


def test_a_source_may_go_on_without_a_record(log, append):
    append(records(0, 3), source="redis", position="7-0")
    append(no_records(Symbols()), source="redis", position="9-0")

    assert (log.state(SESSION).records, log.state(SESSION).source_position) == (3, "9-0")


def test_a_closed_session_takes_nothing_more(log, append, close):
    append(records(0, 3))
    close()
    close()

    with pytest.raises(TickLogError, match="2024-07-17 of 'ticks' is closed; 2 records came after its end"):
        append(records(3, 2))
    assert log.state(SESSION).records == 3


@pytest.mark.parametrize("compacted", [True, False])
def test_what_a_closed_session_never_received_is_added_behind_its_end_with_new_symbols(log, append, close, database, compacted):
    parts = [records(0, 5, bad=[2]), records(5, 3, names="XYA"), records(8, 2, names="Q")]
    append(parts[0])
    close()
    if compacted:
        log.compact(SESSION)
    for part, offset in zip(parts[1:], (5, 8), strict=True):
        with database.transaction() as connection:
            assert log.supplement(connection, SESSION, part) == offset

    assert rows(everything(log)) == [row for part in parts for row in rows(part)]
    assert log.compact(SESSION).records == 10
    assert rows(everything(log)) == [row for part in parts for row in rows(part)]
    assert log.retain(NEXT) == [SESSION]  # with every version of its file


def test_a_session_that_is_not_closed_is_not_supplemented(log, append, database):
    append(records(0, 5))

    with pytest.raises(TickLogError, match="is not closed"), database.transaction() as connection:
        log.supplement(connection, SESSION, records(5, 1))


def test_only_a_closed_session_is_compacted(log, append):
    append(records(0, 3))

    with pytest.raises(TickLogError, match="is not closed"):
        log.compact(SESSION)


def test_compacting_again_changes_nothing(log, append, close):
    append(records(0, 3))
    close()

    assert log.compact(SESSION) == log.compact(SESSION) == log.state(SESSION)


def test_an_empty_session_can_be_closed_and_compacted(log, close):
    close()
    log.compact(SESSION)

    assert len(everything(log)) == 0


def test_retention_drops_old_sessions_that_were_compacted(log, append, close):
    for session in (SESSION, NEXT):
        append(records(0, 3), session=session)
        close(session)
    log.compact(SESSION)

    assert log.retain(NEXT + timedelta(days=1)) == [SESSION]
    assert log.retain(NEXT + timedelta(days=1)) == []
    with pytest.raises(TicksGone, match="the 3 records of 2024-07-17 in 'ticks' were dropped on 2025-06-01"):
        log.read(SESSION, 0, 1)
    assert (log.state(SESSION).records, len(everything(log, NEXT))) == (3, 3)


def test_retention_drops_what_was_never_compacted_only_when_asked_and_never_an_open_session(log, append, close):
    for session in (SESSION, NEXT):
        append(records(0, 3), session=session)
    close(SESSION)
    later = NEXT + timedelta(days=1)

    assert (log.retain(later), log.retain(SESSION, uncompacted=True)) == ([], [])
    assert log.retain(later, uncompacted=True) == [SESSION]
    assert len(everything(log, NEXT)) == 3


def test_parts_put_together_are_the_whole():
    whole = records(0, 9, bad=[0, 4, 8])

    assert rows(all_of([whole.part(0, 4), whole.part(4, 5), whole.part(5, 9)], whole.symbols)) == rows(whole)
