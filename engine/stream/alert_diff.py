"""What two replays of one session alert on: in one alone, in the other alone, in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.stream.alerts import StreamAlert


class Side(StrEnum):
    """In which of two replays an alert is."""

    ONLY_A = "only in A"
    ONLY_B = "only in B"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class SidedAlert:
    """An alert and where it is; of one in both, as B has it."""

    side: Side
    alert: StreamAlert


@dataclass(frozen=True, slots=True)
class AlertDiff:
    """The alerts of both, by the time at which they fired."""

    alerts: Sequence[SidedAlert]

    def count(self, side: Side) -> int:
        """Return how many alerts are on a side."""
        return sum(one.side is side for one in self.alerts)

    def of(self, *, symbol: str | None, rule: str | None) -> "AlertDiff":
        """Return those of a symbol and of a rule, each where one is given; the market's alerts stand for no symbol."""
        return AlertDiff([one for one in self.alerts if symbol in (None, one.alert.symbol) and rule in (None, one.alert.rule)])


def alert_diff(a: Sequence[StreamAlert], b: Sequence[StreamAlert]) -> AlertDiff:
    """Compare two lists of alerts by their keys: the same rule and version, symbol and second."""
    in_a, in_b = {alert.key for alert in a}, {alert.key for alert in b}
    sided = [SidedAlert(Side.ONLY_A, alert) for alert in a if alert.key not in in_b]
    sided += [SidedAlert(Side.BOTH if alert.key in in_a else Side.ONLY_B, alert) for alert in b]
    return AlertDiff(sorted(sided, key=lambda one: by_time(one.alert)))


def by_time(alert: StreamAlert) -> tuple[int, int, str, str]:
    """Return what alerts are sorted by: when they fired, then what began them."""
    return alert.fired, alert.contract, alert.rule, alert.symbol
