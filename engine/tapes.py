"""Which past sessions have a whole tape of trades, and the tape itself, ready to be replayed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engine.errors import NoFile
from engine.market.floorsheet import BadLine
from engine.runtime import Runtime
from engine.sources.simulated import SimulatedExchange
from engine.stream.sources.floorsheet_folder import FloorsheetFolder
from engine.stream.sources.simulated import ticks_of_table
from engine.stream.ticks import Symbols, Ticks
from storage import sessions

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
    sheets = _sheets(runtime)
    return sheets.sessions() if sheets is not None else ()


def tape_stamp(runtime: Runtime, day: date) -> tuple[int, ...]:
    """Return numbers that are others when the tape of a session or its official rows are."""
    with runtime.database.reading() as connection:
        accepted = sessions.one(connection, day)
    run = 0 if accepted is None else int(accepted["run_id"])
    sheets = None if isinstance(runtime.source, SimulatedExchange) else _sheets(runtime)
    try:
        return (run,) if sheets is None else (run, *sheets.stamp(day))
    except NoFile:
        return (run,)


def read_tape(runtime: Runtime, day: date) -> Tape:
    """Return the tape of a session; `NoFile` where there is none, else the errors of `FloorsheetFolder.read`."""
    closes = _previous_closes(runtime, day)
    if isinstance(runtime.source, SimulatedExchange):
        table = runtime.source.ticks(day) if day in runtime.source.reference().control else None
        if table is None or not table.num_rows:
            raise NoFile(f"The simulated exchange has no whole session on {day}.")
        symbols = Symbols()
        return Tape(day, _SIMULATED, ticks_of_table(table, symbols), symbols, (), closes)
    sheets = _sheets(runtime)
    if sheets is None:
        raise NoFile(f"There is no tape of {day}: set NEPSE_SOURCE_DIR to the folder that holds floorsheet/{day}.csv.gz.")
    sheet = sheets.read(day).floorsheet
    return Tape(day, sheet.name, sheet.ticks.in_order(), sheet.symbols, sheet.bad, closes)


def _sheets(runtime: Runtime) -> FloorsheetFolder | None:
    return None if runtime.settings.source_dir is None else FloorsheetFolder(runtime.settings.source_dir)


def _previous_closes(runtime: Runtime, day: date) -> Mapping[str, int]:
    with runtime.database.reading() as connection:
        rows = sessions.served(connection, day)
    return {row["symbol"]: row["previous_close_paisa"] for row in rows if row["previous_close_paisa"]}
