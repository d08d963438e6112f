"""Fills a SQLite store with a long past, inside the database and in seconds: runs, their dates, metrics, sessions, backfills, the ledger.

Half of the runs belong to the pipeline that the pages show, the rest to nine others. Dates, verdicts and times follow from the number of
the run alone. Stages, events and log lines are written for the newest runs only: nothing ever reads those of many runs together.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, text

from engine.billing.prices import ensured
from engine.clock import SystemClock
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Size:
    """How much past there is."""

    runs: int
    metrics: int = 10  # rows a run

    @property
    def dates(self) -> int:
        """Return over how many dates the runs lie: at most some eleven years."""
        return min(4_000, self.runs // 5)


DETAILED = 20_000  # newest runs that have stages, events and log lines
STAGES = ("check_source", "bronze", "parsed", "silver", "gold", "loaded", "report")
BACKFILLS = 50
EVIDENCE = {"speaks_for": "session", "observed": "341 symbols", "expected": "343 symbols", "detail": "usual for the last 20 sessions"}

RUNS = """
WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :runs),
placed AS (
  SELECT i, (i * 2654435761) % 1000 AS luck, CAST((i - 1) * CAST(:dates AS INTEGER) / :runs AS INTEGER) AS place,
    CASE WHEN i % 2 = 0 THEN 'daily_prices' ELSE 'pipeline_' || ((i / 2) % 9 + 1) END AS pipeline
  FROM numbers),
dated AS (SELECT *, date(:first, '+' || CASE WHEN luck < 20 THEN (i * 7919) % (place + 1) ELSE place END || ' days') AS day FROM placed),
ended AS (
  SELECT *, (strftime('%s', date(:first, '+' || place || ' days')) + 44100 + i % 3600) * 1000000 AS at,
    CASE WHEN luck BETWEEN 500 AND 519 THEN 'failed' WHEN luck = 520 THEN 'cancelled'
      WHEN strftime('%w', day) IN ('5', '6') THEN 'skipped' ELSE 'succeeded' END AS ending
  FROM dated)
INSERT INTO run (id, pipeline, partition, run_type, status, priority, requested_by, queued_at, available_at, started_at, finished_at,
  duration_us, cpu_us, fence, runner_id, cancel_requested, rescues, waits, code_version, source, simulated, source_file, source_sha256,
  layout, verdict, session_date, outcome, reason, evidence, rows, error_type, error_message, error_stage, backfill_id)
SELECT i, pipeline, day, CASE WHEN luck < 20 THEN 'rerun' WHEN i % 5 = 0 THEN 'backfill' ELSE 'scheduled' END, ending, 1, 'benchmark',
  at, at, at + 20000, at + 20000 + 20000 + luck * 100, 20000 + luck * 100, 15000 + luck * 50, 1, 'host-1-abcdef', 0, 0, 0, 'abcdefabcdef',
  'simulated', 1, day || '.csv', printf('%064x', i), 'v3_24col',
  CASE ending WHEN 'succeeded' THEN 'session' WHEN 'skipped' THEN 'no_session' WHEN 'failed' THEN 'failed' END,
  CASE WHEN ending = 'succeeded' THEN day END, CASE WHEN ending = 'succeeded' THEN 'loaded' END,
  'The session of its own date: 341 symbols, 52,318 trades.', :evidence, 341,
  CASE WHEN ending = 'failed' THEN 'UnknownLayout' END, CASE WHEN ending = 'failed' THEN 'a header never seen before' END,
  CASE WHEN ending = 'failed' THEN 'parsed' END, CASE WHEN i % 5 = 0 THEN CAST((i - 1) * :backfills / :runs AS INTEGER) + 1 END
