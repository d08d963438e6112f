"""What processes say of themselves, one line a fact: written with one system call, so that kill -9 leaves a line whole or none.

It is the harness's own record. What is noted here as done was told to the caller before the kill, so it must be found afterwards.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Journal:
    """A file that any number of processes append to."""

    handle: int

    @classmethod
    def opened(cls, file: Path) -> "Journal":
        """Open it, a new one where there is none."""
        return cls(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))

    def note(self, what: str, **facts: Any) -> None:
        """Append one fact."""
        os.write(self.handle, dumps({"what": what, "pid": os.getpid(), **facts}).encode() + b"\n")


class Reader:
    """Reads on where it stopped."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self.facts: list[Mapping[str, Any]] = []

    def news(self) -> Iterator[Mapping[str, Any]]:
        """Return what was added since the last look."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        found = [loads(line) for line in whole.splitlines()]
        self.facts += found
        yield from found
