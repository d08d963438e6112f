"""The daily batch: one file of every symbol's prices becomes one accepted session, or a reason why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection

from engine.clock import nepal_time
from engine.errors import FileUnsettled, NoFile, PartialFile, SessionBlocked, SourceUnavailable, UnbookedFile
from engine.market.daily_file import LineCounts, ParsedFile, none_rejected, parse, to_silver
from engine.market.money import one_array, paisa
from engine.market.rules import rules_on
from engine.market.verdict import FileKind, Judgement
from engine.pipeline.context import SourceNotReady, StageContext
from engine.pipeline.graph import Due, Pipeline
from engine.pipelines import gate
from engine.pipelines.booking import booking, brought_by, calendar_of, judge_file, left_behind
from engine.pipelines.carry import GOLD, LONGEST, SILVER, STATE, Carried, carry_forward
from engine.pipelines.corrections import digests
from engine.pipelines.session_measures import Measured, empty_cells, measures_of
from engine.quality.report import Conservation
from engine.sources.source import SourceFile
from storage import dead_letters, lake, sessions
from storage.lake import Version
from storage.status import GateVerdict, Outcome, Verdict

BRONZE, PARSED, REJECTED = "bronze", "parsed", "rejected"
LOOK_AGAIN = timedelta(minutes=5)
LOOK_SOON = timedelta(seconds=2)  # at a file that is being written
SETTLES = timedelta(minutes=15)  # after the close the source still changes its page
GIVE_UP_HOUR = 23  # Nepal time; a file that has not come by then is missing

daily_prices = Pipeline(
    name="daily_prices",
    summary="Every symbol's prices of a trading session: file, session, features, serving table.",
    due=Due(at=time(18, 0)),
    sequential=True,  # a file is judged against the session before it, and features carry on from it
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A daily file was seen."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class RawFile:
    """The bytes as they came, in bronze."""

    name: str
    version: Version


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """The typed rows of a file and the session that they were found to be."""

    name: str
    sha256: str
    layout: str
    lines: LineCounts
    rows: Version | None  # None where the file repeats a session that is in the lake
    rejected: Version | None
    session: date | None
    booked_by: str | None
    corrected: dict[int, str] = field(default_factory=dict)  # lines that a person has corrected, with the digest of what was put there
    verdict: Verdict | None = None  # on the date of the file, and why; None in a checkpoint of an older version
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What the gate let through: all rows but those of the lines that were set aside."""

    session: date
    verdict: GateVerdict
    lines: Conservation
    aside: tuple[int, ...]
    warned: int  # rows that pass with a flag


@dataclass(frozen=True, slots=True)
class SessionFile:
    """A session's rows in silver."""

    session: date
    sha256: str  # of the file
    layout: str
    booked_by: str | None
    silver: Version


