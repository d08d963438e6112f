"""kill -9 at every named point while closed months are packed, moved into the cold, brought back and unpacked: 0 rows lost."""

import signal
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from shutil import copytree

import pytest

from engine.settings import Settings, SourceName
from tests.crash import daily_files
from tests.crash.checker import opened
from tests.crash.points import COMMIT, FILE, LIFECYCLE, REMOVAL
from tests.crash.processes import Nursery
from tests.crash.strikes import Strike
from tests.crash.versions import digests, rows
from tests.pipelines.house import House

SINCE, UNTIL = date(2024, 1, 29), date(2024, 2, 5)
APPLY, COOL = ("apply",), ("apply", "--cold-after", "1")
RESTORE = ("restore",)
UNDO = "undo"  # of what is packed
Blow = tuple[Sequence[str] | str, str, int]

WRITTEN = ("half a temp file", "before rename", "after rename")  # the long test has every point of every command
# In this order, in one home, each process goes on where the one before was killed: what it does first it does again after each kill.
BLOWS: tuple[Blow, ...] = (
    *((APPLY, point, 2) for point in FILE),
    *((APPLY, point, 5) for point in COMMIT),
    *((APPLY, point, 3) for point in REMOVAL),
    *((COOL, point, 2) for point in WRITTEN),
    *((COOL, point, 5) for point in COMMIT),
    *((COOL, point, 2) for point in REMOVAL),
    *((UNDO, point, 2) for point in WRITTEN),
    *((UNDO, point, 5) for point in COMMIT),
    *((UNDO, point, 2) for point in REMOVAL),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two closed months; never changed."""
    root = tmp_path_factory.mktemp("filled")
    daily_files.write(root / "source", SINCE, UNTIL)
    house = House(root, root / "source")
    house.backfill(SINCE, UNTIL)
    house.runtime.database.close()
    return root


@pytest.fixture
def settings(filled: Path, tmp_path: Path) -> Settings:
    copytree(filled, tmp_path / "there")
    source = tmp_path / "there" / "source"
    return Settings(home=tmp_path / "there" / "home", source=SourceName.FILES, source_dir=source, cold=str(tmp_path / "cold"))


class Lifecycle:
    """One home, and the commands that are given in it."""

    def __init__(self, forked: Nursery, settings: Settings) -> None:
        self.forked, self.settings, self.killed = forked, settings, 0
        self.published, self.rows = digests(settings.home), rows(settings.home)
        self.files, self.undone = _files(settings.home), 0

    def command(self, what: Sequence[str] | str, strike: Strike | None = None, nth: int = 1) -> int:
        """Give a command, look at every version, and return how the process ended."""
        asked = ("undo", "--id", str(self._newest())) if what == UNDO else tuple(what)
        process = self.forked.start(self.settings, ("lifecycle", *asked, "--json"), role="lifecycle", strike=strike, nth=nth)
        code = self.forked.wait(process)
        assert digests(self.settings.home) == self.published, (what, strike)
        assert rows(self.settings.home) == self.rows
        return code

    def kill(self, what: Sequence[str] | str, point: str, nth: int) -> bool:
        """Give a command that is killed at a point; say whether it came to it."""
        code = self.command(what, Strike(signal.SIGKILL, f"lifecycle: {point}", 0.0), nth)
        assert code in (0, -signal.SIGKILL), (what, point, self.forked.end_of_log())
        self.killed += code != 0
        return code != 0

    def _newest(self) -> int:
        """The application that made the packs there are, or were before a killed undo had unpacked them."""
        query = "SELECT max(id) FROM lifecycle_step WHERE kind = 'apply' AND state != 'asked' AND id IN (SELECT step_id FROM lake_pack)"
        self.undone = opened(self.settings.home / "console.db").execute(query).fetchone()[0] or self.undone
        return self.undone


def _files(home: Path) -> dict[str, bytes]:
    return {str(file.relative_to(home)): file.read_bytes() for file in (home / "lake").glob("*/*/*")}


def _left(home: Path) -> list[str]:
    """Files of the lake that nobody names, and what was written aside."""
    database = opened(home / "console.db")
    members = {row[0] for row in database.execute("SELECT path FROM lake_member")}
    named = {row[0] for row in database.execute("SELECT path FROM lake_file")} - members
    named |= {row[0] for row in database.execute("SELECT path FROM lake_pack WHERE cold IS NULL")}
    return sorted({name.removeprefix("lake/") for name in _files(home)} - named)


@pytest.mark.timeout(600)
def test_kills_at_every_point_of_the_lifecycle_lose_no_row(forked, settings):
    home = Lifecycle(forked, settings)
    for what, point, nth in BLOWS:
        assert home.kill(what, point, nth), (what, point, nth)
        if point == REMOVAL[-1]:  # behind the last point of a command it is let through
            assert home.command(what) == 0, forked.end_of_log()
            assert _left(settings.home) == []

    assert home.killed == len(BLOWS)
    assert _files(settings.home) == home.files
    assert _counts(settings.home) == {"lake_pack": 0, "lake_member": 0}
    assert list((settings.home.parent.parent / "cold").rglob("*.tmp")) == []


def _has_work(what: Sequence[str] | str, home: Path) -> bool:
    """Say whether there is a pack that could be unpacked, or brought out of the cold; where there is none the command refuses."""
    wanted = {UNDO: "", RESTORE: " WHERE cold IS NOT NULL"}.get(what if isinstance(what, str) else tuple(what))
    return wanted is None or bool(opened(home / "console.db").execute(f"SELECT count(*) FROM lake_pack{wanted}").fetchone()[0])  # noqa: S608


def _counts(home: Path) -> dict[str, int]:
    database = opened(home / "console.db")
    return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("lake_pack", "lake_member")}  # noqa: S608


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_kills_at_every_point_and_every_early_passing_lose_no_row(forked, settings):
    home = Lifecycle(forked, settings)
    for what in (APPLY, COOL, RESTORE, COOL, UNDO, APPLY, UNDO):
        came = [home.kill(what, point, nth) for nth in (1, 3, 7) for point in LIFECYCLE if _has_work(what, settings.home)]
        assert any(came)
        # Where the last one killed had all but taken away what is left, the next application does that.
        for then in (what,) if _has_work(what, settings.home) else (APPLY, UNDO) if what == UNDO else (APPLY,):
            assert home.command(then) == 0, forked.end_of_log()
        assert _left(settings.home) == []

    print(f"{home.killed} kills, {home.rows:,} rows in {len(home.published):,} versions: 0 lost")  # noqa: T201, the figures of the test
    assert _files(settings.home) == home.files
