"""What an alert rule is: a small function over the facts of the database that yields what is wrong now."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

from sqlalchemy import Connection

from engine.clock import nepal_date
from engine.market.calendar import TradingCalendar
from engine.runtime import Runtime
from engine.thresholds import Thresholds
from storage.status import AlertSeverity

LONGEST = 32  # characters of a subject: a silence names it too
MANY = "*"  # the subject of an alert that stands for many


@dataclass(frozen=True, slots=True)
class Firing:
    """Something that is wrong now: rule and subject are the key by which it is known again.

    `title` changes only when the alert has something new to say; what moves all the time stands in `detail`. `page` is the script
    that shows the cause, `query` what its address says.
    """

    rule: str
    subject: str
    severity: AlertSeverity
    title: str
    detail: str
    page: str
    query: Mapping[str, str] = field(default_factory=dict)
    members: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < len(self.subject) <= LONGEST:
            raise ValueError(f"rule {self.rule}: the subject {self.subject!r} is not 1 to {LONGEST} characters")

    @property
    def key(self) -> tuple[str, str]:
        """By which it is known again."""
        return self.rule, self.subject


@dataclass(frozen=True, slots=True)
class Look:
    """What a rule may look at."""

    connection: Connection
    runtime: Runtime
    limits: Thresholds
    now: datetime

    @property
    def today(self) -> date:
        """The date in Nepal."""
        return nepal_date(self.now)

    @property
    def calendar(self) -> TradingCalendar:
        """The exchange's calendar; a `SourceError` where the source does not tell it now."""
        return TradingCalendar(self.runtime.source.reference().calendar)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one subject; severity and page are those of its rule unless it says others."""

    subject: str
    title: str
    detail: str
    query: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None
    severity: AlertSeverity | None = None


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A registered rule; `says` is the docstring of its function."""

    name: str
    severity: AlertSeverity
    page: str  # that shows all of its subjects
    says: str
    find: Callable[[Look], Iterator[Finding]]
    of_channels: bool = False  # its subjects are channels that are out of reach: none is told of itself

    def firings(self, look: Look) -> list[Firing]:
        """Return what breaks it now; raises `SourceError` where that cannot be known now."""
        return [
            Firing(
                self.name, found.subject, found.severity or self.severity, found.title, found.detail, found.page or self.page, found.query
            )
            for found in self.find(look)
        ]


_registered: dict[str, AlertRule] = {}
ALERT_RULES: Mapping[str, AlertRule] = MappingProxyType(_registered)


Find = Callable[[Look], Iterator[Finding]]


def rule(severity: AlertSeverity, *, page: str, of_channels: bool = False) -> Callable[[Find], Find]:
    """Register a function as the rule of its name."""

    def register(find: Find) -> Find:
        if find.__name__ in _registered:
            raise ValueError(f"there are two alert rules called {find.__name__}")
        says = " ".join((find.__doc__ or "").split())
        _registered[find.__name__] = AlertRule(find.__name__, severity, page, says, find, of_channels)
        return find

    return register
