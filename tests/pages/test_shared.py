"""Values that visitors share: read once, handed out as they are, and read anew when they are old or forgotten."""

from threading import Barrier, Thread

import pytest

from pages.ui import data
from pages.ui import shared as module
from pages.ui.data import IDLE
from pages.ui.shared import forget, shared


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """A monotonic clock that is told the time."""
    time = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: time[0])
    return time


@pytest.fixture
def asked(clock) -> list[object]:
    return []


@pytest.fixture
def read(asked):
    @shared(seconds=4, entries=2)
    def answer(number: int, *, limit: int = 5) -> tuple[int, int]:
        asked.append(number)
        return number, limit

    return answer


def test_a_value_is_read_once_and_is_the_same_object_for_everybody(read, asked):
    assert read(1) is read(1)
    assert asked == [1]


def test_other_arguments_are_another_value(read):
    assert read(1, limit=2) == (1, 2)
    assert read(1, limit=3) == (1, 3)


def test_a_value_grows_old(read, asked, clock):
    read(1)
    clock[0] += 4
    read(1)

    assert asked == [1, 1]


def test_the_oldest_value_makes_room(read, asked):
    for number in (1, 2, 3, 2, 1):
        read(number)

    assert asked == [1, 2, 3, 1]


def test_what_was_forgotten_is_read_anew(read, asked):
    read(1)
    forget()
    read(1)

    assert asked == [1, 1]


def test_an_error_is_not_kept(clock):
    answers = iter([OSError("away"), 7])

    @shared(seconds=4, entries=1)
    def read() -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with pytest.raises(OSError, match="away"):
        read()

    assert read() == 7


def test_many_who_ask_at_once_make_one_read(asked):
    together = Barrier(8)

    @shared(seconds=4, entries=1)
    def read() -> int:
        asked.append("read")
        return 7

    def ask() -> None:
        together.wait()
        read()

    visitors = [Thread(target=ask) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()

    assert asked == ["read"]


@pytest.mark.parametrize(("state", "pace"), [("healthy", IDLE), ("backfill_running", 1.0)])
def test_parts_are_drawn_often_only_while_runs_are_on_their_way(open_store, state, pace):
    open_store(state)

    assert data.pace(1.0) == pace
