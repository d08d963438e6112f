"""What every source of ticks promises: each record once, in its order, and a restart that goes on exactly behind what was taken."""

import json

import pytest

from engine.errors import SourceUnavailable
from engine.stream.sources import SOURCES
from tests.stream.sources.worlds import drained, rows


def all_rows(received):
    return [row for each in received for row in rows(each.records)]


def test_a_reader_gives_every_record_once_and_in_its_order(world):
    received = drained(world.source.open(world.session, None), len(world.expected))

    assert all_rows(received) == world.expected


def test_no_poll_gives_more_than_was_asked_for(world):
    received = drained(world.source.open(world.session, None), len(world.expected), size=3)

    assert max(len(each.records) for each in received) == 3


@pytest.mark.parametrize("taken", [1, 2, 4])
def test_a_reader_opened_later_goes_on_exactly_behind_a_position(world, taken):
    first = drained(world.source.open(world.session, None), 7 * taken)
    kept = json.loads(json.dumps(first[-1].position))
    rest = drained(world.source.open(world.session, kept), len(world.expected) - len(all_rows(first)))

    assert all_rows(first) + all_rows(rest) == world.expected
    assert len(kept) < 100


def test_a_record_that_cannot_be_read_comes_with_its_bytes_and_the_reason(world):
    received = drained(world.source.open(world.session, None), len(world.expected))
    unread = [it for each in received for it in each.records.unread]

    assert unread
    assert all(it.raw and it.reason for it in unread)


def test_each_record_says_when_it_was_taken_in(world):
    received = drained(world.source.open(world.session, None), len(world.expected))

    assert all(len(each.records.ingest) == len(each.records) and (each.records.ingest > 0).all() for each in received)


def test_at_the_end_a_poll_gives_nothing_and_the_position_stays(world):
    reader = world.source.open(world.session, None)
    last = drained(reader, len(world.expected))[-1]
    after = reader.poll(10, 0.01)

    assert (len(after.records), after.position) == (0, last.position)
    assert world.source.open(world.session, last.position).poll(10, 0.01).position == last.position


def test_a_source_says_what_it_is(world):
    assert world.source.name in {name.value for name in SOURCES}
    assert world.source.simulated == (world.source.name == "simulated")
    assert world.source.continuous == (world.source.name in {"kafka", "redis"})


def test_a_source_that_does_not_answer_may_be_asked_again(world, monkeypatch):
    if world.unavailable is None:
        pytest.skip("it reads no server")
    monkeypatch.setattr("engine.stream.sources.kafka.PATIENCE", 1.0)

    with pytest.raises(SourceUnavailable, match="does not answer") as raised:
        world.unavailable().open(world.session, None)
    assert raised.value.retryable
