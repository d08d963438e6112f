"""The sentence that a session's verdict is: what lies farthest beyond its limit, why, and what else."""

import numpy as np

from engine.drift.judging import PLACE, SERIES, Measured, Z
from engine.drift.limits import Limits
from engine.drift.session import SessionSample
from engine.drifting import Judged, headline
from storage.status import DriftCause

FAR = {"off_grid": 90.0, "nulls": 80.0, "repeated": 70.0, "rows": 60.0, "zeros": 50.0}


def said(*alarming: str, declared: str = "") -> str:
    measured = tuple(Measured(name, statistic, FAR.get(name, 0.1) if statistic == Z else 0.1) for name, statistic in SERIES)
    causes = {name: DriftCause.DECLARED if name == declared else DriftCause.ALARM for name in alarming}
    alarms = tuple(PLACE[name, Z] for name in alarming)
    limits = Limits(np.ones(len(SERIES)), calibrated=True, sessions=120)
    return headline(Judged(SessionSample.__new__(SessionSample), measured, limits, alarms, causes, {declared: "by the rules"}))


def test_one_feature_is_named_with_its_statistic_and_limit():
    assert said("off_grid") == "Closes off the tick grid: z of the session 90, limit 1."


def test_what_else_lies_beyond_its_limit_is_named_the_farthest_first_and_the_rest_is_counted():
    assert said("rows", "off_grid", "repeated").endswith("; also Repeats the session before, Rows.")
    assert said(*reversed(FAR)).endswith("; also Empty cells, Repeats the session before, Rows and 1 more.")


def test_an_alarm_comes_before_a_declared_change_that_lies_farther():
    assert said("off_grid", "rows", declared="off_grid").startswith("Rows: ")
    assert said("off_grid", declared="off_grid").endswith("limit 1: by the rules.")
