"""Dead letters: what did not pass, kept as it came; written by runs, decided by people, listed for pages.

A letter is one physical line of one file (date and sha256). A run writes what it found in the transaction that commits its stage, so a
letter is never doubled and never lost, and whatever a person decides meanwhile is seen by it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import (
    Connection,
    LargeBinary,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)

from storage.prepared import Prepared
from storage.status import LetterKind, LetterState, RunType
from storage.tables import DeadLetter

letters = DeadLetter.__table__

MOST_LETTERS = 10_000  # of one file
MOST_TRIES = 5  # replays that a letter may fail before it is parked
WAITING = (LetterState.OPEN, LetterState.PARKED)
SYSTEM = "system"
WHOLE_FILE = 0  # the line of a letter that is a file
MOST_COUNTED = 100_000  # a count beyond says no more than "many"
_AT_ONCE = 500  # ids of one statement
_PREVIEW = 400  # bytes of a line that a list shows; a line may have megabytes

_of_date = (letters.c.pipeline == bindparam("pipeline"), letters.c.partition == bindparam("partition"))
_of_file = (*_of_date, letters.c.source_sha256 == bindparam("sha256"))
_columns = ("id", "source_sha256", "line", "kind", "state", "tries", "decided_by", "resolved_run_id", "edited_raw", "asked")
# Whoever decides about one of them at this moment is waited for; SQLite, whose one writer is alone, leaves FOR UPDATE out.
_known = Prepared(select(*(letters.c[name] for name in _columns)).where(*_of_date).with_for_update())
_corrections = Prepared(
    select(letters.c.line, letters.c.edited_raw).where(
        *_of_file, letters.c.edited_raw.is_not(None), letters.c.state != LetterState.DISCARDED
    )
)
_resolve_files = Prepared(
    update(letters)
    .where(
        letters.c.pipeline == bindparam("b_pipeline"),
        letters.c.partition == bindparam("b_partition"),
        letters.c.kind == LetterKind.FILE,
        letters.c.state.in_(WAITING),
    )
    .values(state=LetterState.REPLAYED, resolved_run_id=bindparam("b_run_id"))
)
_add = insert(letters)
_of_each = {state: select(letters.c.id).where(letters.c.state == state).limit(MOST_COUNTED).subquery() for state in LetterState}
_by_state = union_all(*(select(literal(state.value), func.count()).select_from(some) for state, some in _of_each.items()))


@dataclass(frozen=True, slots=True)
class Letter:
    """What a stage found wrong with one line: `raw` as it came, `parsed` by column where it could be read."""

    kind: LetterKind
    line: int
    symbol: str | None
    reason: str
    checks: Sequence[Mapping[str, Any]] | None
    message: str
    raw: bytes | None
    parsed: Mapping[str, Any] | None
    session: date | None
    stage: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What `record` did."""

    new: int = 0
    again: int = 0  # known before, and failed again
    parked: int = 0  # of those again: for the last time
    edited: int = 0  # passed with a person's correction
    replayed: int = 0  # passed as they were
    superseded: int = 0  # of a file that the source has changed since
    left_out: int = 0  # new, beyond the most that are kept of one file


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are listed; with dates the list goes by date, otherwise by letter, newest first in both."""

    states: tuple[LetterState, ...] = ()
    reason: str | None = None
    symbol: str | None = None
    since: date | None = None
    until: date | None = None
    kind: LetterKind | None = None
    pipeline: str | None = None


def record(  # noqa: PLR0913, all of it is needed to tell one line from another
    connection: Connection,
    run: Mapping[Any, Any],
    sha256: str,
    source_file: str,
    found: Sequence[Letter],
    *,
    at: datetime,
    blocked: bool,
    corrected: Mapping[int, str] | None = None,
) -> Counts:
    """Bring the letters of a run's date up to what the run found, `found` being every line that failed.

    A letter that did not fail has passed, unless the session is `blocked`: as a person corrected it, or as it was. `corrected` says which
    corrections the run has applied (line and `digest`); without it, those that stand now. What a person changed too late for the run
    stays open: what is in the session is not what stands now.
    """
    known = _known.all(connection, {"pipeline": run["pipeline"], "partition": run["partition"]})
    if not known and not found:
        return Counts()
    mine = {row["line"]: row for row in known if row["source_sha256"] == sha256 and row["kind"] != LetterKind.FILE}
    failed = {letter.line: letter for letter in found}
    again = [(mine[line], letter) for line, letter in failed.items() if line in mine]
    new = [letter for line, letter in failed.items() if line not in mine]
    kept = new[: max(MOST_LETTERS - len(mine), 0)]
    add(connection, run, sha256, source_file, kept, at=at)
    parked = _see_again(connection, run, again, at=at)
    passed = [] if blocked else [row for line, row in mine.items() if line not in failed and row["state"] in WAITING]
    edited, replayed = _resolve(connection, run["id"], passed, corrected)
    superseded = [row["id"] for row in known if row["source_sha256"] != sha256 and row["state"] in WAITING]
    _supersede(connection, superseded, at=at)
    return Counts(len(kept), len(again), parked, edited, replayed, len(superseded), len(new) - len(kept))


def add(connection: Connection, run: Mapping[Any, Any], sha256: str, source_file: str, new: Sequence[Letter], *, at: datetime) -> None:
    """Write letters that are known to be new."""
    if new:
        connection.execute(_add, [fresh(run, sha256, source_file, letter, at=at) for letter in new])


def fresh(run: Mapping[Any, Any], sha256: str, source_file: str, letter: Letter, *, at: datetime) -> dict[str, Any]:
    """Return a letter as its table holds it when it is new."""
    file = {"pipeline": run["pipeline"], "partition": run["partition"], "source_file": source_file, "source_sha256": sha256}
    seen = {"run_id": run["id"], "first_run_id": run["id"], "first_seen": at, "last_seen": at, "tries": 0, "asked": False}
    return file | seen | _said(letter) | {"state": LetterState.OPEN, "kind": letter.kind, "line": letter.line, "raw": letter.raw}


def _said(letter: Letter) -> dict[str, Any]:
    """Return what a run says of a line, which a later run may say otherwise."""
    return {
        "session": letter.session,
        "symbol": letter.symbol[:32] if letter.symbol else None,
        "stage": letter.stage,
        "reason": letter.reason[:48],
        "checks": None if letter.checks is None else list(letter.checks),
        "message": letter.message.replace("\0", "\\0"),  # PostgreSQL keeps no NUL in a text
        "parsed": None if letter.parsed is None else dict(letter.parsed),
    }


def _see_again(connection: Connection, run: Mapping[Any, Any], again: Sequence[tuple[Mapping[str, Any], Letter]], *, at: datetime) -> int:
    """Write that letters failed again; return how many were parked by it."""
    if not again:
        return 0
    moved = [_after_failing(row, replay=run["run_type"] == RunType.REPLAY and bool(row["asked"])) for row, _ in again]
    rows = [
        _said(letter)
        | {"id": row["id"], "run_id": run["id"], "last_seen": at, "kind": letter.kind, "state": state, "tries": tries, "asked": False}
        | {"resolved_run_id": None if state in WAITING else row["resolved_run_id"]}
        for (row, letter), (state, tries) in zip(again, moved, strict=True)
    ]
    _change(connection, rows)
    back = [row["id"] for row, _ in again if row["state"] == LetterState.DISCARDED and row["decided_by"] == SYSTEM]
    _change(connection, [{"id": letter_id, "decided_by": None, "decided_at": None, "note": None} for letter_id in back])
    return sum(
        state is LetterState.PARKED and row["state"] != LetterState.PARKED for (row, _), (state, _) in zip(again, moved, strict=True)
    )


def _after_failing(row: Mapping[str, Any], *, replay: bool) -> tuple[LetterState, int]:
    """Return the state and the tries of a letter that failed again in a `replay` of it; what a person has put away stays there.

    What the system put away comes back: the source shows the file of before again.
    """
    state, tries = LetterState(row["state"]), row["tries"]
    if state is LetterState.PARKED or (state is LetterState.DISCARDED and row["decided_by"] != SYSTEM):
        return state, tries
    if replay and state is LetterState.OPEN:
        tries += 1
        return (LetterState.PARKED if tries >= MOST_TRIES else LetterState.OPEN), tries
    return LetterState.OPEN, tries


def _resolve(
    connection: Connection, run_id: int, passed: Sequence[Mapping[str, Any]], corrected: Mapping[int, str] | None
) -> tuple[int, int]:
    """Write that letters passed; return how many with a correction and how many as they were."""
    now = {row["id"]: digest(row["edited_raw"]) if row["edited_raw"] is not None else None for row in passed}
    true = [row["id"] for row in passed if corrected is None or corrected.get(row["line"]) == now[row["id"]]]
    edited = [letter_id for letter_id in true if now[letter_id] is not None]
    replayed = [letter_id for letter_id in true if now[letter_id] is None]
    resolved = {"resolved_run_id": run_id, "asked": False}
    _change(connection, [{"id": letter_id, "state": LetterState.EDITED} | resolved for letter_id in edited])
    _change(connection, [{"id": letter_id, "state": LetterState.REPLAYED} | resolved for letter_id in replayed])
    return len(edited), len(replayed)


def _supersede(connection: Connection, ids: Sequence[int], *, at: datetime) -> None:
    decided = {"state": LetterState.DISCARDED, "decided_by": SYSTEM, "decided_at": at, "note": "the source's file has changed since"}
    _change(connection, [{"id": letter_id} | decided for letter_id in ids])


def _change(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write these columns of the letters that `id` names; all rows have the same columns."""
    if rows:
        values = [{f"new_{name}": value for name, value in row.items()} for row in rows]
        connection.execute(_changing(tuple(rows[0])), values)


