"""Signals reach a process whatever it does at that moment."""

import signal
import threading

import pytest

from engine.pipeline.interrupts import set_from_handler


@pytest.fixture
def event():
    told = threading.Event()
    before = signal.signal(signal.SIGUSR2, lambda *_: set_from_handler(told))
    yield told
    signal.signal(signal.SIGUSR2, before)


def test_an_event_is_set_by_a_signal_that_comes_while_its_lock_is_held(event):
    with event._cond:  # as in the middle of a wait, or of the handler of the signal before
        signal.raise_signal(signal.SIGUSR2)

    assert event.wait(30)
