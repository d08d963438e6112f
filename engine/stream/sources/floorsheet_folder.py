"""The floorsheets beside the daily files: which session has one, and what is in it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from engine.errors import NoFile, SourceMisconfigured, SourceUnavailable
from engine.market.floorsheet import MAX_BYTES, Floorsheet, read_floorsheet
from engine.market.unpack import too_large

_DATED = re.compile(r"(\d{4})[_-](\d{2})[_-](\d{2})\.csv(\.gz)?")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A floorsheet that was read, and the fingerprint of its bytes."""

    floorsheet: Floorsheet
    sha256: str


class FloorsheetFolder:
    """Floorsheets named `YYYY-MM-DD.csv.gz` (or `YYYY_MM_DD`, or not packed) in `floorsheet/` under a root; other files are left alone.

    Every method raises `SourceUnavailable` where the folder cannot be read now.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / "floorsheet"

    def sessions(self) -> Sequence[date]:
        """Return the dates that there are files of, oldest first; without the folder there are none."""
        return sorted(self._files())

    def path(self, session: date) -> Path:
        """Return the file of a session; `NoFile` where there is none, `SourceMisconfigured` where two claim it."""
        found = self._files().get(session, [])
        if not found:
            raise NoFile(f"There is no floorsheet of {session} in {self.folder} ({session}.csv.gz).")
        if len(found) > 1:
            raise SourceMisconfigured(f"Two files claim {session}: {found[0]} and {found[1]}. Take one of them away.")
        return found[0]

    def stamp(self, session: date) -> tuple[int, int]:
        """Return numbers that are others when the file of a session is; the errors are those of `path`."""
        path = self.path(session)
        try:
            stat = path.stat()
        except OSError as error:
            raise _gone(path, error) from error
        return stat.st_mtime_ns, stat.st_size

    def read(self, session: date) -> Sheet:
        """Return the floorsheet of a session.

        The errors are those of `path` and `read_floorsheet`, and `SourceMisconfigured` for a file that holds another session.
        """
        path = self.path(session)
        content = content_of(path)
        sheet = read_floorsheet(content, path.name)
        if sheet.session != session:
            raise SourceMisconfigured(
                f"{path} holds the trades of {sheet.session}, not those of {session}. Give it the name of its session."
            )
        return Sheet(sheet, sha256(content).hexdigest())

    def _files(self) -> Mapping[date, list[Path]]:
        try:
            paths = sorted(self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise _gone(self.folder, error) from error
        dated: dict[date, list[Path]] = {}
        for path in paths:
            if day := _date_of(path):
                dated.setdefault(day, []).append(path)
        return dated


def content_of(path: Path) -> bytes:
    """Return the bytes of a floorsheet; `UnreadableFile` where it is larger than any, `SourceUnavailable` where it cannot be read now."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _gone(path, error) from error
    if len(content) > MAX_BYTES:
        raise too_large(content, path.name, most=MAX_BYTES)
    return content


def _gone(path: Path, error: OSError) -> SourceUnavailable:
    return SourceUnavailable(f"{path} cannot be read now ({error.strerror or error}). Is it mounted and readable?")


def _date_of(path: Path) -> date | None:
    match = _DATED.fullmatch(path.name)
    try:
        return date(*map(int, match.groups()[:3])) if match else None
    except ValueError:
        return None
