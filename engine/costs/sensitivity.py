"""Which input moves the bill most: each is turned down and up on its own, and sorted by how far the total goes (a tornado)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.errors import UsageError

Total = Callable[[Mapping[str, Decimal]], Decimal]


@dataclass(frozen=True, slots=True)
class Turn:
    """One input with the values between which it may lie."""

    name: str
    low: Decimal
    usual: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        if not self.low <= self.usual <= self.high:
            raise UsageError(f"{self.name} lies at {self.usual}, outside {self.low} to {self.high}")


@dataclass(frozen=True, slots=True)
class Swing:
    """What the total is with one input at its low and at its high end, all others as usual."""

    turn: Turn
    at_low: Decimal
    at_high: Decimal

    @property
    def width(self) -> Decimal:
        """How far the total goes between the two ends."""
        return abs(self.at_high - self.at_low)


def tornado(turns: Iterable[Turn], total: Total) -> tuple[Swing, ...]:
    """Return the swing of each input, the widest first; `total` takes the inputs that differ from usual."""
    found = [Swing(turn, total({turn.name: turn.low}), total({turn.name: turn.high})) for turn in turns]
    return tuple(sorted(found, key=lambda swing: (-swing.width, swing.turn.name)))


def around(name: str, usual: Decimal, *, share: Decimal = Decimal("0.2"), low: Decimal = Decimal(0), high: Decimal | None = None) -> Turn:
    """Return an input turned by a share of its usual value down and up, within its range."""
    down, up = max(usual * (1 - share), low), usual * (1 + share)
    return Turn(name, min(down, usual), usual, max(min(up, high) if high is not None else up, usual))
