"""The book of past scores, one for all visitors: made from the findings in the lake, of which only new ones are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

import engine.runtime
from engine.quality.backtest import Outcome, PastSession, ScoreBook
from engine.quality.preview import sessions_that_differ
from engine.quality.report import FINDING_SCHEMA
from engine.thresholds import Thresholds
from pages.ui import format as say
from pages.ui import quality_data
from pages.ui.quality_views import JudgedView
from storage.lake import LakeFileLost

_UNREADABLE = "lines_readable"  # its finding says how many lines could not be read


@dataclass(frozen=True)
class Book:
    """The scores of the sessions that were judged, oldest first; `lost` are sessions whose findings cannot be read."""

    scores: ScoreBook
    judged: Sequence[JudgedView]
    lost: tuple[date, ...]

    @cached_property
    def as_judged(self) -> Outcome:
        """What became of the sessions, each by the thresholds that it was judged with."""
        versions = [one.threshold_version for one in self.judged]
        return self.scores.as_judged(versions, {version: quality_data.thresholds_at(version) for version in {0, *versions}})

    def stale(self, current: Thresholds) -> tuple[date, ...]:
        """Return the dates whose session would come out otherwise by the current thresholds than it did, oldest first."""
        places = sessions_that_differ(self.as_judged, self.scores.outcome(current), self.scores)
        return tuple(sorted({self.judged[at].partition for at in places}))


class _Shelf:
    """What was read from the lake, kept by path: those files never change."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tables: dict[str, pa.Table | None] = {}
        self._made_of: tuple[tuple[int, str | None], ...] = ()
        self._book: Book | None = None

    def book(self, judged: Sequence[JudgedView]) -> Book:
        """Return the book of these sessions, the same one while nothing was judged since."""
        made_of = tuple((one.run_id, one.findings_path) for one in judged)
        with self._lock:
            found = self._read({path for _, path in made_of if path})
            if self._book is None or found or made_of != self._made_of:
                pasts = [self._past(one) for one in judged]
                lost = tuple(one.session for one in judged if one.findings_path and self._tables[one.findings_path] is None)
                self._book, self._made_of = Book(ScoreBook(pasts), tuple(judged), lost), made_of
            return self._book

    def holds(self, judged: Sequence[JudgedView]) -> bool:
        """Say whether the book can be made without reading many files."""
        return sum(one.findings_path not in self._tables for one in judged if one.findings_path) < 30  # noqa: PLR2004, no wait to be seen

    def _read(self, paths: set[str]) -> bool:
        """Read what is new, and again what was lost, which may have come back; say whether anything was read."""
        folder = engine.runtime.runtime().lake
        for path in self._tables.keys() - paths:
            del self._tables[path]
        wanted = [path for path in paths if self._tables.get(path) is None]
        for path in wanted:
            try:
                self._tables[path] = folder.read_table(path)
            except LakeFileLost:
                self._tables[path] = None
        return any(self._tables[path] is not None for path in wanted)

    def _past(self, one: JudgedView) -> PastSession:
        found = self._tables[one.findings_path] if one.findings_path else None
        table = FINDING_SCHEMA.empty_table() if found is None else found
        unreadable = pc.sum(table.filter(pc.equal(table["check"], _UNREADABLE))["observed"]).as_py() or 0
        return PastSession(one.session, table, one.lines - int(unreadable), int(unreadable), approved=one.approved_by is not None)


@st.cache_resource(show_spinner=False)
def _shelf() -> _Shelf:
    return _Shelf()


def book(pipeline: str) -> Book:
    """Return the book of every session that was judged."""
    judged = quality_data.judged(pipeline, limit=quality_data.MOST_SESSIONS)
    shelf = _shelf()
    if shelf.holds(judged):
        return shelf.book(judged)
    with st.spinner(f"Reading what was found in {len(judged)} sessions…"):
        return shelf.book(judged)


def warn_of_lost(past: Book) -> None:
    """Say which sessions are not in the book, because the lake has lost what was found in them."""
    if past.lost:
        more = f" and {len(past.lost) - 1} more" if len(past.lost) > 1 else ""
        st.warning(
            f"What was found on {say.day(past.lost[0])}{more} cannot be read, and is left out here. Rerun the date to find it again.",
            icon=":material/link_off:",
        )
