"""Days of schedule, jobs, reruns and kill -9: memory, handles and files stay what they were, and nothing is lost on the way."""

import pytest

from tests.crash.soak import report, soak, trends


@pytest.mark.long
def test_nothing_swells_and_nothing_is_lost_through_days_of_kills(tmp_path):
    made = soak(tmp_path / "home", seconds=90, seed=7)

    print(report(made))  # noqa: T201, the figures of the test
    assert made.did["runners killed"] > 0
    assert made.did["reruns asked for"] > 0
    assert made.wrong == []
    assert [trend for trend in trends(made.samples) if trend.most is not None and trend.last > trend.most] == []
