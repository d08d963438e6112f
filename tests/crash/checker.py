"""Looks at a home in a fresh process, with the database's driver and Parquet's reader alone: nothing of the product is believed, or loaded.

`checker.py <home> <journal>` after a kill: what was told as done is there, and what is there was done or was on its way. With
`--reference <home>` at the end: every byte and row is that of a home which nobody disturbed. Prints what is wrong, and figures, as JSON.
"""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pysqlite3  # as SQLite's own module, which on many machines is one that must not read a log that others write

SAME = {  # what two homes must agree on, whoever worked on them and when
    "runs": """SELECT pipeline, partition, run_type, status, verdict, session_date, rows, source_sha256, layout, outcome, reason
        FROM run ORDER BY 1, 2, 3""",
    "lake": "SELECT dataset, partition, sha256, bytes, rows FROM lake_file WHERE is_current ORDER BY 1, 2",
    "versions": "SELECT dataset, partition, sha256, bytes, rows, is_current FROM lake_file ORDER BY 1, 2, 3",
    "prices": "SELECT * FROM price ORDER BY session, symbol",
    "sessions": """SELECT session, file_date, layout, rows, trades, volume, turnover_paisa, state_digest
        FROM trading_session ORDER BY session""",
    "dates": "SELECT pipeline, day, status, verdict, session_date, reason, rows FROM date_state ORDER BY 1, 2",
    "letters": """SELECT pipeline, partition, source_sha256, line, kind, reason, raw, edited_raw, state, tries
        FROM dead_letter ORDER BY 1, 2, 3, 4""",
    "reports": """SELECT q.pipeline, q.partition, r.run_type, q.verdict, physical, header, blank, loaded, quarantined, duplicates, warned
        FROM quality_report q JOIN run r ON r.id = q.run_id ORDER BY 1, 2, 3""",
    "measures": """SELECT s.pipeline, r.partition, r.run_type, s.stage, s.name, m.value
        FROM metric m JOIN metric_series s ON s.id = m.series_id JOIN run r ON r.id = m.run_id
        WHERE s.name != 'cpu_seconds' ORDER BY 1, 2, 3, 4, 5""",
}
NONE = {  # what must not be found, ever
    "doubled: a stage that succeeded twice in one run": """SELECT run_id, stage FROM stage_run
        WHERE status = 'succeeded' GROUP BY 1, 2 HAVING count(*) > 1""",
    "repeated: a stage that was run again behind its success": """SELECT a.run_id, a.stage FROM stage_run a
        JOIN stage_run b ON b.run_id = a.run_id AND b.stage = a.stage AND b.id > a.id WHERE a.status = 'succeeded'""",
    "a stage that runs in a run that does not": """SELECT s.run_id, s.stage FROM stage_run s JOIN run r ON r.id = s.run_id
        WHERE s.status = 'running' AND r.status != 'running'""",
    "a run with two stages at once": "SELECT run_id FROM stage_run WHERE status = 'running' GROUP BY 1 HAVING count(*) > 1",
    "doubled: a run that ended twice": """SELECT run_id FROM run_event
        WHERE status NOT IN ('queued', 'running') GROUP BY 1 HAVING count(*) > 1""",
    "a run that ended without its event": """SELECT id FROM run r WHERE r.status NOT IN ('queued', 'running') AND NOT EXISTS
        (SELECT 1 FROM run_event e WHERE e.run_id = r.id AND e.status = r.status AND e.name = 'run_' || r.status)""",
    "lost: a run whose end was taken back": """SELECT id FROM run r WHERE r.status IN ('queued', 'running') AND EXISTS
        (SELECT 1 FROM run_event e WHERE e.run_id = r.id AND e.status NOT IN ('queued', 'running'))""",
    "a fence number that is not the count of its claims and rescues": """SELECT r.id FROM run r WHERE r.fence !=
        (SELECT count(*) FROM run_event e WHERE e.run_id = r.id AND e.name IN ('run_claimed', 'run_rescued'))""",
    "doubled: a date with two active runs": """SELECT pipeline, partition FROM run
        WHERE status IN ('queued', 'running') GROUP BY 1, 2 HAVING count(*) > 1""",
    "doubled: two current versions": "SELECT dataset, partition FROM lake_file WHERE is_current GROUP BY 1, 2 HAVING count(*) > 1",
    "doubled: a line with two letters": """SELECT pipeline, partition FROM dead_letter
        GROUP BY pipeline, partition, source_sha256, line HAVING count(*) > 1""",
    "doubled: a measure": "SELECT series_id, run_id FROM metric GROUP BY 1, 2 HAVING count(*) > 1",
    "ended runs that are not in the sums": """SELECT 1 WHERE
        (SELECT count(*) FROM run WHERE status NOT IN ('queued', 'running')) != coalesce((SELECT sum(runs) FROM run_daily), 0)""",
    "a run that ended without an estimate of its cost": """SELECT id FROM run r WHERE r.status NOT IN ('queued', 'running')
        AND r.started_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM cost_estimate c WHERE c.ref = r.id AND c.work IN ('run', 'session'))""",
    "an estimate of a run that has not ended": """SELECT c.ref FROM cost_estimate c JOIN run r ON r.id = c.ref
        WHERE c.work IN ('run', 'session') AND r.status IN ('queued', 'running')""",
    "estimates that are not in the sums of their days": """SELECT c.day, c.work, c.name FROM cost_daily c
        WHERE c.work IN ('run', 'session', 'job') AND (c.number, c.cpu_us, c.compute_nano + c.storage_nano + c.requests_nano)
        != (SELECT count(*), sum(e.cpu_us), sum(e.compute_nano + e.storage_nano + e.requests_nano) FROM cost_estimate e
        WHERE (e.day, e.work, e.name, e.purpose, e.book_id) = (c.day, c.work, c.name, c.purpose, c.book_id))""",
}
AT_REST = {  # what must not be found where no run is on its way
    "an accepted session without its files": """SELECT session FROM trading_session s
        WHERE NOT EXISTS (SELECT 1 FROM lake_file f WHERE f.path = s.silver_path AND f.is_current)
        OR NOT EXISTS (SELECT 1 FROM lake_file f WHERE f.path = s.gold_path AND f.is_current)""",
}
SERVED = ("open", "high", "low", "close", "last_price", "vwap", "previous_close", "turnover")


