"""Judges any daily file without storing anything: neither home, database nor folder is made, and those that are there are only read."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from engine.clock import Clock, nepal_date
from engine.errors import DataError, LakeError, UnreadableFile, UsageError
from engine.features.state import FeatureState
from engine.market.daily_file import ParsedFile, parse
from engine.market.defects import DUPLICATES
from engine.market.reference import Reference
from engine.pipeline.context import TableCache
from engine.pipelines.carry import state_before
from engine.quality.check import CHECKS, Check, Severity, rule_book
from engine.quality.report import QualityReport, judge
from engine.quality.sample import FEWEST_KNOWN, History, Sample
from engine.settings import Settings, SourceName
from engine.sources.folder import DailyFolder, read_daily_file
from engine.sources.source import SourceFile
from engine.thresholds import SPECS, snapshot, validated
from storage import sessions
from storage.database import open_read_only
from storage.lake import Lake, LakeFileLost
from storage.migrate import HEAD, schema_version
from storage.packs import Catalogued

UNREADABLE = "unreadable"  # the verdict of a file that cannot be judged at all
_DATED = re.compile(r"(\d{4})[_-](\d{2})[_-](\d{2})")
_COLUMNS = ("line", "symbol", "check", "severity", "observed", "limit", "score", "above", "explained", "column", "defect", "reason")


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be judged, and by what."""

    path: Path
    session: date | None = None
    turned: Mapping[str, float] = field(default_factory=dict)
    source_dir: Path | None = None


def turned(settings: Sequence[str]) -> dict[str, float]:
    """Return the thresholds of `KEY=VALUE` texts; `UsageError` says what is wrong with one."""
    values = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set takes KEY=VALUE, not {text!r}; python -m engine checks lists the keys")
        values[key.strip()] = validated(key.strip(), value)
    return values


def check_file(question: Question, settings: Settings, clock: Clock) -> dict[str, Any]:
    """Return everything that the checks say of a file, fit for JSON.

    A file that cannot be read at all has the verdict `unreadable`, the error in a sentence and, where known, the line.
    """
    found: dict[str, Any] = {"file": str(question.path), "sha256": None, "layout": None}
    session, by = _session(question, clock)
    found |= {"session": session, "session_from": by, "notes": [] if by != "today" else [_TODAY]}
    try:
        file = _read(question.path)
        found["sha256"] = file.sha256
        parsed = parse(file.content, file.name)
    except DataError as error:
        return found | {"verdict": UNREADABLE, "error": str(error), "error_type": type(error).__name__, "line": error.line}
    reference = _reference(question, settings)
    history, said = _history(settings, session, parsed)
    sample = Sample(session, parsed.rows, parsed.layout, parsed.lines, reference, history)
    report = judge(sample, snapshot(question.turned, 0))
    return found | {
        "layout": parsed.layout,
        "notes": [*found["notes"], said],
        "verdict": report.verdict,
        "reason": report.reason,
        "lines": asdict(report.lines) | {"holds": report.lines.holds},
        "thresholds": dict(question.turned),
        "checks": [_result(result) for result in report.results],
        "rows": _rows(report, sample, parsed),
    }


_TODAY = "neither --session nor the file's name says the session: the rules of today are taken"


def _session(question: Question, clock: Clock) -> tuple[date, str]:
    if question.session is not None:
        return question.session, "option"
    for numbers in _DATED.findall(question.path.name):
        try:
            return date(*map(int, numbers)), "name"
        except ValueError:
            continue  # the digits are no date
    return nepal_date(clock.now()), "today"


def _read(path: Path) -> SourceFile:
    try:
        return read_daily_file(path)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror or error}.") from error


def _reference(question: Question, settings: Settings) -> Reference:
    folder = question.source_dir
    if folder is not None and not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; --source-dir takes the folder that holds calendar/, control/, index/ and so on")
    if folder is None and settings.source is SourceName.FILES:
        folder = settings.source_dir
    return DailyFolder(folder).reference() if folder is not None else Reference()


