"""One trade at a time, for a program that reacts to each: the same sums that batches give, at a tenth of their speed."""

from collections import defaultdict, deque
from dataclasses import dataclass, field

from engine.stream.ticks import SECOND


@dataclass(slots=True)
class _Panes:
    """The seconds of one symbol in which it was traded: [second, sum of prices, trades] each; and their sums."""

    panes: deque[list[int]] = field(default_factory=deque)
    total: int = 0
    number: int = 0


class OneByOne:
    """The trailing window of every symbol; each trade must be later than those of its symbol before, or as late."""

    def __init__(self, window: int) -> None:
        self.window = window  # seconds
        self._symbols: defaultdict[int | str, _Panes] = defaultdict(_Panes)

    def add(self, symbol: int | str, time_us: int, rate: int) -> tuple[int, int]:
        """Add a trade (microseconds since 1970, paisa); return the sum of prices and the number of the trades in the window before it."""
        second = time_us // SECOND
        mine = self._symbols[symbol]
        panes = mine.panes
        oldest = second - self.window
        while panes and panes[0][0] < oldest:
            _, total, number = panes.popleft()
            mine.total -= total
            mine.number -= number
        before = mine.total, mine.number
        if panes and panes[-1][0] == second:
            last = panes[-1]
            last[1] += rate
            last[2] += 1
        else:
            panes.append([second, rate, 1])
        mine.total += rate
        mine.number += 1
        return before
