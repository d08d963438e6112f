"""What the command line says of a corrected line before it is saved."""

from datetime import date

from engine.errors import ConsoleError
from engine.pipeline.context import TableCache
from engine.pipelines.recheck import Fate, Recheck, content_of, recheck
from engine.printing import complain
from engine.reconciling import received_now
from engine.runtime import Runtime
from engine.services.dead_letters import one_line
from engine.services.tick_letters import mended_from
from storage import dead_letters
from storage.moves import STREAM
from storage.status import LetterKind

_WORDS = {
    Fate.PASSES: "the row would pass",
    Fate.FLAGGED: "the row would pass, with a flag",
    Fate.REFUSED: "the row would be refused",
    Fate.UNREADABLE: "the line would be no row",
    Fate.DUPLICATE: "the row would be left out as a duplicate",
    Fate.UNKNOWN: "the row cannot be judged before its date is run",
}


def tell_fate(runtime: Runtime, letter_id: int, line: str) -> None:
    """Say on stderr what a letter's line would come to; nothing of a letter that has no line. `UsageError` where it is not one line."""
    raw = one_line(line)
    with runtime.database.reading() as connection:
        letter = dead_letters.one(connection, letter_id)
    if letter is None or letter["kind"] == LetterKind.FILE:
        return  # the command says why it cannot be corrected
    if letter["pipeline"] == STREAM:
        complain(f"As corrected {_of_the_stream(runtime, letter['partition'], raw)}.")
        return
    try:
        found = recheck(runtime, letter, raw, content=content_of(runtime, letter), cache=TableCache())
    except ConsoleError as error:
        found = Recheck(Fate.UNKNOWN, str(error))
    why = found.reason or ", ".join(f"{one['check']} (observed {one['observed']:g}, limit {one['bound']:g})" for one in found.found)
    complain(f"As corrected {_WORDS[found.fate]}{f': {why}' if why else '.'}")


def _of_the_stream(runtime: Runtime, session: date, line: bytes) -> str:
    """Say what becomes of a corrected record of the stream; the command itself raises what is wrong with it."""
    found = mended_from(received_now(runtime, session), line, at=runtime.clock.now())
    if found.twin is not None:
        return f"its trade is in the session already, from offset {found.twin:,}, and is not counted twice: {found.says}"
    new = "" if found.known else f"; {found.symbol} was not traded in this session so far"
    return f"the trade would come into the session: {found.says}{new}"