FROM ended
"""

DATE_STATES = """
INSERT INTO date_state (pipeline, day, run_id, status, verdict, session_date, reason, rows, source_sha256, updated_at)
SELECT pipeline, partition, id, status, verdict, session_date, reason, rows, source_sha256, finished_at FROM run
WHERE id IN (SELECT max(id) FROM run GROUP BY pipeline, partition)
"""

ROLL_UP = """
INSERT INTO run_daily (pipeline, day, status, runs, duration_us, cpu_us, rows)
SELECT pipeline, date(finished_at / 1000000, 'unixepoch'), status, count(*), sum(duration_us), sum(cpu_us), sum(rows)
FROM run GROUP BY 1, 2, 3
"""

SERIES = """
WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :metrics)
INSERT INTO metric_series (pipeline, stage, name, unit)
SELECT pipeline, CASE WHEN i = 0 THEN '' ELSE 'report' END,
  CASE i WHEN 0 THEN 'cpu_seconds' WHEN 1 THEN 'rows' ELSE 'measure_' || i END, 'x'
FROM (SELECT DISTINCT pipeline FROM date_state) CROSS JOIN numbers
"""

METRICS = """
INSERT INTO metric (series_id, at, run_id, value)
SELECT s.id, r.finished_at, r.id, (r.id * 31 + s.id) % 1000 / 10.0
FROM metric_series s CROSS JOIN run r INDEXED BY ix_run_partition WHERE r.pipeline = s.pipeline
"""

STAGE_RUNS = """
INSERT INTO stage_run (run_id, stage, position, status, attempts, started_at, finished_at, duration_us, cpu_us, peak_memory_bytes, rows_in,
  rows_out, checkpoint)
SELECT r.id, s.value, s.key, 'succeeded', 1, r.started_at + s.key * 3000, r.started_at + s.key * 3000 + 2900, 2900, 2000, 180000000,
  341, 341, json_object('rows', 341)
FROM run r CROSS JOIN json_each(:stages) s WHERE r.id > :runs - :detailed
"""

EVENTS = """
INSERT INTO run_event (run_id, at, name, status)
SELECT r.id, r.queued_at + e.key * 20000, 'run_' || e.value, e.value
FROM run r CROSS JOIN json_each('["queued","running","succeeded"]') e WHERE r.id > :runs - :detailed
"""

LOG_LINES = """
INSERT INTO log_line (run_id, at, level, stage, event, fields)
SELECT run_id, finished_at, 'info', stage, 'stage_done', json_object('rows', 341, 'ms', 2.9) FROM stage_run
"""

SESSIONS = """
INSERT INTO trading_session (session, run_id, file_date, source, simulated, layout, rows, trades, volume, turnover_paisa, silver_path,
  gold_path, accepted_at)
SELECT day, run_id, day, 'simulated', 1, 'v3_24col', 341, 52318, 9100000, 431000000000, 'silver/' || day, 'gold/' || day, updated_at
FROM date_state WHERE pipeline = 'daily_prices' AND verdict = 'session'
"""

PAST_BACKFILLS = """
INSERT INTO backfill (id, pipeline, since, until, mode, on_failure, max_active, state, dates, requested_by, created_at, finished_at)
SELECT backfill_id, 'daily_prices', min(partition), max(partition), 'missing', 'continue', 1, 'done', count(*), 'benchmark', min(queued_at),
  max(finished_at)
FROM run WHERE backfill_id IS NOT NULL GROUP BY backfill_id
"""

LEDGER = """
INSERT INTO slot (pipeline, day, due_at, outcome, reason, run_id, updated_at)
SELECT pipeline, day, updated_at, CASE verdict WHEN 'session' THEN 'ran' WHEN 'failed' THEN 'failed' ELSE 'holiday' END, reason, run_id,
  updated_at
FROM date_state WHERE pipeline = 'daily_prices'
"""

QUALITY_REPORTS = """
INSERT INTO quality_report (run_id, pipeline, partition, session, source_sha256, verdict, reason, physical, header, blank, loaded,
  quarantined, duplicates, warned, threshold_version, thresholds, reported_at)
