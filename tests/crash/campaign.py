"""A campaign: two runners, commands and backups over one home, struck again and again while a checker looks on."""

import json
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pysqlite3

from engine.pipeline.rescue import MOST_RESCUES
from engine.settings import Settings, SourceName
from tests.crash import daily_files
from tests.crash.checking import SHOWN, checked
from tests.crash.journal import Journal, Reader
from tests.crash.processes import GLANCE, PATIENCE, Nursery, Process, journal_of, stands_still, wait_for
from tests.crash.strikes import Strike, Strikes

PIPELINES = ("daily_prices", "scatter")
PASSINGS = 3  # of one point by one run, roughly
RUNNER = ("runner", "--no-scheduling")
BACKUP = ("jobs", "--run", "backup", "--json")
SPARED_AFTER = MOST_RESCUES - 2  # rescues of a run: one that took more runners with it than is allowed would be ended as the cause
FIRST_PACE = 0.03  # seconds that a run takes, until it is measured
MEASURED = 10  # runs, and then it is
LINKED = 40  # files of a backup, and more
ROUND, MOST_ROUNDS = 14, 60  # days that are brought in beside while there are strikes left


@dataclass(slots=True)
class Slot:
    """The place of one runner: whoever has it, and what will befall it."""

    process: Process
    strike: Strike | None = None
    due: float | None = None
    held: tuple[int, int] | None = None  # stopped while it held this run with this fence number
    woken: bool = False


