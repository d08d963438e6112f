"""What one turn of a slider of the Costs page takes on the server, and what the page says of the real files.

Run from the repository: `python -m benchmarks.cost_what_if`. Real files where they are at hand, all of them backfilled first. A turn is
both scenarios, the cheapest of all policies, and what moves the bill most; each slider is turned to values that were not asked before.
CPU time of this process.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from benchmarks.parts.figures import show
from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, command, fresh_home, kind
from engine.billing.workloads import Unmeasured, measured
from engine.costs.advice import savings, swings
from engine.costs.presets import AWS_2026, preset
from engine.costs.price_book import plain
from engine.costs.question import TODAY, Question
from engine.costs.what_if import Workload, answer, recommended
from engine.runtime import compose

GOAL = 100  # milliseconds
CORES = 2
SCALES = (1, 100, 10_000)
TURNS: dict[str, Sequence[Any]] = {
    "growth": [Decimal(number) / 2 for number in range(1, 21)],
    "scale": [2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000],
    "reads_old": [Decimal(number) / 5 for number in range(1, 21)],
    "spot": list(range(5, 101, 5)),
    "days": list(range(20, 420, 20)),
    "warm_at": list(range(1, 21)),
}
BOOK = preset(AWS_2026)


def turned(horizon: int, name: str, values: Sequence[Any]) -> Iterator[Question]:
    """Yield a question a value of one slider."""
    world = TODAY.model_copy(update={"horizon": horizon, "compact": True, "spot": 0 if name == "spot" else 50})
    for value in values:
        yield world.model_copy(update={name: value})


def one(work: Workload, question: Question) -> float:
    """Return the milliseconds of CPU that one turn takes."""
    began = time.process_time()
    a, b = answer(work, TODAY.chosen_in(question), BOOK), answer(work, question, BOOK)
    assert a.by_category, "A costs something"
    assert b.band, "B has a band"
    recommended(work, question, BOOK)
    swings(work, question, BOOK)
    return 1000 * (time.process_time() - began)


def sliders(work: Workload) -> None:
    """Print the median and the slowest turn of each slider."""
    one(work, TODAY)
    for horizon in (12, 60):
        for name, values in TURNS.items():
            took = [one(work, question) for question in turned(horizon, name, values)]
            show(f"{horizon} months ahead, {name}", f"{statistics.median(took):.1f} ms", f"slowest {max(took):.1f} (goal {GOAL})")


def said(work: Workload, scale: int) -> None:
    """Print what the page says at a scale: the bill of a year, the rule of thumb, the cheapest policy, the largest saving."""
    world = Question(scale=scale)
    found, bill = recommended(work, world, BOOK), answer(work, world, BOOK).total
    show(f"a year at {scale:,} times the size", f"{bill:.3f} USD", f"advice: {found.advice}, {found.policy.words}")
    if found.by_rule is not None:
        show(
            "  kept and opened by the rule of thumb",
            f"{found.by_rule / found.stay:.2f} times",
            "as much as leaving all as it is (IA after a month, Glacier after a year)",
        )
    show(
        "  the cheapest policy",
        f"{found.cost / found.stay:.2f} times",
        f"saves {found.saving:.4f} USD; reads wait {plain(found.risk.restore_hours)} hours",
    )
    best = savings(work, world, BOOK)[0]
    show("  the next saving", f"{100 * best.amount / bill:.0f} %", best.words)


def main() -> None:
    """Backfill, measure, print."""
    with fresh_home() as settings:
        command(settings, "backfill", PIPELINE, "--since", SINCE, "--until", UNTIL, "--wait")
        runtime = compose(settings)
        began = time.process_time()
        work = measured(runtime, cores=CORES)
        took = 1000 * (time.process_time() - began)
        runtime.database.close()
        assert not isinstance(work, Unmeasured), work.why
        print(f"{kind(settings)}: {work.sessions} sessions, {work.stored / 1e6:.1f} MB, measured in {took:.0f} ms CPU")
        for codec, share in work.codecs.items():
            show(f"  as {codec}", f"{100 * share:.1f} %", "of the bytes of today, the newest sessions written again")
        for scale in SCALES:
            said(work, scale)
        sliders(work)


if __name__ == "__main__":
    main()
