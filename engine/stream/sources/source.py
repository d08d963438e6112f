"""What a source of ticks is: the protocol that the stream talks to."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from engine.stream.records import Records

Sleep = Callable[[float], None]  # waits for so many seconds


@dataclass(frozen=True, slots=True)
class Received:
    """What one poll gave; `position`, stored with what follows from the records, is where a reader goes on that is opened later."""

    records: Records
    position: str | None
    ended: bool = False  # nothing will ever come after these


class TickReader(Protocol):
    """Gives one session's records in the order of their arrival."""

    def poll(self, max_ticks: int, timeout: float) -> Received:
        """Return what there is, as soon as there is something, or nothing after `timeout` seconds.

        At most `max_ticks` records, more only where a message holds more. A reader that raised `SourceUnavailable` goes on at the next
        poll where it was. Raises `TicksGone` where records behind the position do not exist any more.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class TickSource(Protocol):
    """Where ticks come from.

    Every method raises `SourceUnavailable` when asking again later may help, and `SourceMisconfigured` when a person has to mend the setup.
    """

    @property
    def name(self) -> str:
        """The name it is chosen by in the settings."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether its ticks are made up, which every page then says."""
        ...

    @property
    def continuous(self) -> bool:
        """Whether one position leads through all sessions: then a new session begins where the one before has stopped."""
        ...

    def open(self, session: date, position: str | None) -> TickReader:
        """Return a reader that begins exactly behind `position`, which an earlier one gave, or at the beginning.

        Raises `NoFile` where there is nothing of that session, and never will be by itself.
        """
        ...
