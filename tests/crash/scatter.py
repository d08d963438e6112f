"""A pipeline whose dates need no other: two runners work on it at the same time as on the real one, and at once."""

from datetime import date

import pyarrow as pa

from engine.pipeline.context import StageContext
from engine.pipeline.graph import Pipeline
from engine.pipelines import PIPELINES
from storage import dead_letters
from storage.dead_letters import Letter
from storage.lake import Version
from storage.status import LetterKind, Verdict

scatter = Pipeline("scatter", "For tests: each date by itself.")
ROWS, BAD = 50, 3


@scatter.stage()
def drawn(context: StageContext) -> Version:
    """Publish some numbers of the date."""
    return context.publish_table("drawn", context.day, _numbers(context.day))[0]


@scatter.stage()
def doubled(drawn: Version, context: StageContext) -> Version:
    """Publish twice these numbers."""
    numbers = context.table(drawn.path)["number"].to_pylist()
    return context.publish_table("doubled", context.day, pa.table({"number": [2 * number for number in numbers]}))[0]


@scatter.stage()
def noted(doubled: Version, context: StageContext) -> int:
    """Measure them, and set three of them aside."""
    total = sum(context.table(doubled.path)["number"].to_pylist())
    bad = [
        Letter(LetterKind.ROW, line, None, "unlucky", None, "for a test", b"%d" % line, None, context.day, "noted")
        for line in range(2, 2 + BAD)
    ]
    context.commit_with(
        lambda connection: dead_letters.record(connection, context.run, doubled.sha256, "drawn", bad, at=context.now(), blocked=False)
    )
    context.measure("total", total, "numbers")
    context.note(verdict=Verdict.SESSION, session_date=context.day, rows=ROWS, source_sha256=doubled.sha256)
    return total


def _numbers(day: date) -> pa.Table:
    return pa.table({"number": [day.toordinal() * place % 10_007 for place in range(1, ROWS + 1)]})


PIPELINES[scatter.name] = scatter
