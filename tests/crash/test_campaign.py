"""kill -9 and stopped processes, at any instant and at every named point: nothing is lost, doubled, torn or done twice.

The long campaign is `make test-long`; CRASH_KILLS, CRASH_STOPS, CRASH_DATES and CRASH_SEED make it shorter, longer or another one.
"""

import os
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from time import monotonic

import pytest

from tests.crash import daily_files
from tests.crash.campaign import MOST_ROUNDS, ROUND, Campaign
from tests.crash.checking import SHOWN, checked
from tests.crash.processes import Nursery
from tests.crash.strikes import Strikes
from tests.crash.upgrades import upgrade_under_fire

SINCE = date(2023, 1, 1)


def _undisturbed(forked: Nursery, folder: Path, like: Campaign) -> Path:
    """Make a home that was asked for the same, and that nobody disturbs."""
    since, until = like.since, like.until - timedelta(days=ROUND * len(like.rounds))
    peaceful = Campaign(forked, folder, like.source, since, until, Strikes(0, 0, 0), letters=like.letters)
    peaceful.bring_in()
    for role in like.rounds:
        peaceful.rounds.append(role)
        peaceful.go_round(role)
    return peaceful.folder


def _wage(forked: Nursery, folder: Path, strikes: Strikes, *, dates: int, letters: int, silence: float) -> None:
    """Wage a campaign over so many dates; then compare its home with one that nobody disturbed, and print the figures."""
    began, source, until = monotonic(), folder / "source", SINCE + timedelta(days=dates - 1)
    daily_files.write(source, SINCE, until + timedelta(days=ROUND * MOST_ROUNDS))
    upgrade_under_fire(forked, folder / "upgrades", strikes)
    campaign = Campaign(forked, folder / "home", source, SINCE, until, strikes, silence=silence, letters=letters)
    campaign.fight()
    reference = _undisturbed(forked, folder / "reference", campaign)
    found = checked(campaign.folder, campaign.file, reference)
    print(_table(campaign, found["figures"], found["wrong"], monotonic() - began))  # noqa: T201, the figures of the test

    assert not found["wrong"], "\n".join(found["wrong"][:SHOWN])
    assert not strikes.left
    assert all(count for _, count in strikes.table())
    assert campaign.fenced == strikes.stops


def _table(campaign: Campaign, figures: dict[str, int], wrong: Sequence[str], seconds: float) -> str:
    """Return the figures in one small table."""
    strikes = campaign.strikes
    rows: list[tuple[str, object]] = [
        ("seed, seconds", f"{strikes.seed}, {seconds:.0f}"),
        ("kill -9", strikes.kills),
        *((f"  {name}", count) for name, count in strikes.table()),
        ("stopped until another had the run", strikes.stops),
        ("  refused when they woke up", campaign.fenced),
        ("rounds beside", len(campaign.rounds)),
        ("looks of the checker", campaign.looks + 1),
        *figures.items(),
        *((what, sum(found.startswith(what) for found in wrong)) for what in ("lost", "doubled", "torn", "repeated", "left over")),
        ("anything else that is wrong", len(wrong)),
    ]
    return "\n".join(f"{name:<38}{value}" for name, value in rows)


@pytest.mark.timeout(1200)  # thirty seconds on two idle cores; a machine that others use too may give it a tenth of them
def test_forty_kills_lose_nothing_and_double_nothing(forked, tmp_path):  # one at each point, and what is left at any instant
    _wage(forked, tmp_path, Strikes(kills=40, stops=2, seed=11), dates=30, letters=4, silence=0.6)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_five_hundred_kills_and_sixty_zombies_over_seven_hundred_dates(forked, tmp_path):
    kills, stops, dates, seed = (
        int(os.environ.get(f"CRASH_{name}", default)) for name, default in (("KILLS", 500), ("STOPS", 60), ("DATES", 700), ("SEED", 1))
    )
    _wage(forked, tmp_path, Strikes(kills, stops, seed), dates=dates, letters=min(24, dates // 9), silence=1.0)