@cache
def _changing(columns: tuple[str, ...]) -> Any:
    changed: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns if name != "id"}
    return update(letters).where(letters.c.id == bindparam("new_id")).values(changed)


def digest(raw: bytes) -> str:
    """Return what a checkpoint remembers of a correction."""
    return hashlib.sha256(raw).hexdigest()[:16]


def corrections(connection: Connection, pipeline: str, partition: date, sha256: str) -> dict[int, bytes]:
    """Return, by line, what people have put in the place of lines of these bytes."""
    asked = {"pipeline": pipeline, "partition": partition, "sha256": sha256}
    return {row["line"]: bytes(row["edited_raw"]) for row in _corrections.all(connection, asked)}


def add_file(connection: Connection, run: Mapping[Any, Any], *, stage: str, error_type: str, message: str, at: datetime) -> None:
    """Keep the file of a run as a letter: it could not be used as a whole."""
    sha256 = run["source_sha256"] or ""
    letter = Letter(LetterKind.FILE, WHOLE_FILE, None, error_type, None, message, None, None, None, stage)
    known = _known.all(connection, {"pipeline": run["pipeline"], "partition": run["partition"]})
    files = [row for row in known if row["kind"] == LetterKind.FILE]
    same = [(row, letter) for row in files if row["source_sha256"] == sha256]
    if same:
        _see_again(connection, run, same, at=at)
    else:
        add(connection, run, sha256, run["source_file"] or "", [letter], at=at)
    _supersede(connection, [row["id"] for row in files if row["source_sha256"] != sha256 and row["state"] in WAITING], at=at)


