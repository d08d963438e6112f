"""What befalls the processes of a campaign: drawn once from a seed, half of it at any instant and half at the named points in turn."""

import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice

from tests.crash.points import NAMES, POINTS


@dataclass(frozen=True, slots=True)
class Strike:
    """One kill -9, or one stop that lasts until somebody else has the run; without a point at an instant that nobody chose."""

    sign: signal.Signals
    point: str | None
    draw: float  # between 0 and 1: how late in the time, or in the passings, that one process is given

    @property
    def role(self) -> str:
        """Whom it befalls."""
        return self.point.partition(":")[0] if self.point else "runner"


@dataclass(slots=True)
class Strikes:
    """Those that are to come, and those that came."""

    kills: int
    stops: int
    seed: int
    left: list[Strike] = field(default_factory=list)
    came: list[Strike] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)  # noqa: S311, the same strikes in every run of a seed
        at_points = list(islice(cycle(NAMES), max(self.kills // 2, len(NAMES)) if self.kills else 0))
        stopped_at = [None, "runner: before a stage commits"]
        self.left = [Strike(signal.SIGKILL, point, chance.random()) for point in at_points]
        self.left += [Strike(signal.SIGKILL, None, chance.random()) for _ in range(self.kills - len(at_points))]
        self.left += [Strike(signal.SIGSTOP, stopped_at[number % 2], chance.random()) for number in range(self.stops)]
        chance.shuffle(self.left)

    def take(self, wanted: Callable[[Strike], bool]) -> Strike | None:
        """Take the next one that is so, or None."""
        for strike in self.left:
            if wanted(strike):
                self.left.remove(strike)
                return strike
        return None

    def of(self, role: str) -> list[Strike]:
        """Return those that are to come for one role."""
        return [strike for strike in self.left if strike.role == role]

    def table(self) -> Iterator[tuple[str, int]]:
        """Return how many came in time, and at each named point."""
        killed = [strike.point for strike in self.came if strike.sign is signal.SIGKILL]
        yield "at any instant", killed.count(None)
        for role, points in POINTS.items():
            for point in points:
                yield f"{role}: {point}", killed.count(f"{role}: {point}")
