"""Tapes of trades for the stream's tests."""

from datetime import date

import numpy as np

from engine.clock import nepal_time
from engine.stream.contracts import first_id
from engine.stream.ticks import SECOND, Symbols, Ticks
from engine.thresholds import snapshot

DAY = date(2024, 7, 17)
OPENING = int(nepal_time(DAY, 11).timestamp()) * SECOND
NAMES = ("NABIL", "NICA", "HIDCL", "GBILD84/85")


def at(seconds: float) -> int:
    """Return an instant of `DAY`, so many seconds after the opening."""
    return OPENING + round(seconds * SECOND)


def tape(*trades: tuple[float, str, int] | tuple[float, str, int, int], sequences: list[int] | None = None) -> Ticks:
    """Return trades given as (seconds after the opening, symbol, paisa[, shares]), numbered in the order given."""
    full = [(*trade, 100)[:4] for trade in trades]
    numbers = sequences or list(range(1, len(full) + 1))
    return Ticks(
        np.array([first_id(DAY) + 1_000_000 + number for number in numbers], np.int64),
        np.array([at(trade[0]) for trade in full], np.int64),
        np.array([NAMES.index(trade[1]) for trade in full], np.uint16),
        np.array([trade[3] for trade in full], np.int64),
        np.array([trade[2] for trade in full], np.int64),
    )


def symbols() -> Symbols:
    """Return the codes that `tape` uses."""
    return Symbols(NAMES)


def limits(**changed: float):
    """Return thresholds; `stream__cooldown_s=0` stands for `stream.cooldown_s`."""
    return snapshot({key.replace("__", "."): value for key, value in changed.items()}, 0)


def random_tape(seed: int, count: int, *, seconds: float = 600, symbols: int = 4) -> Ticks:
    """Return trades in order, some at the same instant, some odd lots."""
    draw = np.random.default_rng(seed)
    time = OPENING + np.sort(draw.integers(0, int(seconds * 1000), count)) * 1000
    walk = 50_000 + np.cumsum(draw.integers(-200, 201, count)) * 10
    return Ticks(
        first_id(DAY) + 1_000_000 + np.arange(1, count + 1),
        time,
        draw.integers(0, symbols, count).astype(np.uint16),
        np.where(draw.random(count) < 0.1, 5, draw.integers(10, 1000, count)).astype(np.int64),
        np.maximum(walk, 1000),
    )
