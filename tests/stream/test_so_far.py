"""What pages read of a session's log: the same as the stream has made of it, whenever and however often they look."""

import numpy as np

from engine.stream.logs import log_of
from engine.stream.received import Decided
from engine.stream.so_far import SoFar
from storage import speed_layer
from tests.stream.session import MIXED, letter_id
from tests.stream.tapes import DAY, random_tape

CLOSES = {"NABIL": 50_000, "NICA": 48_000}


def so_far(stream, **how):
    return SoFar(log_of(stream.runtime), DAY, 5.0, lambda: CLOSES, **how)


def stored(stream, symbol):
    with stream.runtime.database.reading() as connection:
        rows = speed_layer.bars_of(connection, DAY, symbol)
    return [(row["start_us"], row["close_paisa"] or 0, row["volume"], row["turnover_paisa"], row["trades"]) for row in rows]


def made(session, symbol):
    bars = session.symbol(symbol).bars(60)
    columns = (bars["start"] * 60_000_000, bars["close"], bars["volume"], bars["turnover"], bars["trades"])
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_looked_at_again_and_again_it_is_what_the_stream_has_stored(stream):
    ticks, looked = random_tape(3, 900, seconds=1800), so_far(stream)
    for start in range(0, 900, 150):
        stream.take(ticks.take(slice(start, start + 150)))
        looked.refresh()
    stream.end()
    looked.refresh()
    at_last = so_far(stream).refresh()

    assert looked.closed
    assert made(looked, "NABIL") == made(at_last, "NABIL") == stored(stream, "NABIL")
    assert all(np.array_equal(mine, other, equal_nan=True) for mine, other in zip(looked.seconds(), at_last.seconds(), strict=True))


def test_what_was_set_aside_is_not_in_it_until_it_is_taken_in(stream):
    stream.take(MIXED)
    stream.end()
    before = made(so_far(stream).refresh(), "NABIL")
    stream.services.reinject_letters([letter_id(stream, 2)])

    after = made(so_far(stream, decided=Decided(taken=frozenset({2}))).refresh(), "NABIL")

    assert [bar[4] for bar in before] == [1, 1]
    assert [bar[4] for bar in after] == [2, 1]
    assert after == stored(stream, "NABIL")


def test_a_log_without_a_record_has_nothing_and_is_no_error(stream):
    nothing = so_far(stream).refresh()

    assert (made(nothing, "NABIL"), len(nothing.seconds().time)) == ([], 0)
