"""What a session has received as it stands now, and which trades of a tape are not in it."""

from dataclasses import replace

import numpy as np
import pytest

from engine.stream.intake import Reason
from engine.stream.received import Decided, claims, gap, received
from engine.stream.records import Records
from engine.stream.ticks import Symbols, joined
from tests.stream.tapes import DAY, at, limits, symbols, tape

TAPE = tape((1, "NABIL", 50_000), (2, "NABIL", 49_000), (100, "NABIL", 50_100), (101, "NICA", 70_000))
ORDERLY, LATE = TAPE.take(np.array([0, 2, 3])), TAPE.take(slice(1, 2))


def judged(ticks, taken=(), **decided):
    return received(DAY, Records(ticks, symbols(), np.full(len(ticks), at(90_000))), limits(), Decided(frozenset(taken), **decided))


def missing(found) -> int:
    return sum(part.missing for part in found.completeness)


def test_a_late_trade_is_missing_until_it_is_taken_in():
    ticks = joined([ORDERLY, LATE])

    assert (missing(judged(ticks)), missing(judged(ticks, taken=[3]))) == (1, 0)


def test_of_two_late_copies_of_a_trade_one_can_be_taken_in_and_once_it_is_no_other():
    ticks = joined([ORDERLY, LATE, LATE])

    assert judged(ticks).takeable([3, 4]).tolist() == [3]
    assert judged(ticks, taken=[3]).takeable([4]).tolist() == []


def test_what_was_set_aside_for_its_stamp_is_not_taken_in_where_its_trade_is_there():
    ahead = joined([ORDERLY, tape((90_000, "NICA", 70_000), sequences=[4])])

    assert judged(ahead).reasons.tolist()[-1] == Reason.OUT_OF_HOURS
    assert judged(ahead).takeable([3]).tolist() == []
    with pytest.raises(ValueError, match="offset 0"):
        judged(ahead).takeable([0])


def test_what_comes_when_the_session_is_over_is_late_whatever_its_time():
    ticks = joined([ORDERLY.take(slice(2)), ORDERLY.take(slice(2, 3))])

    assert judged(ticks).reasons.tolist() == [0, 0, 0]
    assert judged(ticks, closed=2).reasons.tolist() == [0, 0, Reason.LATE]


def test_a_gap_tells_what_never_came_from_what_lies_in_the_log():
    found = gap(judged(joined([ORDERLY.take(slice(2)), LATE])), TAPE, symbols())

    assert (found.late.tolist(), found.lost.tolist()) == ([2], [3])


def test_a_late_record_that_says_something_else_than_the_tape_is_replayed_from_the_tape():
    other = tape((2, "NABIL", 48_000), sequences=[2])

    found = gap(judged(joined([ORDERLY, other])), TAPE, symbols())

    assert (found.late.tolist(), found.lost.tolist()) == ([], [1])


def test_what_a_person_has_put_away_is_no_gap():
    found = gap(judged(joined([ORDERLY, LATE])), TAPE, symbols(), put_away=[3])

    assert len(found) == 0


def test_the_symbols_of_a_tape_may_have_other_codes():
    names = Symbols(reversed(symbols().names))
    other = replace(TAPE, symbol=np.array([names.code(symbols().names[code]) for code in TAPE.symbol], np.uint16))

    assert gap(judged(joined([ORDERLY, LATE])), other, names).late.tolist() == [3]


def test_a_trade_of_the_tape_that_is_none_of_the_session_is_no_gap():
    outside = joined([TAPE, tape((90_000, "NICA", 70_000), sequences=[9])])

    assert len(gap(judged(joined([ORDERLY, LATE]), taken=[3]), outside, symbols())) == 0


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b'{"contractId":2024071701000002,"stockSymbol":"NABIL","contractQuantity":"n/a"}', ("NABIL", 2024071701000002)),
        (b",2024071701000002,,NABIL,1,2,x", ("NABIL", 2024071701000002)),
        (b'{"contractId":null,"stock', (None, None)),
        (b"\xff\xfe", (None, None)),
    ],
)
def test_bytes_that_cannot_be_read_still_tell_of_which_symbol_they_seem(raw, told):
    assert claims(raw, {"NABIL", "NICA"}) == told
