"""One judgement by one engine in this very process: `python -m benchmarks.parts.quality_engines ENGINE ROWS SHARE` prints its CPU time."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.parts.bad_rows import paisa_of
from benchmarks.parts.quality_rows import sample_of
from benchmarks.parts.rival_rules import RULES, frame_of

SMALL, REPEATS = 10_000, 200


def ours(rows: int, share: float) -> Callable[[], int]:
    """Judge by the whole catalogue: results a check, findings as a table, rows that pass and rows that are set aside."""
    from engine.quality.report import judge  # noqa: PLC0415, each process loads its own engine only
    from engine.quality.sample import Sample  # noqa: PLC0415
    from engine.thresholds import snapshot  # noqa: PLC0415

    given, thresholds = sample_of(rows, share), snapshot({}, 0)

    def work() -> int:
        sample = Sample(given.session, given.rows, given.layout, given.lines, given.reference, given.history)
        report = judge(sample, thresholds)
        report.findings.table(sample)
        good = np.ones(rows, bool)
        good[report.quarantined] = False
        sample.rows.filter(pa.array(good))
        sample.rows.take(pa.array(report.quarantined))
        return len(report.quarantined)

    return work


def pandera(rows: int, share: float, *, computed: bool = False) -> Callable[[], int]:
    """Validate lazily with a frame check a rule; `computed`: each rule as a column of truth, which is the form pandera is quickest in."""
    import pandera.pandas as pa_schema  # noqa: PLC0415

    frame = frame_of(paisa_of(rows, share)[0])
    if computed:
        columns = {name: pa_schema.Column(bool, pa_schema.Check(lambda column: column, error=name)) for name in RULES}
        schema = pa_schema.DataFrameSchema(columns)
    else:
        schema = pa_schema.DataFrameSchema(checks=[pa_schema.Check(rule, error=name, name=name) for name, rule in RULES.items()])

    def work() -> int:
        given = type(frame)({name: rule(frame) for name, rule in RULES.items()}) if computed else frame
        failing = np.empty(0, np.int64)
        try:
            schema.validate(given, lazy=True)
        except pa_schema.errors.SchemaErrors as error:
            failures = error.failure_cases
            failures.groupby("check").size()
            failing = np.unique(failures["index"].to_numpy(np.int64))
        good = np.ones(rows, bool)
        good[failing] = False
        _ = frame[good], frame[~good]
        return len(failing)

    return work


ENGINES: dict[str, Callable[[int, float], Callable[[], int]]] = {
    "ours": ours,
    "pandera": pandera,
    "pandera_fast": lambda rows, share: pandera(rows, share, computed=True),
}


def measured(work: Callable[[], int], *, repeats: int) -> dict[str, Any]:
    """Return the median CPU seconds of a judgement and the number of bad rows; one warm-up goes before."""
    bad, seconds = work(), []
    for _ in range(repeats):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return {"cpu": statistics.median(seconds), "bad": bad}


def main() -> None:
    """Measure one engine."""
    engine, rows, share = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    repeats = 1 if rows > SMALL else REPEATS if engine == "ours" else REPEATS // 10
    print(json.dumps(measured(ENGINES[engine](rows, share), repeats=repeats)))


if __name__ == "__main__":
    main()
