"""What a corrected line would come to, before it is saved: its file is read and judged as a run would, and nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow.compute as pc

from engine.errors import DataError, LakeError, UsageError
from engine.market.daily_file import ParsedFile, parse
from engine.market.defects import DUPLICATES
from engine.pipeline.context import RunLog, StageContext, TableCache
from engine.pipelines import gate
from engine.quality.check import CHECKS, rule_book
from engine.quality.report import QualityReport, above
from engine.runtime import Runtime
from storage import dead_letters, letter_list, thresholds
from storage.lake import LakeFileLost
from storage.status import GateVerdict, LetterKind


class Fate(StrEnum):
    """What would become of the line."""

    PASSES = "passes"
    FLAGGED = "flagged"  # it passes, with a warning
    REFUSED = "refused"  # a check sets it aside
    UNREADABLE = "unreadable"  # it is no row
    DUPLICATE = "duplicate"  # the symbol has another line in the file
    UNKNOWN = "unknown"  # it cannot be judged here; the reason says why


@dataclass(frozen=True, slots=True)
class Recheck:
    """The fate of a line, why, and each rule that speaks against it: check, observed, bound, score, and whether it refuses."""

    fate: Fate
    reason: str = ""
    found: tuple[Mapping[str, Any], ...] = ()
    values: Mapping[str, Any] | None = None  # as they would be stored, by column
    verdict: GateVerdict | None = None  # of the whole session with this line in it

    @property
    def passes(self) -> bool:
        """Whether the row would be in the session."""
        return self.fate in (Fate.PASSES, Fate.FLAGGED)


def content_of(runtime: Runtime, letter: Mapping[Any, Any]) -> bytes:
    """Return the bytes that a letter came in, as they came; `LakeError` when they are not kept or damaged."""
    with runtime.database.reading() as connection:
        version = letter_list.bronze_of(connection, letter["partition"], letter["source_sha256"])
    if version is None:
        raise LakeError(f"the bytes of {letter['source_file']} are not in the lake; rerun its date to fetch them again")
    try:
        return runtime.lake.read_bytes(version)
    except LakeFileLost as lost:
        raise LakeError(str(lost)) from lost


def recheck(runtime: Runtime, letter: Mapping[Any, Any], line: bytes, *, content: bytes, cache: TableCache) -> Recheck:
    """Judge a letter's file with `line` in its place and every other correction that stands, by the thresholds of now."""
    if letter["kind"] == LetterKind.FILE or letter["session"] is None:
        return Recheck(Fate.UNKNOWN, "the session of the file is not known")
    with runtime.database.reading() as connection:
        file_of = (letter["pipeline"], letter["partition"], letter["source_sha256"])
        lines = dead_letters.corrections(connection, *file_of) | {letter["line"]: line}
        try:
            file = parse(content, letter["source_file"], corrections=lines)
        except (DataError, UsageError) as error:
            return Recheck(Fate.UNREADABLE, str(error))
        bad = _rejected(file, letter["line"])
        if bad is not None:
            return bad
        run: Any = {"pipeline": letter["pipeline"], "partition": letter["partition"], "threshold_version": thresholds.version(connection)}
        context = StageContext(run, runtime, RunLog(0, runtime.clock.now), cache, lambda: connection)
        parsed = gate.Parsed(letter["session"], file.name, letter["source_sha256"], file.layout, file.lines, file.rows, file.rejected, {})
        return _judged(file, gate.judged(context, parsed), letter["line"])


def _rejected(file: ParsedFile, number: int) -> Recheck | None:
    for row in file.rejected.filter(pc.equal(file.rejected["line"], number)).to_pylist():
        return Recheck(Fate.DUPLICATE if row["defect"] in DUPLICATES else Fate.UNREADABLE, row["reason"])
    return None


def _judged(file: ParsedFile, report: QualityReport, number: int) -> Recheck:
    at = np.flatnonzero(file.rows["line"].to_numpy() == number)
    if not len(at):
        return Recheck(Fate.UNREADABLE, "the line is blank")
    row, found, rules = int(at[0]), report.findings, rule_book(report.thresholds)
    refuses, warns = above(found, rules.error_above), above(found, rules.warn_above)
    names = list(CHECKS)
    listed = tuple(
        {
            "check": names[found.check[place]],
            "observed": float(found.observed[place]),
            "bound": float(found.bound[place]),
            "score": float(found.score[place]),
            "refuses": bool(refuses[place]),
        }
        for place in np.flatnonzero((found.row == row) & (refuses | warns))
    )
    fate = Fate.REFUSED if any(one["refuses"] for one in listed) else Fate.FLAGGED if listed else Fate.PASSES
    values = {name: value for name, value in file.rows.slice(row, 1).to_pylist()[0].items() if name != "line"}
    return Recheck(fate, found=listed, values=values, verdict=report.verdict)
