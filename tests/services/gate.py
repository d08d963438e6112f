"""A pipeline for tests whose gate fails the lines that a test names, and a home that works it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import RowMapping

from engine.errors import SessionBlocked, UnreadableFile
from engine.pipeline.context import StageContext
from engine.pipeline.graph import Pipeline
from engine.pipelines.corrections import digests
from storage import dead_letters
from storage import quality as decisions
from storage.dead_letters import Letter, LetterFilter
from storage.status import Decision, LetterKind, LetterState, Verdict
from tests.pipelines.house import House

TRIAL = "trial"
SHA = "a" * 64
FILE = "2024_06_02.csv"


@dataclass
class Gate:
    """What the trial's stages find."""

    failing: dict[int, bytes] = field(default_factory=dict)  # line -> its bytes; a corrected one passes
    blocks: bool = False
    unreadable: bool = False
    sha256: str = SHA
    seen: list[dict[int, bytes]] = field(default_factory=list)  # the corrections that each reading applied
    before: Callable[[StageContext], None] = lambda _context: None  # the gate judges

    def pipeline(self) -> Pipeline:
        """Return a pipeline of four stages."""
        trial = Pipeline(TRIAL, "For tests of commands.", sequential=True)

        @trial.stage()
        def bronze(context: StageContext) -> str:
            context.note(source_file=FILE, source_sha256=self.sha256)
            return self.sha256

        @trial.stage()
        def parsed(bronze: str, context: StageContext) -> dict[str, Any]:
            if self.unreadable:
                raise UnreadableFile("torn")
            found = context.query(dead_letters.corrections, TRIAL, context.day, bronze)
            self.seen.append(found)
            context.commit_with(lambda connection: _nothing(dead_letters.resolve_files(connection, context.run)))
            context.note(verdict=Verdict.SESSION, session_date=context.day, reason="a session")
            return {"sha256": bronze, "rows": "somewhere", "corrected": digests(found)}

        @trial.stage()
        def quality(parsed: dict[str, Any], context: StageContext) -> int:
            self.judge(parsed, context)
            return len(self.failing)

        @trial.stage()
        def silver(quality: int) -> int:
            return quality

        return trial

    def judge(self, parsed: dict[str, Any], context: StageContext) -> None:
        """Fail the lines that are not corrected, and hold the session if this gate does."""
        self.before(context)
        corrected = {int(line): digest for line, digest in parsed["corrected"].items()}
        found = [letter(line, raw, context.day) for line, raw in self.failing.items() if line not in corrected]
        decision = context.query(decisions.decision_for, TRIAL, context.day, parsed["sha256"])
        blocked = self.blocks and (decision is None or decision["decision"] != Decision.APPROVE)

        def write(connection) -> None:
            options = {"at": context.now(), "blocked": blocked, "corrected": corrected}
            dead_letters.record(connection, context.run, parsed["sha256"], FILE, found, **options)

        context.commit_with(write)
        if blocked:
            context.end_run(error=SessionBlocked("too many rows were set aside"))


def _nothing(_: int) -> None:
    return None


def letter(line: int, raw: bytes, day: date) -> Letter:
    """Return a row that a check refused."""
    return Letter(LetterKind.ROW, line, f"S{line:03d}", "price_band", None, "moved too far", raw, None, day, "quality")


def letters(house: House, **chosen: Any) -> dict[tuple[date, int], RowMapping]:
    """Return the letters there are, by date and line."""
    rows = house.read(dead_letters.page, LetterFilter(**chosen), limit=1000)
    return {(row["partition"], row["line"]): row for row in rows}


def states(house: House) -> dict[int, LetterState]:
    """Return the state of each line's letter; for tests with one date."""
    return {line: LetterState(row["state"]) for (_, line), row in letters(house).items()}
