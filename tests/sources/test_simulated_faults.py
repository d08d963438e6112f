"""What goes wrong on purpose in the simulated files, and that the judge of real files sees through it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import pyarrow.compute as pc
import pytest

from engine.clock import FakeClock
from engine.errors import SourceUnavailable, UnknownLayout
from engine.market.calendar import TradingCalendar
from engine.market.daily_file import ParsedFile, parse, to_silver
from engine.market.reference import AnnouncedDay, Reference
from engine.market.verdict import AcceptedSession, FileKind, Judgement, SessionHistory, judge
from engine.quality.report import judge as judge_quality
from engine.quality.sample import Sample
from engine.sources.simulated import DEFAULT_FAULTS, NO_FAULTS, FaultKind, Faults, Holding, SimulatedExchange
from engine.stream.sources.damage import DEFAULT_TICK_FAULTS, NO_TICK_FAULTS
from engine.thresholds import snapshot
from storage.status import GateVerdict
from tests.conftest import REPOSITORY

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROW_FAULTS = {"unparsable", "ragged", "blank_symbol", "crossed", "outside_band", "zero_price", "duplicate"}
LOSING = {FaultKind.LATE, FaultKind.PARTIAL, FaultKind.MISSING, FaultKind.UNKNOWN_LAYOUT}
WINDOWS = [date(2026, 11, 23), date(2025, 6, 1)]


def exchange(faults: Faults = DEFAULT_FAULTS) -> SimulatedExchange:
    return SimulatedExchange(seed=9, clock=FakeClock(NOW), faults=faults)


@pytest.fixture(scope="module")
def market() -> SimulatedExchange:
    return exchange()


@pytest.fixture(scope="module")
def healthy() -> SimulatedExchange:
    return exchange(NO_FAULTS)


def days_before(market: SimulatedExchange, end: date, *, sessions: int = 60) -> list[date]:
    """The calendar days that hold the last sessions before `end`."""
    traded = [day for day in market.reference().index if day < end][-sessions:]
    return [traded[0] + timedelta(days=n) for n in range((end - traded[0]).days)]


def first_day(market: SimulatedExchange, kind: FaultKind, *, holds: Holding | None = None) -> date:
    days = (date(2024, 2, 1) + timedelta(days=n) for n in range(300))
    return next(day for day in days if kind in (truth := market.truth(day)).faults and holds in (None, truth.holds))


def parsed(source: SimulatedExchange, day: date) -> ParsedFile:
    return parse(asked_again(source, day), f"{day}")


def asked_again(source: SimulatedExchange, day: date) -> bytes:
    for _ in range(3):
        try:
            return source.daily_file(day).content
        except SourceUnavailable:
            continue
    raise AssertionError(f"{day} never answers")


@pytest.mark.parametrize("end", WINDOWS)
@pytest.mark.parametrize("kind", FaultKind)
def test_sixty_sessions_show_every_fault(market, end, kind):
    seen = Counter(fault for day in days_before(market, end) for fault in market.truth(day).faults)

    assert 1 <= seen[kind] <= 3


@pytest.mark.parametrize("end", WINDOWS)
def test_most_of_sixty_sessions_are_whole(market, end):
    whole = {market.truth(day).session for day in days_before(market, end) if market.truth(day).holds in {Holding.SESSION, Holding.LATE}}

    assert len(whole) >= 50


def test_a_wrong_holiday_is_announced_as_a_trading_day_with_a_name(market):
    day = first_day(market, FaultKind.WRONG_HOLIDAY)

    assert market.reference().calendar[day].trading
    assert market.reference().calendar[day].holiday
    assert market.truth(day).session < day


def test_an_unplanned_closure_is_announced_as_a_trading_day_like_any_other(market):
    day = first_day(market, FaultKind.UNPLANNED_CLOSURE)

    assert market.reference().calendar[day] == AnnouncedDay(trading=True)
    assert market.truth(day).session < day


def test_faults_change_files_and_never_the_market(market, healthy):
    assert market.reference().control == healthy.reference().control
    assert [day for day in days_before(healthy, WINDOWS[0]) if healthy.truth(day).faults] == []


def test_a_timeout_lasts_for_the_first_calls_only():
    source = exchange()
    day = first_day(source, FaultKind.TIMEOUT)
    for _ in range(DEFAULT_FAULTS.timeout_calls):
        with pytest.raises(SourceUnavailable, match=str(day)):
            source.daily_file(day)

    assert source.daily_file(day).content == exchange(replace(DEFAULT_FAULTS, timeout_calls=0)).daily_file(day).content


def test_a_missing_file_never_comes(market):
    day = first_day(market, FaultKind.MISSING)

    assert market.daily_file(day) is None
    assert market.truth(day + timedelta(days=1)).session == day + timedelta(days=1)


@pytest.mark.parametrize("holds", [Holding.PARTIAL, Holding.NOTHING])
def test_a_late_session_is_whole_in_the_file_of_the_next_day(market, healthy, holds):
    day = first_day(market, FaultKind.LATE, holds=holds)
    late = parsed(market, day + timedelta(days=1)).rows

    assert market.truth(day + timedelta(days=1)).holds is Holding.LATE
    assert late.drop_columns("confidence").equals(parsed(healthy, day).rows.drop_columns("confidence"))


def test_a_partial_file_holds_a_handful_of_rows(market):
    day = first_day(market, FaultKind.PARTIAL)

    assert 5 <= parsed(market, day).rows.num_rows <= 12
    assert market.reference().control[day].symbols > 200


def test_a_layout_never_seen_names_its_new_columns(market):
    day = first_day(market, FaultKind.UNKNOWN_LAYOUT)

    with pytest.raises(UnknownLayout, match="Traded Shares"):
        parsed(market, day)


def test_another_known_layout_holds_the_same_numbers(market, healthy):
    day = first_day(market, FaultKind.OTHER_LAYOUT)
    file, usual = parsed(market, day), parsed(healthy, day)

    assert (file.layout, usual.layout) == ("v3_24col", "v1_21col")
    assert file.rows.drop_columns("last_price").equals(usual.rows.drop_columns("last_price"))


@pytest.mark.parametrize("kind", ["unparsable", "ragged", "blank_symbol"])
def test_a_row_that_cannot_be_read_costs_itself_only(healthy, kind):
    source = exchange(replace(NO_FAULTS, **{kind: 2}))
    file, whole = parsed(source, first_day(source, FaultKind(kind))), parsed(healthy, first_day(source, FaultKind(kind)))

    assert file.rejected.num_rows == 2
    assert file.rows.num_rows == whole.rows.num_rows - 2


@pytest.mark.parametrize(
    ("kind", "is_bad"),
    [
        ("crossed", lambda row: row["high"] < row["low"]),
        ("outside_band", lambda row: row["close"] > row["previous_close"] * 139 / 100 > 0),
        ("zero_price", lambda row: row["low"] == 0),
    ],
)
def test_a_row_that_is_wrong_can_be_read(kind, is_bad):
    source = exchange(replace(NO_FAULTS, **{kind: 2}))
    file = parsed(source, first_day(source, FaultKind(kind)))

    assert file.rejected.num_rows == 0
    assert sum(is_bad(row) for row in file.rows.to_pylist()) == 2


def test_a_duplicate_contradicts_the_row_before_it(healthy):
    source = exchange(replace(NO_FAULTS, duplicate=1))
    day = first_day(source, FaultKind.DUPLICATE)
    file = parsed(source, day)

    assert file.lines.duplicates == 1
    assert file.rows.drop_columns("line").equals(parsed(healthy, day).rows.drop_columns("line"))


def test_a_closed_day_repeats_the_last_session_and_may_fill_in_the_confidence(healthy):
    filled = Counter()
    for day in days_before(healthy, WINDOWS[0]):
        truth = healthy.truth(day)
        if truth.holds is Holding.REPEAT:
            repeat, session = parsed(healthy, day).rows, parsed(healthy, truth.session).rows
            filled[repeat.equals(session)] += 1

            assert repeat.drop_columns("confidence").equals(session.drop_columns("confidence"))
    assert min(filled[True], filled[False]) >= 5


def test_the_confidence_is_filled_in_for_all_rows_at_once(healthy):
    nulls = {parsed(healthy, day).rows["confidence"].null_count == 0 for day in days_before(healthy, WINDOWS[0])}

    assert nulls == {True, False}


def test_every_fault_stands_in_the_documentation_with_its_rate():
    told = re.findall(r"^\| `(\w+)` \| (\d+) \|", (REPOSITORY / "docs" / "simulated.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert told == [(name, str(rate)) for faults in (DEFAULT_FAULTS, DEFAULT_TICK_FAULTS) for name, rate in asdict(faults).items()]
    assert {str(kind) for kind in FaultKind} | {"timeout_calls"} == set(asdict(DEFAULT_FAULTS))


def test_no_faults_has_no_rate_at_all():
    assert set(asdict(NO_FAULTS).values()) == set(asdict(NO_TICK_FAULTS).values()) == {0}


KINDS = {
    Holding.SESSION: FileKind.SESSION,
    Holding.REPEAT: FileKind.NO_SESSION,
    Holding.LATE: FileKind.LATE,
    Holding.PARTIAL: FileKind.PARTIAL,
}


def judgements(market: SimulatedExchange, reference: Reference, *, since: date, until: date) -> Iterator[tuple[date, Judgement]]:
    """Judge every file of a span in order, as the pipeline does; a file of an unknown layout is left out."""
    calendar, accepted, earlier = TradingCalendar(reference.calendar), [], []
    for day in (since + timedelta(days=n) for n in range((until - since).days + 1)):
        if market.truth(day).holds in {Holding.NOTHING, Holding.UNKNOWN_LAYOUT}:
            continue
        file, last = parsed(market, day), accepted[-1] if accepted else None
        gaps = [d for d in calendar.sessions_between(last.session, day) if last.session < d < day] if last else []
        recent = [entry.prices for entry in accepted[-20:]]
        history = SessionHistory(tuple(table.num_rows for table in recent), tuple(pc.sum(table["trades"]).as_py() for table in recent))
        judged = judge(file, day, last=last, history=history, calendar=calendar, reference=reference, missing=gaps, held_earlier=earlier)
        if judged.kind in {FileKind.SESSION, FileKind.LATE}:
            accepted.append(AcceptedSession(judged.session_date, to_silver(file, judged.session_date)))
        if judged.kind in {FileKind.NO_SESSION, FileKind.LATE}:
            earlier.append(day)
        yield day, judged


def disagreements(market: SimulatedExchange, reference: Reference, *, since: date, until: date) -> list[tuple]:
    found = []
    for day, judged in judgements(market, reference, since=since, until=until):
        truth = market.truth(day)
        session = None if truth.holds is Holding.PARTIAL else truth.session
        if (judged.kind, judged.session_date) != (KINDS[truth.holds], session):
            found.append((day, truth, judged.kind, judged.session_date, judged.reason))
    return found


def test_the_judge_of_real_files_agrees_with_the_truth(market):
    assert disagreements(market, market.reference(), since=date(2025, 1, 1), until=date(2026, 11, 23)) == []


def test_by_the_calendar_and_the_data_alone_the_judge_asks_a_person_rather_than_err(market):
    reference = Reference(calendar=market.reference().calendar)
    found = disagreements(market, reference, since=date(2026, 4, 1), until=date(2026, 11, 23))

    assert {kind for _, _, kind, _, _ in found} <= {FileKind.UNCLEAR}
    assert len(found) <= 12


def test_a_tenth_of_a_file_is_crossed_so_that_a_visitor_meets_a_session_that_is_held_back(healthy):
    source = exchange(replace(NO_FAULTS, many_crossed=1))
    day = first_day(source, FaultKind.MANY_CROSSED)
    file, whole = parsed(source, day), parsed(healthy, day)
    crossed = sum(row["high"] < row["low"] for row in file.rows.to_pylist())
    report = judge_quality(Sample(day, file.rows, file.layout, file.lines, source.reference()), snapshot({}, 0))

    assert crossed == whole.rows.num_rows // 10
    assert (file.rows.num_rows, file.rejected.num_rows) == (whole.rows.num_rows, 0)
    assert report.verdict is GateVerdict.BLOCKED
    assert len(report.quarantined) == crossed


def test_the_other_faults_are_where_they_were_before_there_was_a_held_back_session(market):
    without = exchange(replace(DEFAULT_FAULTS, many_crossed=0))
    days = days_before(market, WINDOWS[0], sessions=200)

    moved = [day for day in days if market.truth(day).faults - {FaultKind.MANY_CROSSED} != without.truth(day).faults]
    assert moved == []


def test_the_sessions_around_a_held_back_one_are_healthy(market):
    traded = list(market.reference().index)
    held = [at for at, day in enumerate(traded[:-1]) if at and FaultKind.MANY_CROSSED in market.truth(day).faults]

    assert [traded[at] for at in held if market.truth(traded[at - 1]).faults & LOSING] == []
    assert [traded[at] for at in held if market.truth(traded[at + 1]).faults] == []