def resolve_files(connection: Connection, run: Mapping[Any, Any]) -> int:
    """Write that the file of a run's date could be used after all; return how many letters that resolves."""
    asked = {"b_pipeline": run["pipeline"], "b_partition": run["partition"], "b_run_id": run["id"]}
    return _resolve_files.write(connection, asked)


def ask(connection: Connection, ids: Sequence[int]) -> None:
    """Have the next replay of their dates count as a try of these letters: it is not one of the other letters of those dates."""
    for start in range(0, len(ids), _AT_ONCE):
        connection.execute(update(letters).where(letters.c.id.in_(ids[start : start + _AT_ONCE])).values(asked=True))


def edit(connection: Connection, letter_id: int, raw: bytes, *, by: str, at: datetime) -> bool:
    """Put `raw` in the place of a line from the next run on; say whether the letter was in a state that allows it."""
    allowed = (*WAITING, LetterState.EDITED)
    return _decide(connection, letter_id, allowed, edited_raw=raw, state=LetterState.OPEN, tries=0, decided_by=by, decided_at=at)


def discard(connection: Connection, letter_id: int, *, by: str, at: datetime, note: str) -> bool:
    """Put a letter away; say whether it was in a state that allows it."""
    return _decide(connection, letter_id, WAITING, state=LetterState.DISCARDED, decided_by=by, decided_at=at, note=note)