SELECT id, pipeline, partition, partition, source_sha256, 'flagged', '341 rows pass', 342, 1, 0, 341, 0, 0, 4, 0, '{}', finished_at
FROM run WHERE pipeline = 'daily_prices' AND status = 'succeeded'
"""

CHECK_RESULTS = """
INSERT INTO check_result (run_id, check_id, session, version, scope, status, applicable, warned, failed, explained, rate, fingerprint)
SELECT d.run_id, 'check_' || value, d.day, 1, 'row', 'passed', 341, 0, 0, 0, 0.0, printf('%064x', value)
FROM date_state d CROSS JOIN (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 36) SELECT * FROM n)
WHERE d.pipeline = 'daily_prices' AND d.verdict = 'session'
"""

GATE = (QUALITY_REPORTS, CHECK_RESULTS)

_UNUSED = "retry_cpu_us, bytes_received, gets, unmeasured, query_nano, transfer_nano, notification_nano, retries_nano"
_ESTIMATED = "rows, cpu_us, memory_kib_us, bytes_written, puts, compute_nano, storage_nano, requests_nano"

ESTIMATES = f"""
INSERT INTO cost_estimate (work, ref, name, day, partition, session, status, purpose, book_id, simulated, {_ESTIMATED}, {_UNUSED})
SELECT 'run', id, pipeline, date(finished_at / 1000000, 'unixepoch'), partition, session_date, status,
  CASE run_type WHEN 'rerun' THEN 'rerun' ELSE 'first' END, 1, 1, rows, cpu_us, cpu_us * 180000, 60000, 6, cpu_us / 127, 1286, 30000,
  0, 0, 0, 0, 0, 0, 0, 0
FROM run
"""  # noqa: S608, our own names

COST_DAYS = f"""
INSERT INTO cost_daily (day, work, name, purpose, book_id, number, bytes_scanned, messages, {_ESTIMATED}, {_UNUSED})
SELECT day, work, name, purpose, book_id, count(*), 0, 0, sum(rows), sum(cpu_us), sum(memory_kib_us), sum(bytes_written), sum(puts),
  sum(compute_nano), sum(storage_nano), sum(requests_nano), 0, 0, 0, 0, 0, 0, 0, 0
FROM cost_estimate GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608, our own names

LAKE_FILES = """
INSERT INTO lake_file (path, dataset, partition, is_current, sha256, bytes, rows, run_id, simulated, created_at)
SELECT d.value || '/' || substr(day, 1, 7) || '/' || day || '-' || printf('%016x', run_id), d.value, day, 1, printf('%064x', run_id),
  20000 + run_id % 5000, 341, run_id, 1,
  updated_at
FROM date_state CROSS JOIN json_each('["bronze","parsed","silver","gold","findings","quarantine"]') d
WHERE pipeline = 'daily_prices' AND verdict = 'session'
"""

COSTS = (ESTIMATES, COST_DAYS, LAKE_FILES)

SORTED_AFTER = (
    "ix_metric_run",
    "ix_run_status",
    "ix_run_pipeline_status",
    "ix_run_backfill",
    "ix_run_backfill_date",
    "ix_run_rerun_of",
)

SCHEDULE = "INSERT INTO schedule (pipeline, since, paused) VALUES ('daily_prices', :first, 0)"


def fill(database: Database, size: Size, *, until: date) -> None:
    """Write a past of that size whose newest date is `until`; the store must be empty, and in SQLite."""
    values = {
        "runs": size.runs,
        "dates": size.dates,
        "first": str(until - timedelta(days=size.dates - 1)),
        "backfills": BACKFILLS,
        "metrics": size.metrics,
        "detailed": DETAILED,
        "evidence": json.dumps([EVIDENCE | {"name": name} for name in ("calendar", "repeat", "completeness")]),
        "stages": '["' + '","'.join(STAGES) + '"]',
    }
    with database.transaction() as connection:
        indexes = _take_off(connection, *SORTED_AFTER)
        for statement in (
            RUNS,
            DATE_STATES,
            ROLL_UP,
            SERIES,
            METRICS,
            STAGE_RUNS,
            EVENTS,
            LOG_LINES,
            SESSIONS,
            PAST_BACKFILLS,
            LEDGER,
            *GATE,
            *COSTS,
        ):
            connection.execute(text(statement), values)
        connection.execute(text(SCHEDULE), values)
        ensured(connection, at=SystemClock().now())
        for statement in indexes:
            connection.execute(text(statement))


def _take_off(connection: Connection, *names: str) -> list[str]:
    """Drop indexes and return the statements that make them again: sorted once they cost far less."""
    found = {row.name: row.sql for row in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))}
    for name in names:
        connection.execute(text(f"DROP INDEX {name}"))
    return [found[name] for name in names]
