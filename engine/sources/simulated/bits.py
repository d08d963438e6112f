"""Seeded randomness that is the same on every machine.

Only the raw 64-bit output of PCG64 is used, and after it integers and the IEEE operations `+ - * / sqrt`, which are exact everywhere.
No `exp`, `log` or library distribution: their last bit differs between machines. No sum of floats: its order does; sums are of integers.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SQRT_3 = 1.7320508075688772  # the sum of four uniforms has variance 4/12
_SIXTEEN = np.uint64(0xFFFF)


class Stream(IntEnum):
    """What a sequence of random bits is for; two streams never share bits."""

    LISTINGS = 1
    HOLIDAYS = 2
    MARKET = 3
    TRADES = 4
    TIMES = 5
    CONFIDENCE = 6
    FAULTS = 7
    TICK_FAULTS = 8
    EVENTS = 9


def raw_bits(seed: int, stream: Stream, *, key: int, count: int) -> Bits:
    """Return `count` raw 64-bit words that depend on nothing but seed, stream and key."""
    words: Bits = np.random.PCG64((seed, int(stream), key)).random_raw(count)
    return words


def part(bits: Bits, which: int) -> Ints:
    """Return the 16-bit part 0..3 of each word, 0..65535."""
    return ((bits >> np.uint64(16 * which)) & _SIXTEEN).astype(np.int64)


def uniform(bits: Bits) -> Floats:
    """Return one number in [0, 1) a word, on a grid of 2**-53."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(bits: Bits) -> Floats:
    """Return one nearly normal number a word (mean 0, deviation 1, never beyond 3.47): the sum of its four 16-bit parts."""
    total = part(bits, 0) + part(bits, 1) + part(bits, 2) + part(bits, 3)
    return (total - 131_070).astype(np.float64) / 65_536.0 * _SQRT_3