def reopen(connection: Connection, letter_id: int, *, by: str, at: datetime) -> bool:
    """Undo `discard`; say whether there was one to undo."""
    return _decide(connection, letter_id, (LetterState.DISCARDED,), state=LetterState.OPEN, decided_by=by, decided_at=at, note=None)


def take_back_edit(connection: Connection, letter_id: int, *, by: str, at: datetime) -> bool:
    """Undo `edit`: the line as it came stands again from the next run on; say whether there was one to undo."""
    undone = {"edited_raw": None, "state": LetterState.OPEN, "resolved_run_id": None, "decided_by": by, "decided_at": at}
    return _decide(connection, letter_id, (*WAITING, LetterState.EDITED), letters.c.edited_raw.is_not(None), **undone)


def _decide(connection: Connection, letter_id: int, states: Sequence[LetterState], *further: Any, **values: Any) -> bool:
    allowed = and_(letters.c.id == letter_id, letters.c.state.in_(states), *further)
    return bool(connection.execute(update(letters).where(allowed).values(values)).rowcount)


def one(connection: Connection, letter_id: int) -> RowMapping | None:
    """Return a letter with all its bytes, or None."""
    return connection.execute(select(letters).where(letters.c.id == letter_id)).mappings().one_or_none()


def by_ids(connection: Connection, ids: Sequence[int]) -> Sequence[RowMapping]:
    """Return these letters, without their bytes, in the order of `ids`; those that do not exist are left out."""
    found = {row["id"]: row for row in connection.execute(select(*_SHOWN).where(letters.c.id.in_(ids))).mappings()}
    return [found[letter_id] for letter_id in ids if letter_id in found]


_SHOWN = (
    *(column for column in letters.c if column.name not in {"raw", "edited_raw"}),
    func.substr(letters.c.raw, 1, _PREVIEW, type_=LargeBinary).label("raw"),
    func.substr(letters.c.edited_raw, 1, _PREVIEW, type_=LargeBinary).label("edited_raw"),
)