@dataclass(frozen=True, slots=True)
class _Home:
    """The past as a look from outside sees it."""

    connection: Connection
    lake: Lake
    cache: TableCache = field(default_factory=TableCache)

    def query(self, read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return read(self.connection, *arguments, **options)

    def table(self, path: str) -> pa.Table:
        try:
            return self.lake.read_table(path)
        except LakeFileLost as error:
            raise LakeError(str(error)) from error


@contextmanager
def _home(settings: Settings) -> Iterator[_Home | None]:
    """Give the home that the settings name, to be read only; None where there is none of this version."""
    database = open_read_only(settings.url)
    if database is None:
        yield None
        return
    try:
        if schema_version(database) != HEAD:
            yield None
        else:
            with database.reading() as connection:
                yield _Home(connection, Lake(settings.lake, Catalogued(database.reading)))
    finally:
        database.close()


def _history(settings: Settings, session: date, file: ParsedFile) -> tuple[History, str]:
    """Return what the home knows of the sessions before, and a sentence about it; nothing where it is a home of another market."""
    home = settings.home
    try:
        with _home(settings) as past:
            newest = past.query(sessions.last_before, session) if past is not None else None
            if past is None or newest is None:
                return History(), f"no session before {session} is known: {home} holds none"
            state = state_before(past, newest)
    except (SQLAlchemyError, LakeError) as error:
        return History(), f"no session before {session} is known: {home} cannot be read ({error})"
    if not _same_market(state, file):
        return History(), f"no session before {session} is known: {home} holds another market"
    return History(state, newest["layout"]), f"judged against the session of {newest['session']} in {home}"


def _same_market(state: FeatureState, file: ParsedFile) -> bool:
    known = pc.sum(pc.is_in(file.rows["symbol"], value_set=state.symbols)).as_py() or 0
    return bool(known >= FEWEST_KNOWN * file.rows.num_rows)


def _result(result: Any) -> dict[str, Any]:
    check: Check = result.check
    return {
        "id": check.id,
        "version": check.version,
        "scope": check.scope,
        "severity": check.severity,
        "status": result.status,
        "applicable": result.applicable,
        "warned": result.warned,
        "failed": result.failed,
        "explained": result.explained,
        "rate": result.rate,
        "worst": result.worst,
        "observed": result.observed,
        "bound": result.bound,
        "limits": {"warn_above": result.warn_above, "error_above": result.error_above},
        "reason": result.reason,
        "unit": check.unit,
        "words": check.summary,
        "fingerprint": result.fingerprint,
    }


def _rows(report: QualityReport, sample: Sample, parsed: ParsedFile) -> list[dict[str, Any]]:
    """Return one entry a finding and one a line that was not loaded, by line."""
    rules, found = rule_book(report.thresholds), report.findings
    warn, error = rules.warn_above[found.check], rules.error_above[found.check]
    checks, lines = list(CHECKS), sample.rows["line"]
    shown = np.flatnonzero((found.row >= 0) & (found.score > np.minimum(warn, error)))
    findings = (
        {
            "line": lines[int(found.row[at])].as_py(),
            "symbol": sample.symbols[int(found.row[at])].as_py(),
            "check": checks[found.check[at]],
            "severity": Severity.ERROR if found.score[at] > error[at] else Severity.WARN,
            "observed": float(found.observed[at]),
            "limit": float(found.bound[at]),
            "score": float(found.score[at]),
            "above": float(error[at] if found.score[at] > error[at] else warn[at]),
            "explained": bool(found.explained[at]),
        }
        for at in shown
    )
    unloaded = (
        {
            "line": row["line"],
            "symbol": row["symbol"],
            "check": "symbols_unique" if row["defect"] in DUPLICATES else "lines_readable",
            "severity": Severity.WARN if row["defect"] in DUPLICATES else Severity.ERROR,
            "explained": False,
            "column": row["column"],
            "defect": row["defect"],
            "reason": row["reason"],
        }
        for row in parsed.rejected.to_pylist()
    )
    every = [dict.fromkeys(_COLUMNS) | row for row in (*findings, *unloaded)]
    return sorted(every, key=lambda row: row["line"])


def catalogue() -> list[dict[str, Any]]:
    """Return every check in words, with the thresholds that can be turned."""
    return [
        {
            "id": check.id,
            "version": check.version,
            "scope": check.scope,
            "severity": check.severity,
            "unit": check.unit,
            "words": check.summary,
            "explanation": check.explanation,
            "parameters": [
                {name: getattr(spec, name) for name in ("key", "default", "low", "high", "step", "unit")}
                for key, spec in SPECS.items()
                if key.rpartition(".")[0] == check.id
            ],
        }
        for check in CHECKS.values()
    ]
