"""How often each statistic of drift alarms on ordinary real sessions, and how soon it sees a fault that is put into one.

Run from the repository: `python -m benchmarks.drift_faults`, with the real files at hand. Sessions are judged in order, each by limits from
the sessions before it alone. A fault stands in a session and in the four behind it, each into its own copy of what was before.
"""

import csv
import sys
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import stats

from benchmarks.parts.drift_span import FAULTS, copied, next_one, real_days, statistics_that_alarm, walked
from benchmarks.parts.homes import REAL_FILES
from engine.clock import FakeClock
from engine.drift.judging import PLACE, SAMPLE_TESTS, SERIES
from engine.drift.limits import SESSIONS_A_MONTH
from engine.drift.watched import DISTRIBUTIONS
from engine.drift_past import Past
from engine.drifting import Judged
from engine.settings import Settings, SourceName
from engine.sources import open_source
from engine.thresholds import snapshot

ORDINARY = date(2024, 7, 10), date(2025, 3, 19)  # calibrated, and the meaning of no column changed
EVERY, IN_A_ROW = 8, 5  # a fault is put into each eighth session, and stays
TEXTBOOK = {"ks": 0.1, "psi": 0.25, "wasserstein": 0.1, "jensen_shannon": 0.1, "robust_z": 3.5, "cusum": 5.0, "page_hinkley": 8.0}


def main() -> None:
    """Measure and print."""
    if not (REAL_FILES / "daily").is_dir():
        sys.exit("needs the real files: set NEPSE_REAL_DATA")
    with TemporaryDirectory() as home, (REAL_FILES / "labels" / "sessions.csv").open(encoding="utf-8") as file:
        settings = Settings(home=Path(home), source=SourceName.FILES, source_dir=REAL_FILES)
        reference = open_source(settings, FakeClock(datetime(2026, 1, 5, tzinfo=UTC))).reference()
        listed = [day for row in csv.DictReader(file) if (day := date.fromisoformat(row["session"])) <= ORDINARY[1]]
    days, thresholds = real_days(REAL_FILES, listed), snapshot({}, 0)
    place = {day: at for at, day in enumerate(listed)}
    seen: dict[str, list[tuple[int | None, dict[str, int]]]] = defaultdict(list)

    def probe(day: date, past: Past) -> None:
        at = place[day]
        if day < ORDINARY[0] or at % EVERY or at + IN_A_ROW > len(days):
            return
        for name, fault in FAULTS.items():
            own, first = copied(past), dict[str, int]()
            for delay in range(IN_A_ROW):
                table, layout = days[at + delay]
                judged = next_one((fault(table, days[at + delay - 1][0], reference), layout), own, reference, thresholds)
                own.add(judged.sample, judged.measured, judged.limits)
                for statistic in statistics_that_alarm(judged):
                    first.setdefault(statistic, delay)
            seen[name].append((min(first.values(), default=None), first))

    judged = {one.sample.session: one for one in walked(days, reference, keep=probe)}
    ordinary = [one for day, one in judged.items() if ORDINARY[0] <= day <= ORDINARY[1]]
    _false_alarms(ordinary)
    _detected(seen)


def _false_alarms(ordinary: list[Judged]) -> None:
    statistics = list(dict.fromkeys(name for _, name in SERIES))
    print(f"false alarms on {len(ordinary)} ordinary sessions; the budget of one a month is {100 / SESSIONS_A_MONTH:.1f} %")
    print(f"  {'statistic':<18}{'ours':>8}{'textbook limit, any feature':>32}")
    for name in statistics:
        mine = np.mean([name in statistics_that_alarm(one) for one in ordinary])
        print(f"  {name:<18}{100 * mine:>7.1f}%{_textbook(ordinary, name):>32}")
    print(f"  {'all together':<18}{100 * np.mean([bool(one.alarms) for one in ordinary]):>7.1f}%")
    pooled = [_p(one) for one in ordinary]
    print(f"  KS p < .05 on {100 * np.mean([p < 0.05 for p in pooled]):.0f} % of them for at least one of {len(DISTRIBUTIONS)} features")  # noqa: PLR2004


def _textbook(ordinary: list[Judged], name: str) -> str:
    if name not in TEXTBOOK:
        return "-"
    places = [at for at, (_, statistic) in enumerate(SERIES) if statistic == name]
    rate = np.mean([any(abs(one.measured[at].value or 0) > TEXTBOOK[name] for at in places) for one in ordinary])
    return f"> {TEXTBOOK[name]:g}: {100 * rate:.0f} %"


def _p(one: Judged) -> float:
    """Return the smallest p-value of the largest differences, of a session against its reference."""
    rows = len(one.sample.symbols)
    both = round(rows * 60 * rows / (61 * rows))
    return min(float(stats.kstwo.sf(one.measured[PLACE[name, SAMPLE_TESTS[0]]].value, both)) for name in DISTRIBUTIONS)


def _detected(seen: dict[str, list[tuple[int | None, dict[str, int]]]]) -> None:
    print(
        "\nfaults put into real sessions: share seen in the first session, within five, mean delay in sessions; by which statistic at once"
    )
    for name, found in seen.items():
        delays = [delay for delay, _ in found if delay is not None]
        at_once = defaultdict(int)
        for _, first in found:
            for statistic, delay in first.items():
                at_once[statistic] += delay == 0
        by = ", ".join(
            f"{statistic} {100 * number / len(found):.0f} %" for statistic, number in sorted(at_once.items(), key=lambda item: -item[1])
        )
        first_share, ever = 100 * delays.count(0) / len(found), 100 * len(delays) / len(found)
        mean = np.mean(delays) if delays else float("nan")
        print(f"  {name:<24}{first_share:>5.0f} %{ever:>6.0f} %{mean:>6.1f}   {by}  ({len(found)} sessions)")


if __name__ == "__main__":
    main()