def page(connection: Connection, chosen: LetterFilter, before: int | None = None, limit: int = 50) -> Sequence[RowMapping]:
    """Return up to `limit` letters behind letter `before` (the last one of the page above), newest first.

    Of long lines only the beginning is in the list; `one` has the whole.
    """
    if chosen.since is not None or chosen.until is not None:
        return _by_date(connection, chosen, before, limit)
    query = _filtered(select(*_SHOWN), chosen, with_states=False).order_by(letters.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(letters.c.id < before)
    if chosen.symbol is not None or (not chosen.states and chosen.reason is None and chosen.pipeline is None):
        return _rows(connection, query.where(letters.c.state.in_(chosen.states)) if chosen.states else query)
    # One short walk of an index a state, merged: an IN over states would sort all letters of them.
    walks = [_rows(connection, query.where(letters.c.state == state)) for state in chosen.states or tuple(LetterState)]
    return list(islice(merge(*walks, key=lambda row: row["id"], reverse=True), limit))


def _by_date(connection: Connection, chosen: LetterFilter, before: int | None, limit: int) -> Sequence[RowMapping]:
    """One walk of (partition, id) inside the range."""
    query = _filtered(select(*_SHOWN), chosen, by_date=True)
    if before is not None:
        edge = connection.execute(select(letters.c.partition).where(letters.c.id == before)).scalar_one_or_none()
        if edge is None:
            return []
        behind = and_(letters.c.partition == edge, letters.c.id < before)
        query = query.where(letters.c.partition <= edge, or_(letters.c.partition < edge, behind))
    return _rows(connection, query.order_by(letters.c.partition.desc(), letters.c.id.desc()).limit(limit))


def _rows(connection: Connection, query: Select[Any]) -> Sequence[RowMapping]:
    return connection.execute(query).mappings().all()


def _filtered(query: Select[Any], chosen: LetterFilter, *, by_date: bool = False, with_states: bool = True) -> Select[Any]:
    """Apply a filter. What goes by date must not go by another index, which would have to sort all letters of a reason."""

    def column(name: str) -> Any:
        return letters.c[name].op("||")("") if by_date else letters.c[name]

    if chosen.pipeline is not None:
        # Its own index is not in the order of letters, and holds all of a pipeline: anything else that was asked for is narrower.
        alone = with_states and not by_date and not any((chosen.states, chosen.reason, chosen.symbol, chosen.kind))
        mine = letters.c.pipeline if alone else letters.c.pipeline.op("||")("")
        query = query.where(mine == chosen.pipeline)
    for name in ("reason", "symbol", "kind"):
        value = getattr(chosen, name)
        if value is not None:
            query = query.where(column(name) == value)
    if chosen.states and with_states:
        query = query.where(column("state").in_(chosen.states))
    if chosen.since is not None or chosen.until is not None:
        query = query.where(letters.c.partition.between(chosen.since or date.min, chosen.until or date.max))
    return query


def open_ids(connection: Connection, chosen: LetterFilter) -> list[int]:
    """Return the letters of a filter that are open."""
    query = _filtered(select(letters.c.id), replace(chosen, states=(LetterState.OPEN,)))
    return list(connection.execute(query.limit(MOST_COUNTED)).scalars())


def counts_by_reason(connection: Connection, chosen: LetterFilter) -> Mapping[str, int]:
    """Return how many of these letters there are of each reason, most first; counting ends at `MOST_COUNTED`."""
    some = _filtered(select(letters.c.reason), chosen).limit(MOST_COUNTED).subquery()
    counted = select(some.c.reason, func.count()).group_by(some.c.reason).order_by(func.count().desc(), some.c.reason)
    return {row[0]: row[1] for row in connection.execute(counted)}


def counts_by_state(connection: Connection) -> Mapping[LetterState, int]:
    """Return how many letters are in each state; counting ends at `MOST_COUNTED` of each."""
    return {LetterState(row[0]): row[1] for row in connection.execute(_by_state)}


def waiting_dates(connection: Connection, chosen: LetterFilter) -> Sequence[RowMapping]:
    """Return the dates that open letters of a filter are of, oldest first: how many `letters`, how many `files`, when decided last."""
    files = func.sum(case((letters.c.kind == LetterKind.FILE, 1), else_=0))
    said = (func.count().label("letters"), files.label("files"), func.max(letters.c.decided_at).label("decided_at"))
    query = _filtered(select(letters.c.pipeline, letters.c.partition, *said), replace(chosen, states=(LetterState.OPEN,)))
    return _rows(connection, query.group_by(letters.c.pipeline, letters.c.partition).order_by(letters.c.partition))
