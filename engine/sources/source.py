"""What a source of daily files is: the protocol that the pipeline talks to."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Protocol

from engine.market.reference import Reference


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One daily file, byte for byte as it came; `name` is the source's own name for it."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The fingerprint of the bytes, in hexadecimal."""
        return sha256(self.content).hexdigest()


class Source(Protocol):
    """Where daily files and what is known beside them come from.

    Every method raises `SourceUnavailable` when asking again later may help, and `SourceMisconfigured` when a person has to mend the setup.
    """

    @property
    def name(self) -> str:
        """The name it is chosen by in the settings."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether its data are made up, which every page then says."""
        ...

    def daily_file(self, day: date) -> SourceFile | None:
        """Return the file dated `day` (the date it was published, which is not always its session), or None if there is none.

        Raises `UnreadableFile` for one that is far larger than any daily file, without having read it whole, and `FileUnsettled` for one
        that is still being written.
        """
        ...

    def span(self) -> tuple[date, date] | None:
        """Return the first and the last date it holds a file of, or None while it is empty."""
        ...

    def reference(self) -> Reference:
        """Return what is known beside the daily files; cheap while nothing has changed."""
        ...
