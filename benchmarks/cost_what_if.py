"""What one turn of a slider of the Costs page takes on the server: both scenarios, the cheapest policy of all, what moves the bill most.

Run from the repository: `python -m benchmarks.cost_what_if`. CPU time of this process, each slider turned to values that were not asked
before; two years of daily files, 12 and 60 months ahead. Beside it the whole page drawn anew, charts and formulas included, by Streamlit's
"""

import statistics
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from engine.costs.advice import swings
from engine.costs.presets import AWS_2026, preset
from engine.costs.question import TODAY, Question
from engine.costs.what_if import Workload, answer, recommended
from tests.costs.workloads import workload

GOAL_MS = 100
TURNS: dict[str, list[Any]] = {
    "growth": [Decimal(number) / 2 for number in range(1, 21)],
    "scale": [2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000],
    "reads_old": [Decimal(number) / 5 for number in range(1, 21)],
    "spot": list(range(5, 101, 5)),
    "days": list(range(20, 420, 20)),
    "warm_at": list(range(1, 21)),
}


def turned(horizon: int, name: str, values: list[Any]) -> Iterator[Question]:
    """Yield a question a value of one slider."""
    world = TODAY.model_copy(update={"horizon": horizon, "compact": True, "spot": 50 if name != "spot" else 0})
    for value in values:
        yield world.model_copy(update={name: value})


def one(work: Workload, question: Question) -> float:
    """Return the milliseconds of CPU that one turn takes."""
    book = preset(AWS_2026)
    began = time.process_time()
    a, b = answer(work, TODAY.chosen_in(question), book), answer(work, question, book)
    assert a.by_category, "A costs something"
    assert b.band, "B has a band"
    recommended(work, question, book)
    swings(work, question, book)
    return 1000 * (time.process_time() - began)


def main() -> None:
    """Print the median and the slowest of each slider."""
    work = workload()
    one(work, TODAY)
    for horizon in (12, 60):
        slowest = []
        for name, values in TURNS.items():
            took = [one(work, question) for question in turned(horizon, name, values)]
            slowest.append(max(took))
            print(
                f"{horizon:>2} months, {name:<10} median {statistics.median(took):5.1f} ms CPU, slowest {max(took):5.1f} (goal {GOAL_MS})"
            )
        print(f"{horizon:>2} months: slowest of all {max(slowest):.1f} ms")


if __name__ == "__main__":
    main()
