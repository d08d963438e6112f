"""Which past sessions have a whole tape of trades, and the tape itself, ready to be replayed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from engine.errors import NoFile, SourceMisconfigured, SourceUnavailable, UnreadableFile
from engine.market.floorsheet import MAX_BYTES, BadLine, read_floorsheet
from engine.runtime import Runtime
from engine.sources.simulated import SimulatedExchange
from engine.stream.sources.simulated import ticks_of_table
from engine.stream.ticks import Symbols, Ticks
from storage import sessions

FOLDER = "floorsheet"  # under the source's folder, beside daily/
_DATED = re.compile(r"(\d{4})[_-](\d{2})[_-](\d{2})\.csv(\.gz)?")
_SIMULATED = "the simulated exchange"


@dataclass(frozen=True, slots=True)
class Tape:
    """The trades of a session by (time, contract); `previous_closes` (paisa) come from its official rows, once those are loaded."""

    session: date
    origin: str  # the file's name, or the exchange that made them
    ticks: Ticks
    symbols: Symbols
    bad: Sequence[BadLine]  # lines that hold no trade
    previous_closes: Mapping[str, int]


def tape_days(runtime: Runtime) -> Sequence[date]:
    """Return the sessions of which there is a tape, oldest first; `SourceUnavailable` where the folder cannot be read now."""
    if isinstance(runtime.source, SimulatedExchange):
        return sorted(runtime.source.reference().control)
    return sorted(_files(runtime))


def tape_stamp(runtime: Runtime, day: date) -> tuple[int, ...]:
    """Return numbers that are others when the tape of a session or its official rows are."""
    path = None if isinstance(runtime.source, SimulatedExchange) else _file(runtime, day)
    with runtime.database.reading() as connection:
        accepted = sessions.one(connection, day)
    run = 0 if accepted is None else int(accepted["run_id"])
    if path is None:
        return (run,)
    try:
        stat = path.stat()
    except OSError as error:
        raise _gone(path, error) from error
    return run, stat.st_mtime_ns, stat.st_size


def read_tape(runtime: Runtime, day: date) -> Tape:
    """Return the tape of a session.

    Raises `NoFile` where there is none, `SourceMisconfigured` where two files claim it, `SourceUnavailable` where it cannot be read now,
    and `UnreadableFile` or `UnknownLayout` where it holds no trade that can be read, or those of another session.
    """
    closes = _previous_closes(runtime, day)
    if isinstance(runtime.source, SimulatedExchange):
        table = runtime.source.ticks(day) if day in runtime.source.reference().control else None
        if table is None or not table.num_rows:
            raise NoFile(f"The simulated exchange has no whole session on {day}.")
        symbols = Symbols()
        return Tape(day, _SIMULATED, ticks_of_table(table, symbols), symbols, (), closes)
    path = _file(runtime, day)
    if path is None:
        raise NoFile(f"There is no tape of {day}: no file {FOLDER}/{day}.csv.gz in {runtime.settings.source_dir}.")
    sheet = read_floorsheet(_read(path), path.name)
    if sheet.session != day:
        raise UnreadableFile(f"{path.name} is named for {day} and holds the trades of {sheet.session}. Rename it.")
    return Tape(day, path.name, sheet.ticks.in_order(), sheet.symbols, sheet.bad, closes)


def _previous_closes(runtime: Runtime, day: date) -> Mapping[str, int]:
    with runtime.database.reading() as connection:
        rows = sessions.served(connection, day)
    return {row["symbol"]: row["previous_close_paisa"] for row in rows if row["previous_close_paisa"]}


def _file(runtime: Runtime, day: date) -> Path | None:
    """Return the file of a session; raises `SourceMisconfigured` where two claim it."""
    found = _files(runtime).get(day, [])
    if len(found) > 1:
        raise SourceMisconfigured(f"Two files claim {day}: {found[0]} and {found[1]}. Take one of them away.")
    return found[0] if found else None


def _files(runtime: Runtime) -> dict[date, list[Path]]:
    """Return the files by their date; without the folder there are none."""
    root = runtime.settings.source_dir
    if root is None:
        return {}
    try:
        paths = sorted((root / FOLDER).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _gone(root / FOLDER, error) from error
    dated: dict[date, list[Path]] = {}
    for path in paths:
        if day := _date_of(path):
            dated.setdefault(day, []).append(path)
    return dated


def _date_of(path: Path) -> date | None:
    match = _DATED.fullmatch(path.name)
    try:
        return date(*map(int, match.groups()[:3])) if match else None
    except ValueError:
        return None  # other files in the folder are none of our business


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _gone(path, error) from error
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"{path.name} is larger than {MAX_BYTES >> 20} MB, which no floorsheet is. Ask the source for it again.")
    return content


def _gone(path: Path, error: OSError) -> SourceUnavailable:
    return SourceUnavailable(f"{path} cannot be read now ({error.strerror}). Is it mounted and readable?")