@dataclass(frozen=True, slots=True)
class SessionFeatures:
    """A session with its features, every other session that changed with them, and those that the file brought before and does no more."""

    session: date
    own: Carried
    others: tuple[Carried, ...]
    left: tuple[date, ...]
    held: tuple[int, int] | None = None  # the run that found this, and its fence: another holder does not know what was changed since


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the run did to the serving table."""

    session: date
    outcome: Outcome
    rows: int


@daily_prices.stage(attempts=4, timeout=timedelta(seconds=30))
def check_source(context: StageContext) -> Notice:
    """Wait for the file of the date, and for its session to be over."""
    day, now = context.day, context.now()
    over = nepal_time(day, *_clock(rules_on(day).hours.closes_on(day))) + SETTLES
    if now < over:
        raise SourceNotReady(f"the session of {day} is not over yet", until=over)
    file = _daily_file(context)
    if file is not None:
        return Notice(file.name, file.sha256, len(file.content))
    expectation = calendar_of(context).expected(day)
    if now < _gives_up(day):
        raise SourceNotReady(f"the source has no file of {day} yet", until=min(now + LOOK_AGAIN, _gives_up(day)))
    if expectation.trading:
        raise NoFile(f"the source has no file of {day}, and a session is expected ({expectation.reason}): rerun the date once it is there")
    reason = f"closed: {expectation.reason}; the source has no file of that date"
    context.note(verdict=Verdict.NO_SESSION, reason=reason)
    context.end_run(reason, succeeded=False)
    return Notice("", "", 0)


@daily_prices.stage(attempts=4, timeout=timedelta(seconds=30))
def bronze(check_source: Notice, context: StageContext) -> RawFile:
    """Keep the bytes as they came (bronze)."""
    file = _daily_file(context)
    if file is None:
        raise SourceUnavailable(f"{check_source.name} was there a moment ago and is gone")
    suffix = ".csv.gz" if file.name.endswith(".gz") else ".csv"
    version, _ = context.publish(BRONZE, context.day, lake.bytes_content(file.content, suffix=suffix))
    context.note(source_file=file.name, source_sha256=file.sha256)
    return RawFile(file.name, version)


@daily_prices.stage()
def parsed(bronze: RawFile, context: StageContext) -> JudgedFile:
    """Type the rows, and find out which session they are."""
    corrections = context.query(dead_letters.corrections, daily_prices.name, context.day, bronze.version.sha256)
    if corrections:
        context.log.info("corrections_applied", lines=sorted(corrections))
    file = parse(context.content(bronze.version), bronze.name, corrections=corrections)
    context.commit_with(lambda connection: _files_were_read(connection, context.run))
    context.meter.rows_out = file.rows.num_rows
    context.note(layout=file.layout, rows=file.rows.num_rows)
    _measure(context, empty_cells(file.rows, file.layout))
    brought = brought_by(context, bronze.version.sha256)
    booked = booking(context, brought)
    judgement = judge_file(context, file, brought, booked)
    findings = {"evidence": [item.as_json() for item in judgement.evidence], "layout": file.layout, "rows": file.rows.num_rows}
    if judgement.kind is FileKind.PARTIAL:
        raise PartialFile(judgement.reason, findings=findings)
    if judgement.kind is FileKind.UNCLEAR:
        raise UnbookedFile(judgement.reason, findings=findings)
    session = judgement.session_date
    verdict = _verdict(context, judgement)
    reason = f"{judgement.reason} A session of {context.day} itself has not come." if verdict is Verdict.MISSING else judgement.reason
    context.note(verdict=verdict, session_date=session, reason=reason, evidence=findings["evidence"])
    by, applied = booked.by if booked else None, digests(corrections)
    judged = JudgedFile(file.name, bronze.version.sha256, file.layout, file.lines, None, None, session, by, applied, verdict, reason)
    if judgement.kind is FileKind.NO_SESSION:
        _wait_for_todays(context, judgement)
        left = left_behind(context, brought, keep=None)
        _take_out(context, left, carry_forward(context, dict.fromkeys(left)) if left else ())
        context.end_run(judgement.reason, succeeded=False)
        return judged
    rows, _ = context.publish_table(PARSED, context.day, file.rows, schema_version=file.layout)
    return replace(judged, rows=rows, rejected=_keep_rejected(context, file))


@daily_prices.stage()
def quality(bronze: RawFile, parsed: JudgedFile, context: StageContext) -> CheckedFile:
    """Judge every row and the session by the catalogue of checks; set bad rows aside, hold back a session that is bad as a whole."""
    session, rows = _booked(parsed)
    rejected = context.table(parsed.rejected.path) if parsed.rejected else None
    file = gate.Parsed(
        session, parsed.name, parsed.sha256, parsed.layout, parsed.lines, context.table(rows.path), rejected, parsed.corrected
    )
    report = gate.judged(context, file)
    aside = gate.write_down(context, file, report, bronze.version)
    context.meter.rows_in, context.meter.rows_out = file.rows.num_rows, report.lines.loaded
    if report.verdict is GateVerdict.BLOCKED:
        said = f"the session of {session} is blocked: {report.reason}. Approve it, reject it, or rerun its date."
        context.end_run(error=SessionBlocked(said))
    return CheckedFile(session, report.verdict, report.lines, aside, len(report.flagged))


@daily_prices.stage()
def silver(parsed: JudgedFile, quality: CheckedFile, context: StageContext) -> SessionFile:
    """Keep one typed row a (session, symbol) (silver)."""
    session, rows = _booked(parsed)
    table = gate.without(context.table(rows.path), quality.aside)
    file = ParsedFile(parsed.name, table, none_rejected(), parsed.layout, parsed.lines)
    typed = to_silver(file, session)
    version, _ = context.publish_table(SILVER, session, typed, schema_version=parsed.layout)
    context.meter.rows_in, context.meter.rows_out = table.num_rows, typed.num_rows
    return SessionFile(session, parsed.sha256, parsed.layout, parsed.booked_by, version)


@daily_prices.stage(timeout=LONGEST)
def gold(silver: SessionFile, context: StageContext) -> SessionFeatures:
    """Compute the features, of this session and of each later one that they change (gold)."""
    return _features(silver, context)


def _features(silver: SessionFile, context: StageContext) -> SessionFeatures:
    table = context.table(silver.silver.path)
    left = left_behind(context, brought_by(context, silver.sha256), keep=silver.session)
    made = {item.session: item for item in carry_forward(context, dict.fromkeys(left) | {silver.session: table})}
    own = made.pop(silver.session)
    context.meter.rows_in, context.meter.rows_out = table.num_rows, table.num_rows
    if made:
        context.log.info("other_sessions_recomputed", sessions=len(made))
    return SessionFeatures(silver.session, own, tuple(made.values()), left, context.holder)


@daily_prices.stage(timeout=LONGEST)
def loaded(silver: SessionFile, gold: SessionFeatures, context: StageContext) -> Loaded:
    """Accept the session and serve its prices: upsert by (session, symbol)."""
    if gold.held != context.holder:
        gold = _features(silver, context)
    table = context.table(silver.silver.path)
    before = context.query(sessions.one, silver.session)
    same = before is not None and (before["silver_path"], before["gold_path"]) == (silver.silver.path, gold.own.gold.path)
    outcome = Outcome.UNCHANGED if same else Outcome.REPLACED if before is not None else Outcome.LOADED
    context.meter.rows_in, context.meter.rows_out = table.num_rows, 0 if same else table.num_rows
    if not same:
        accepted = _accepted(context, silver, gold, table)
        served = _served(table)

        def write(connection: Connection) -> None:
            sessions.accept(connection, **accepted)
            sessions.serve(connection, silver.session, served)

        context.commit_with(write)
    waited = (gold.own,) if same and before["state_digest"] != gold.own.digest else ()
    _take_out(context, gold.left, (*waited, *gold.others))
    if silver.session != context.day:  # its own file may have been unusable: the session has come with this one
        late = {**context.run, "partition": silver.session}
        context.commit_with(lambda connection: _files_were_read(connection, late))
    context.note(outcome=outcome)
    if same:
        context.log.info("unchanged", why=f"the same input as before: {table.num_rows} rows of {silver.session} stand as they are")
    return Loaded(silver.session, outcome, table.num_rows)


@daily_prices.stage()
def report(
    parsed: JudgedFile, quality: CheckedFile, silver: SessionFile, gold: SessionFeatures, loaded: Loaded, context: StageContext
) -> dict[str, float]:
    """Measure the session that the run brought, and say what becomes of its date: an earlier run may have called it failed."""
    verdict = parsed.verdict or (Verdict.SESSION if silver.session == context.day else Verdict.NO_SESSION)
    context.note(verdict=verdict, session_date=silver.session, reason=parsed.reason or f"the session of {silver.session}")
    table = context.table(silver.silver.path)
    measures = [
        Measured("rows", "rows", loaded.rows),
        Measured("quarantined_rows", "rows", quality.lines.quarantined),
        Measured("duplicate_rows", "rows", quality.lines.duplicates),
        Measured("warned_rows", "rows", quality.warned),
        *measures_of(table, context.table(gold.own.gold.path)),
    ]
    _measure(context, measures)
    context.meter.rows_in = table.num_rows
    return {one.name: float(one.value) for one in measures}


def _measure(context: StageContext, measures: Sequence[Measured]) -> None:
    for one in measures:
        context.measure(one.name, one.value, one.unit)


def _daily_file(context: StageContext) -> SourceFile | None:
    try:
        file = context.runtime.source.daily_file(context.day)
    except FileUnsettled as error:
        raise SourceNotReady(str(error), until=context.now() + LOOK_SOON) from error
    if file is not None:
        context.meter.received(len(file.content))
    return file


def _files_were_read(connection: Connection, run: Mapping[Any, Any]) -> None:
    dead_letters.resolve_files(connection, run)


def _verdict(context: StageContext, judgement: Judgement) -> Verdict:
    """Say what the file makes of its own date: a late file fills another date and leaves its own closed, or missing."""
    if judgement.kind is FileKind.NO_SESSION:
        return Verdict.NO_SESSION
    if judgement.session_date == context.day:
        return Verdict.SESSION
    return Verdict.MISSING if calendar_of(context).expected(context.day).trading else Verdict.NO_SESSION


def _wait_for_todays(context: StageContext, judgement: Judgement) -> None:
    """Look again while the source still shows the session before on a day that should have one of its own."""
    expectation = calendar_of(context).expected(context.day)
    now = context.now()
    if expectation.trading and now < _gives_up(context.day) and not context.run["book_to"]:
        reason = f"the source still shows the session of {judgement.session_date}, and one of {context.day} is expected"
        raise SourceNotReady(reason, until=min(now + LOOK_AGAIN, _gives_up(context.day)))


def _keep_rejected(context: StageContext, file: ParsedFile) -> Version | None:
    if file.rejected.num_rows:
        return context.publish_table(REJECTED, context.day, file.rejected)[0]
    if context.query(lake.current, REJECTED, context.day) is not None:
        context.withdraw(REJECTED, context.day)  # the file was mended
    return None


def _take_out(context: StageContext, left: tuple[date, ...], others: tuple[Carried, ...]) -> None:
    """Take sessions out of the accepted ones, and point the others to what they are without them."""
    for session in left:
        context.log.warning("session_taken_out", session=str(session), why="the file of this date is another session now")
        for dataset in (SILVER, GOLD, STATE, gate.FINDINGS, gate.QUARANTINE):
            context.withdraw(dataset, session)

    def write(connection: Connection) -> None:
        for session in left:
            sessions.forget(connection, session)
        for item in others:
            sessions.point_to_gold(connection, item.session, gold_path=item.gold.path, state_digest=item.digest)

    if left or others:
        context.commit_with(write)


def _booked(file: JudgedFile) -> tuple[date, Version]:
    if file.session is None or file.rows is None:
        raise UnbookedFile(f"{file.name} is booked to no session")
    return file.session, file.rows


def _accepted(context: StageContext, silver: SessionFile, gold: SessionFeatures, table: pa.Table) -> dict[str, Any]:
    return {
        "session": silver.session,
        "run_id": context.run["id"],
        "file_date": context.day,
        "source": context.runtime.source.name,
        "simulated": context.runtime.simulated,
        "layout": silver.layout,
        "rows": table.num_rows,
        "trades": pc.sum(table["trades"]).as_py() or 0,
        "volume": pc.sum(table["volume"]).as_py() or 0,
        "turnover_paisa": int((pc.sum(table["turnover"]).as_py() or 0) * 100),
        "silver_path": silver.silver.path,
        "gold_path": gold.own.gold.path,
        "state_digest": gold.own.digest,
        "booked_by": silver.booked_by,
        "accepted_at": context.now(),
    }


_MONEY = ("open", "high", "low", "close", "last_price", "vwap", "previous_close", "turnover")


def _served(table: pa.Table) -> dict[str, list[Any]]:
    """Return the columns of the serving table, money in paisa."""
    served: dict[str, list[Any]] = {"session": table["session"].slice(0, 1).to_pylist() * table.num_rows}
    served |= {"symbol": table["symbol"].to_pylist()}
    served |= {name: _with_none(table[name], one_array(table[name]).fill_null(0).to_numpy()) for name in ("volume", "trades")}
    return served | {f"{name}_paisa": _with_none(table[name], paisa(table[name])) for name in _MONEY}


def _with_none(column: pa.ChunkedArray, values: NDArray[np.int64]) -> list[int | None]:
    """Return the values of a column as Python's numbers, None where it has none."""
    listed: list[int | None] = values.tolist()
    if column.null_count:
        known = column.is_valid().to_pylist()
        return [value if here else None for value, here in zip(listed, known, strict=True)]
    return listed


def _gives_up(day: date) -> datetime:
    return nepal_time(day, GIVE_UP_HOUR)


def _clock(at: time) -> tuple[int, int]:
    return at.hour, at.minute