@dataclass
class Campaign:
    """One home under fire."""

    nursery: Nursery
    folder: Path
    source: Path
    since: date
    until: date
    strikes: Strikes
    silence: float = 1.0  # seconds, instead of 15: what is measured here is not how long one waits
    letters: int = 6  # dates whose line is corrected and replayed
    slots: list[Slot] = field(default_factory=list)
    rounds: list[str] = field(default_factory=list)  # what was asked for once more, because there were strikes left
    fenced: int = 0
    in_transaction: int = 0  # stopped while nobody else could write: nobody could take its run over
    looks: int = 0
    runs_over: int = 0
    refused: set[tuple[int, int, int]] = field(default_factory=set)
    begun: dict[int, float] = field(default_factory=dict)  # process -> when it began with its first stage
    struck: set[int] = field(default_factory=set)
    saving: tuple[Process, Strike | None] | None = None  # the backup that is being made
    _database: Any = None
    saved_at: int = 0  # the number of ended runs behind which the next one begins

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.folder, source=SourceName.FILES, source_dir=self.source, backup_keep=3)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = journal_of(self.folder)
        self.journal, self.reader = Journal.opened(self.file), Reader(self.file)
        self.heard = time.monotonic()

    def fight(self) -> None:
        """Bring every date in, correct and replay some, make backups; and more of it, until every strike has come."""
        self.bring_in()
        while (role := self._unspent()) is not None:
            self.rounds.append(role)
            assert len(self.rounds) < MOST_ROUNDS, self.strikes.left
            self.go_round(role)
        self._begin_backup(None)
        self._end_backup()

    def bring_in(self) -> None:
        """Do what every home is asked for."""
        self._backfill(self.since)
        self._work("runner", "backup")
        self._correct_and_replay(self.since)
        self._work("runner", "replay", "backup")

    def go_round(self, role: str) -> None:
        """Bring in some dates that follow, and have lines of theirs corrected and replayed where that is wanted: work that writes.

        Lines of the newest dates, because a replay computes every session behind it anew.
        """
        since, self.until = self.until + timedelta(days=1), self.until + timedelta(days=ROUND)
        self._backfill(since)
        if role == "replay":
            self._work("runner", "backup")
            self._correct_and_replay(since)
        self._work("runner", "replay", "backup")

    def _unspent(self) -> str | None:
        return next((role for role in ("replay", "runner", "backup") if self.strikes.of(role)), None)

    # Commands

    def _backfill(self, since: date) -> None:
        span = ("--since", str(since), "--until", str(self.until))
        for pipeline in PIPELINES:
            self._told("backfill", pipeline, *span, "--max-active", "2", "--json")

    def _told(self, *arguments: str) -> None:
        """Give a command that nobody disturbs, and note its answer."""
        process = self.nursery.start(self.settings, arguments, role="command")
        assert self.nursery.wait(process) == 0, (arguments, self.nursery.end_of_log())
        answer = json.loads(process.said.read_text())
        if "backfill" in answer:
            self.journal.note("answered", answer={"backfill": answer["backfill"], "dates": answer["runs"]})

    def _open_letters(self, since: date) -> Sequence[Any]:
        query = "SELECT id, partition FROM dead_letter WHERE pipeline = 'daily_prices' AND kind = 'row' AND state = 'open'"
        return self.rows(f"{query} AND partition >= ? ORDER BY partition DESC LIMIT ?", str(since), self.letters)

    def _correct_and_replay(self, since: date) -> None:
        """Put right a line of each of the last sessions, and ask for their replay as a page does: again and again until it is answered."""
        letters = self._open_letters(since)
        numbers = {str(day): number for number, day in enumerate(daily_files.sessions(self.since, self.until))}
        for letter in letters:
            line = daily_files.corrected(numbers[letter["partition"]])
            self._told("edit", str(letter["id"]), "--line", line, "--json")
            self.journal.note("answered", answer={"letter": letter["id"], "line": line})
        asked = (f"button-{len(self.rounds)}", *(str(letter["id"]) for letter in letters))
        for point in ("replay: before commit", "replay: after commit", None):
            strike = self.strikes.take(lambda strike, point=point: strike.point == point) if point else None
            if strike is not None or point is None:
                process = self.nursery.start(self.settings, asked, strike=strike, role="replay")
                self.nursery.wait(process)
                self._came(strike, process)
        assert process.code == 0, self.nursery.end_of_log()
        answer = json.loads(process.said.read_text())
        self.journal.note("answered", answer={"backfill": answer["backfill"], "dates": len(letters)})

    def _begin_backup(self, strike: Strike | None) -> None:
        """Start the backup's job in a process that may be struck at a point of its own, while runners work."""
        nth = 1 + int(strike.draw * LINKED) if strike and strike.point == "backup: after a link" else 1
        self.saving = self.nursery.start(self.settings, BACKUP, strike=strike, nth=nth, role="backup"), strike

    def _end_backup(self) -> None:
        """Note what came of it."""
        assert self.saving is not None
        (process, strike), self.saving = self.saving, None
        if self.nursery.wait(process) == 0:
            self.journal.note("answered", answer={"backup": json.loads(process.said.read_text())["figures"]["backup"]})
        else:
            assert process.code == -signal.SIGKILL, self.nursery.end_of_log()
        self._came(strike, process)

    # Runners

    def _work(self, *roles: str) -> None:
        """Let two runners work until nothing is left for them to do."""
        self.roles, began, first, self.pace = roles, time.monotonic(), self.runs_over, FIRST_PACE
        self._count()
        self.slots.append(self._slot())
        self.slots.append(self._slot())
        while self.slots:
            self._read()
            if self.runs_over - first > MEASURED:
                self.pace = (time.monotonic() - began) / (self.runs_over - first)
            self._count()
            for slot in list(self.slots):
                self._look_after(slot)
            self._look_after_backups()
            time.sleep(GLANCE)
        if self.saving is not None:
            self._end_backup()

    def _count(self) -> None:
        query = "SELECT count(*) AS runs, max(rescues) AS rescues FROM run WHERE status IN ('queued', 'running')"
        (row,) = self.rows(query)
        self.left, self.spared = row["runs"], (row["rescues"] or 0) >= SPARED_AFTER

    def _look_after_backups(self) -> None:
        """Spread the backups over the work that there is."""
        if self.saving is not None:
            if self.nursery.ended(self.saving[0]):
                self._end_backup()
                self.saved_at = self.runs_over + self.left // (1 + len(self.strikes.of("backup")))
        elif self.left and self.runs_over >= self.saved_at and (strike := self.strikes.take(lambda strike: strike.role == "backup")):
            self._begin_backup(strike)

    def _wanted(self, strike: Strike) -> bool:
        """Whether it is one for a runner of this time; nobody else is struck while one stands still: somebody must find it."""
        return strike.role in self.roles and strike.role != "backup" and not (self._stopped() and strike.sign is signal.SIGSTOP)

    def _stopped(self) -> bool:
        return any(slot.strike is not None and slot.strike.sign is signal.SIGSTOP for slot in self.slots)

    def _slot(self) -> Slot:
        """Fill a place: with a process that something will befall, as long as there is any."""
        standing = any(slot.held for slot in self.slots)
        strike = None if standing or self.spared else self.strikes.take(self._wanted)
        nth = 1 + int(strike.draw * PASSINGS * self._span()) if strike else 1
        return Slot(self.nursery.start(self.settings, RUNNER, role="runner", strike=strike, nth=nth, silence=self.silence), strike)

    def _span(self) -> float:
        """Return how many runs there are for each strike that is left."""
        return float(self.left / (1 + sum(map(self._wanted, self.strikes.left))))

    def _look_after(self, slot: Slot) -> None:
        """See how a process is, and strike it when its time has come."""
        if self.nursery.ended(slot.process):
            self._after_the_end(slot)
        elif slot.held is not None:
            self._look_at_zombie(slot, *slot.held)
        elif slot.strike is not None and slot.strike.sign is signal.SIGSTOP and slot.process.pid in self.struck:
            self._look_at_stopped(slot)  # by itself, at its point
        elif self.left == 0:
            slot.process.send(signal.SIGTERM)
        elif not self.spared and not any(other.held for other in self.slots):
            self._befall(slot)

    def _befall(self, slot: Slot) -> None:
        """Choose the instant once a process works, and strike it then; one to which nothing will happen gets something."""
        strike, process = slot.strike, slot.process
        if strike is None:
            slot.strike = self.strikes.take(lambda one: self._wanted(one) and one.point is None)
            if slot.strike is None and any(map(self._wanted, self.strikes.left)):
                process.send(signal.SIGTERM)  # one that can be struck at a point takes its place
        elif strike.point is None and slot.due is None:
            if process.pid in self.begun:
                slot.due = time.monotonic() + strike.draw * self.pace * self._span()
        elif slot.due is not None and time.monotonic() >= slot.due:
            process.send(strike.sign)
            self.struck.add(process.pid)
            if strike.sign is signal.SIGSTOP:
                self._look_at_stopped(slot)

    def _after_the_end(self, slot: Slot) -> None:
        self._read()
        self.slots.remove(slot)
        self._came(slot.strike, slot.process)
        assert slot.held is None or slot.strike is None, "a stopped runner ended without being refused"
        self._count()
        if self.left:
            self.slots.append(self._slot())

    def _came(self, strike: Strike | None, process: Process) -> None:
        """Note a strike that came, and look; one that did not is still to come."""
        if strike is None:
            return
        if process.code == -signal.SIGKILL and strike.sign is signal.SIGKILL:
            self.strikes.came.append(strike)
            self._look()
        else:
            self.strikes.left.insert(0, replace(strike, draw=strike.draw / 2))

    # Zombies

    def _look_at_stopped(self, slot: Slot) -> None:
        """See what a process held when it was stopped; if nothing, or what nobody else can take, it goes on and is stopped again."""
        pid = slot.process.pid
        self.struck.discard(pid)
        wait_for(lambda: stands_still(pid), "a process to stand still", self.nursery.log)
        held = self.rows("SELECT id, fence FROM run WHERE status = 'running' AND runner_id LIKE ?", f"%-{pid}-%")
        if held and self._can_be_written():
            slot.held = (held[0]["id"], held[0]["fence"])
            return
        self.in_transaction += bool(held)
        slot.process.send(signal.SIGCONT)
        assert slot.strike is not None
        slot.strike, slot.due = Strike(signal.SIGSTOP, None, slot.strike.draw), None

    def _look_at_zombie(self, slot: Slot, run: int, fence: int) -> None:
        """Wake a stopped runner up when another has its run (every second time: has ended it), and see that it is refused."""
        if not slot.woken:
            (row,) = self.rows("SELECT fence, status FROM run WHERE id = ?", run)
            if row["fence"] > fence and (self.fenced % 2 or row["status"] not in ("queued", "running")):
                slot.woken = True
                slot.process.send(signal.SIGCONT)
        elif (slot.process.pid, run, fence) in self.refused:
            assert slot.strike is not None
            self.fenced += 1
            self.strikes.came.append(slot.strike)
            slot.strike = slot.held = slot.due = None
            slot.woken = False
            self._look()

    def _can_be_written(self) -> bool:
        database = pysqlite3.connect(str(self.folder / "console.db"), timeout=0.5, isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        except pysqlite3.OperationalError:
            return False
        finally:
            database.close()
        return True

    # What is seen

    def _look(self) -> None:
        """Have the checker look at what the last strike may have changed."""
        self.looks += 1
        wrong = checked(self.folder, self.file)["wrong"]
        assert not wrong, f"after strike {len(self.strikes.came)}, {self.strikes.came[-1]}:\n" + "\n".join(wrong[:SHOWN])

    def rows(self, query: str, *values: Any) -> Sequence[Any]:
        """Return what SQL answers, read without the product."""
        if self._database is None:
            self._database = pysqlite3.connect(f"file:{self.folder / 'console.db'}?mode=ro", uri=True, isolation_level=None, timeout=30)
            self._database.row_factory = pysqlite3.Row
        return list(self._database.execute(query, values))

    def _read(self) -> None:
        for fact in self.reader.news():
            self.heard = time.monotonic()
            if fact["what"] == "began":
                self.begun.setdefault(fact["pid"], self.heard)
            elif fact["what"] == "struck":
                self.struck.add(fact["pid"])
            elif fact["what"] == "refused":
                self.refused.add((fact["pid"], fact["run"], fact["fence"]))
            elif fact["what"] == "ended":
                self.runs_over += 1
        assert time.monotonic() - self.heard < PATIENCE, f"nothing happens any more:\n{self.nursery.end_of_log()}"