def opened(file: Path) -> Any:
    """Open a database for reading only."""
    connection = pysqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None, timeout=30)
    connection.row_factory = pysqlite3.Row
    return connection


def facts(journal: Path) -> list[Mapping[str, Any]]:
    """Return the whole lines of a journal."""
    content = journal.read_bytes()
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]


def told_and_found(database: Any, told: Sequence[Mapping[str, Any]], begun: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Compare the database with what was told before it was read, and with what had begun until afterwards."""
    statuses = {row["id"]: row["status"] for row in database.execute("SELECT id, status FROM run")}
    rows = database.execute("SELECT run_id, stage FROM stage_run WHERE status = 'succeeded' AND reused_from IS NULL")
    done = {(row["run_id"], row["stage"]) for row in rows}
    for fact in told:
        if fact["what"] == "done" and (fact["run"], fact["stage"]) not in done:
            yield f"lost: stage {fact['stage']} of run {fact['run']} was told as done"
        if fact["what"] == "ended" and statuses.get(fact["run"]) != fact["status"]:
            yield f"lost: run {fact['run']} was told as {fact['status']} and is {statuses.get(fact['run'])}"
        if fact["what"] == "answered":
            yield from _unanswered(database, fact["answer"])
    on_their_way = {(fact["run"], fact["stage"]) for fact in begun if fact["what"] == "began"}
    yield from (f"made up: stage {stage} of run {run} is done and never began" for run, stage in done - on_their_way)
    over: dict[tuple[int, str], int] = {}
    for fact in begun:
        if fact["what"] == "done":
            over[fact["run"], fact["stage"]] = fact["fence"]
        # One that woke up with an older fence number may try: it will be refused.
        if fact["what"] == "began" and fact["fence"] >= over.get((fact["run"], fact["stage"]), fact["fence"] + 1):
            yield f"repeated: stage {fact['stage']} of run {fact['run']} began again after it was told as done"


def _unanswered(database: Any, answer: Mapping[str, Any]) -> Iterator[str]:
    if answer.get("backfill") is not None:
        found = [row["dates"] for row in database.execute("SELECT dates FROM backfill WHERE id = ?", (answer["backfill"],))]
        if found != [answer["dates"]]:
            yield f"lost: backfill {answer['backfill']} of {answer['dates']} dates was told as asked for, and is {found}"
    if answer.get("letter") is not None:
        (row,) = database.execute("SELECT edited_raw FROM dead_letter WHERE id = ?", (answer["letter"],))
        if row["edited_raw"] != answer["line"].encode():
            yield f"lost: the correction of letter {answer['letter']}"


def wrong_files(database: Any, lake: Path, *, after: int, whole: bool) -> Iterator[str]:
    """Read the files that the catalog has got since row `after`; with `whole` as Parquet too, its page checksums verified."""
    for row in database.execute("SELECT path, bytes, sha256, rows FROM lake_file WHERE rowid > ?", (after,)):
        try:
            content = (lake / row["path"]).read_bytes()
        except OSError as error:
            yield f"torn: {row['path']} is in the catalog and cannot be read ({error})"
            continue
        if len(content) != row["bytes"] or hashlib.sha256(content).hexdigest() != row["sha256"]:
            yield f"torn: {row['path']} is not what the catalog says"
        elif whole and row["path"].endswith(".parquet"):
            table = _table(lake / row["path"])
            if table.num_rows != row["rows"]:
                yield f"torn: {row['path']} holds {table.num_rows} rows instead of {row['rows']}"


def _table(file: Path) -> Any:
    import pyarrow.parquet as pq  # noqa: PLC0415, a look after a kill needs none

    return pq.ParquetFile(file, page_checksum_verification=True).read()


def served_otherwise(database: Any, lake: Path) -> Iterator[str]:
    """Compare the serving table with the silver files, row by row, money as whole paisa."""
    for row in database.execute("SELECT partition, path FROM lake_file WHERE dataset = 'silver' AND is_current"):
        silver = _table(lake / row["path"]).to_pylist()
        if len({item["symbol"] for item in silver}) != len(silver):
            yield f"doubled: a symbol in {row['path']}"
        wanted = {item["symbol"]: (*(_paisa(item[name]) for name in SERVED), item["volume"], item["trades"]) for item in silver}
        columns = ", ".join([f"{name}_paisa" for name in SERVED] + ["volume", "trades"])
        query = f"SELECT symbol, {columns} FROM price WHERE session = ?"  # noqa: S608, names of this file
        found = {item[0]: tuple(item)[1:] for item in database.execute(query, (row["partition"],))}
        if found != wanted:
            yield f"served otherwise: the prices of {row['partition']} are not those of {row['path']}"


def _paisa(money: Any) -> int | None:
    return None if money is None else int(money * 100)


def differing(database: Any, reference: Any) -> Iterator[str]:
    """Compare every row with a home that nobody disturbed."""
    for name, query in SAME.items():
        ours, theirs = ([tuple(row) for row in each.execute(query)] for each in (database, reference))
        lost, more = Counter(theirs) - Counter(ours), Counter(ours) - Counter(theirs)
        if lost or more:
            yield f"{name}: {lost.total()} rows of the undisturbed home are missing ({_few(lost)})"
            yield f"{name}: {more.total()} rows are not in the undisturbed home ({_few(more)})"


def _few(rows: Counter[tuple[Any, ...]]) -> str:
    return "; ".join(str(row)[:200] for row in list(rows)[:2])


def left_over(home: Path, database: Any) -> Iterator[str]:
    """Name what killed processes have left and nobody has taken away."""
    for file in [*home.rglob("*.tmp"), *home.rglob("*.aside"), *(home / "runners").glob("*.lock")]:
        yield f"left over: {file.relative_to(home)}"
    if database.execute("SELECT count(*) FROM runner WHERE stopped_at IS NULL").fetchone()[0]:
        yield "left over: a runner that is gone counts as alive"


def wrong_backup(folder: Path) -> Iterator[str]:
    """Compare every file of a backup with its manifest, and its database's catalog with its files."""
    made = json.loads((folder / "manifest.json").read_bytes())
    for entry in made["files"]:
        content = (folder / entry["path"]).read_bytes()
        if len(content) != entry["bytes"] or hashlib.sha256(content).hexdigest() != entry["sha256"]:
            yield f"torn: {entry['path']} of backup {folder.name}"
    database = pysqlite3.connect(f"file:{folder / 'console.db'}?mode=ro&immutable=1", uri=True)
    database.row_factory = pysqlite3.Row
    yield from (f"backup {folder.name}: {what}" for what in never(database))
    yield from (f"backup {folder.name}: {what}" for what in wrong_files(database, folder / "lake", after=0, whole=False))
    if [row[0] for row in database.execute("PRAGMA integrity_check")] != ["ok"]:
        yield f"torn: the database of backup {folder.name}"


def never(database: Any, queries: Mapping[str, str] = NONE) -> Iterator[str]:
    """Look for what must not be."""
    for what, query in queries.items():
        if found := database.execute(query).fetchmany(3):
            yield f"{what}: {[tuple(row) for row in found]}"


def after_a_kill(home: Path, journal: Path) -> list[str]:
    """Look at everything that a kill may have changed since the last look."""
    mark = journal.with_suffix(".mark")
    after = int(mark.read_text()) if mark.exists() else 0
    told = facts(journal)
    database = opened(home / "console.db")
    database.execute("BEGIN")
    last = database.execute("SELECT max(rowid) FROM lake_file").fetchone()[0] or 0  # begins the snapshot
    begun = facts(journal)
    wrong = [*told_and_found(database, told, begun), *never(database), *wrong_files(database, home / "lake", after=after, whole=False)]
    mark.write_text(str(last))
    return wrong


def at_the_end(home: Path, journal: Path, reference: Path) -> tuple[list[str], dict[str, int]]:
    """Look at everything."""
    database, told = opened(home / "console.db"), facts(journal)
    database.execute("BEGIN")
    wrong = [*told_and_found(database, told, told), *never(database, NONE | AT_REST)]
    wrong += wrong_files(database, home / "lake", after=0, whole=True)
    wrong += [
        *served_otherwise(database, home / "lake"),
        *differing(database, opened(reference / "console.db")),
        *left_over(home, database),
    ]
    wrong += [f"damaged: {row[0]}" for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
    wrong += [f"damaged: {tuple(row)}" for row in database.execute("PRAGMA foreign_key_check")]
    backups = [folder for folder in sorted((home / "backups").glob("*")) if folder.is_dir()]
    answered = [fact["answer"]["backup"] for fact in told if fact["what"] == "answered" and fact["answer"].get("backup")]
    wrong += [f"lost: backup {name}" for name in answered[-1:] if Path(name) not in backups]  # older ones may have had to go
    for folder in backups:
        wrong += wrong_backup(folder)
    named = {row[0] for row in database.execute("SELECT path FROM lake_file")}
    files = {str(file.relative_to(home / "lake")) for file in (home / "lake").rglob("*.*") if file.is_file()}
    return wrong, _figures(database) | {"backups": len(backups), "files nobody names": len(files - named)}


def _figures(database: Any) -> dict[str, int]:
    queries = {
        "runs": "SELECT count(*) FROM run",
        "partitions": "SELECT count(*) FROM (SELECT DISTINCT pipeline, partition FROM run)",
        "stages": "SELECT count(*) FROM stage_run WHERE status = 'succeeded' AND reused_from IS NULL",
        "letters": "SELECT count(*) FROM dead_letter",
        "lake files": "SELECT count(*) FROM lake_file",
        "rescues": "SELECT count(*) FROM run_event WHERE name = 'run_rescued'",
    }
    return {name: int(database.execute(query).fetchone()[0]) for name, query in queries.items()}


def main() -> None:
    """Look and print."""
    home, journal = Path(sys.argv[1]), Path(sys.argv[2])
    if len(sys.argv) > 3:  # there is a reference
        wrong, figures = at_the_end(home, journal, Path(sys.argv[3]))
    else:
        wrong, figures = after_a_kill(home, journal), {}
    print(json.dumps({"wrong": wrong, "figures": figures}))  # noqa: T201, its answer


if __name__ == "__main__":
    main()
