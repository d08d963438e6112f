import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import chain

import pyarrow.compute as pc
import pytest

from engine.errors import UsageError
from engine.market.calendar import TradingCalendar
from engine.market.daily_file import parse, to_silver
from engine.market.reference import AnnouncedDay, ControlTotals, IndexDay, Reference
from engine.market.verdict import AcceptedSession, FileKind, Judgement, SessionHistory, judge
from engine.sources.folder import DailyFolder

DAY = timedelta(days=1)


@dataclass
class Desk:
    """Books files one date after the other, as the pipeline does."""

    reference: Reference = field(default_factory=Reference)
    last: AcceptedSession | None = None
    rows: list[int] = field(default_factory=list)
    trades: list[int] = field(default_factory=list)
    held_earlier: set[date] = field(default_factory=set)

    def take(self, parsed, day, **named) -> Judgement:
        calendar = TradingCalendar(self.reference.calendar)
        judgement = judge(
            parsed,
            day,
            last=self.last,
            history=SessionHistory(tuple(self.rows[-20:]), tuple(self.trades[-20:])),
            calendar=calendar,
            reference=self.reference,
            missing=calendar.sessions_between(self.last.session + DAY, day - DAY) if self.last else (),
            held_earlier=self.held_earlier,
            **named,
        )
        if judgement.kind in {FileKind.SESSION, FileKind.LATE}:
            self.last = AcceptedSession(judgement.session_date, to_silver(parsed, judgement.session_date))
            self.rows.append(parsed.rows.num_rows)
            self.trades.append(pc.sum(parsed.rows["trades"]).as_py())
        if judgement.kind in {FileKind.NO_SESSION, FileKind.LATE}:
            self.held_earlier.add(day)
        return judgement


def found(judgement) -> tuple[FileKind, date | None]:
    return judgement.kind, judgement.session_date


def announced(since: date, until: date, closed: Sequence[date] = ()) -> dict[date, AnnouncedDay]:
    days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    names = {day: "Weekend" for day in days if day.weekday() in (4, 5)} | dict.fromkeys(closed, "Holiday")
    return {day: AnnouncedDay(trading=day not in names, holiday=names.get(day)) for day in days}


@pytest.fixture
def desk(market, thursday):
    """A desk that has accepted the sessions 0 to 2: Monday, Tuesday and Wednesday of the week."""
    desk = Desk()
    for number in range(3):
        assert desk.take(market(number), thursday + (number - 3) * DAY).kind is FileKind.SESSION
    return desk


def test_new_numbers_on_a_trading_day_are_its_session(desk, market, thursday):
    assert found(desk.take(market(3), thursday)) == (FileKind.SESSION, thursday)


def test_the_numbers_of_the_last_session_on_a_closed_day_are_no_session(desk, market, thursday):
    desk.take(market(3), thursday)

    judgement = desk.take(market(3), thursday + DAY)

    assert found(judgement) == (FileKind.NO_SESSION, thursday)
    assert "Friday is outside the trading week" in judgement.reason


def test_a_few_corrected_rows_leave_a_repeat_a_repeat_and_are_counted(desk, market, thursday):
    desk.take(market(3), thursday)

    judgement = desk.take(market(3, changed=range(5)), thursday + DAY)

    assert judgement.kind is FileKind.NO_SESSION
    assert "but for 5 of 320 rows" in judgement.reason


def test_a_repeat_on_a_holiday_names_the_holiday(desk, market, thursday):
    desk.reference = Reference(calendar={thursday: AnnouncedDay(trading=False, holiday="Republic Day")})

    assert "Republic Day" in desk.take(market(2), thursday).reason


def test_a_repeat_on_a_trading_day_says_that_a_session_was_expected(desk, market, thursday):
    judgement = desk.take(market(2), thursday)

    assert found(judgement) == (FileKind.NO_SESSION, thursday - DAY)
    assert "was expected" in judgement.reason


def test_a_repeat_on_a_day_that_is_known_to_have_traded_is_no_closure(desk, market, thursday):
    desk.reference = Reference(index={thursday: IndexDay(close=2000.0, turnover=1.0)})

    judgement = desk.take(market(2), thursday)

    assert found(judgement) == (FileKind.UNCLEAR, None)
    assert "its own file has not come" in judgement.reason


def test_half_repeated_and_half_new_is_a_mixture_that_a_person_must_judge(desk, market, thursday):
    judgement = desk.take(market(2, changed=range(160)), thursday)

    assert judgement.kind is FileKind.UNCLEAR
    assert all(part in judgement.reason for part in ("50%", "rerun the date, or book it by hand"))


def test_a_closed_days_file_holds_the_session_whose_own_file_did_not_come(desk, market, thursday):
    assert found(desk.take(market(3), thursday + DAY)) == (FileKind.LATE, thursday)


def test_a_handful_of_rows_is_partial_and_the_next_closed_days_file_is_late(desk, market, thursday):
    first = desk.take(market(3, symbols=8), thursday)
    second = desk.take(market(3), thursday + DAY)

    assert found(first) == (FileKind.PARTIAL, None)
    assert all(part in first.reason for part in ("8 rows", "rerun the date, or book it by hand"))
    assert found(second) == (FileKind.LATE, thursday)


def test_a_handful_of_rows_is_partial_even_as_the_first_file(market, thursday):
    assert Desk().take(market(3, symbols=8), thursday).kind is FileKind.PARTIAL


def test_a_capture_in_the_middle_of_the_session_is_partial(desk, market, thursday):
    assert desk.take(market(3, symbols=300, trades=5), thursday).kind is FileKind.PARTIAL


def test_few_rows_are_right_when_the_index_ended_the_session(desk, market, thursday):
    desk.reference = Reference(index={thursday: IndexDay(close=1.0, change_pct=-6.0)})

    judgement = desk.take(market(3, symbols=230, trades=5), thursday)

    assert found(judgement) == (FileKind.SESSION, thursday)
    assert "index moved -6.00 %" in next(e.detail for e in judgement.evidence if e.name == "completeness")


def test_few_rows_are_wrong_when_the_index_hardly_moved(desk, market, thursday):
    desk.reference = Reference(index={thursday: IndexDay(close=1.0, change_pct=-0.4)})

    assert desk.take(market(3, symbols=230, trades=5), thursday).kind is FileKind.PARTIAL


def test_few_rows_are_right_when_the_control_totals_say_so(desk, market, thursday):
    parsed = market(3, symbols=120)
    desk.reference = Reference(control={thursday: totals(parsed)})

    assert found(desk.take(parsed, thursday)) == (FileKind.SESSION, thursday)


def totals(parsed) -> ControlTotals:
    turnover, shares, trades = (pc.sum(parsed.rows[column]).as_py() for column in ("turnover", "volume", "trades"))
    return ControlTotals(turnover=turnover, shares=shares, trades=trades, symbols=parsed.rows.num_rows)


def test_control_totals_book_a_shifted_file_to_the_day_before(desk, market, thursday):
    desk.reference = Reference(control={thursday: totals(market(3)), thursday + 3 * DAY: totals(market(4))})
    desk.held_earlier.add(thursday)  # its own file still held Wednesday

    sunday = desk.take(market(3), thursday + 3 * DAY)
    monday = desk.take(market(4), thursday + 4 * DAY)

    assert found(sunday) == (FileKind.LATE, thursday)
    assert found(monday) == (FileKind.LATE, thursday + 3 * DAY)


def test_the_index_turnover_books_a_shifted_file_to_the_day_before(desk, market, thursday):
    turnover = float(pc.sum(market(3).rows["turnover"]).as_py())
    desk.reference = Reference(index={thursday: IndexDay(close=1.0, turnover=turnover)})

    assert found(desk.take(market(3), thursday + 3 * DAY)) == (FileKind.LATE, thursday)


def test_totals_far_from_the_published_ones_are_not_believed(desk, market, thursday):
    right = totals(market(3))
    desk.reference = Reference(control={thursday: replace(right, turnover=right.turnover * Decimal("1.5"))})

    judgement = desk.take(market(3), thursday)

    assert found(judgement) == (FileKind.UNCLEAR, None)
    assert "33% off" in judgement.reason


def test_totals_a_little_off_are_noted_as_evidence_only(desk, market, thursday):
    right = totals(market(3))
    desk.reference = Reference(control={thursday: replace(right, trades=right.trades + 1)})

    judgement = desk.take(market(3), thursday)

    assert judgement.kind is FileKind.SESSION
    assert "totals" in {e.name for e in judgement.evidence if e.speaks_for is FileKind.UNCLEAR}


def test_previous_closes_tell_that_a_session_between_is_missing(desk, market, thursday):
    judgement = desk.take(market(4), thursday + 3 * DAY)

    assert found(judgement) == (FileKind.SESSION, thursday + 3 * DAY)
    assert "is missing" in judgement.reason


def test_a_file_that_follows_the_last_session_is_the_announced_one_that_did_not_come(desk, market, thursday):
    sunday = thursday + 3 * DAY
    desk.reference = Reference(calendar=announced(thursday - 7 * DAY, sunday))

    assert found(desk.take(market(3), sunday)) == (FileKind.LATE, thursday)


def test_without_an_announcement_it_may_have_been_a_holiday_and_a_person_decides(desk, market, thursday):
    judgement = desk.take(market(3), thursday + 3 * DAY)

    assert judgement.kind is FileKind.UNCLEAR
    assert f"{thursday}, {thursday + 3 * DAY}" in judgement.reason


def test_an_announced_day_whose_file_repeated_may_have_been_closed_and_a_person_decides(desk, market, thursday):
    sunday = thursday + 3 * DAY
    desk.reference = Reference(calendar=announced(thursday - 7 * DAY, sunday))
    desk.take(market(2), thursday)

    assert desk.take(market(3), sunday).kind is FileKind.UNCLEAR


def test_one_late_file_does_not_shift_all_that_follow(desk, market, thursday):
    sunday = thursday + 3 * DAY
    desk.reference = Reference(calendar=announced(thursday - 7 * DAY, sunday + 7 * DAY))
    desk.take(market(3), sunday)

    judgement = desk.take(market(4), sunday + DAY)

    assert judgement.kind is FileKind.UNCLEAR


def test_a_new_session_on_a_day_announced_as_closed_is_accepted_on_its_numbers(desk, market, thursday):
    desk.reference = Reference(calendar=announced(thursday - 7 * DAY, thursday, closed=[thursday]))

    judgement = desk.take(market(3), thursday)

    assert found(judgement) == (FileKind.SESSION, thursday)
    assert "not announced" in judgement.reason


def test_a_session_that_published_totals_do_not_know_is_left_to_a_person(desk, market, thursday):
    desk.reference = Reference(index={thursday - DAY: IndexDay(close=1.0), thursday + 3 * DAY: IndexDay(close=1.0)})

    judgement = desk.take(market(3), thursday)

    assert judgement.kind is FileKind.UNCLEAR
    assert "have no session on that day" in judgement.reason


def test_a_day_whose_published_turnover_is_another_is_not_the_late_session(desk, market, thursday):
    sunday = thursday + 3 * DAY
    desk.reference = Reference(calendar=announced(thursday - 7 * DAY, sunday), index={thursday: IndexDay(close=1.0, turnover=1.0)})

    assert found(desk.take(market(4), sunday)) == (FileKind.SESSION, sunday)


def test_one_missing_day_that_the_closes_do_not_lead_to_is_left_to_a_person(desk, market, thursday):
    judgement = desk.take(market(5), thursday + DAY)

    assert judgement.kind is FileKind.UNCLEAR
    assert "do not follow" in judgement.reason


def test_several_missing_days_with_closes_that_follow_are_left_to_a_person(desk, market, thursday):
    assert desk.take(market(3), thursday + 8 * DAY).kind is FileKind.UNCLEAR


def test_a_first_file_on_a_closed_day_is_told_by_its_totals(market, thursday):
    desk = Desk(Reference(control={thursday: totals(market(3))}))

    assert found(desk.take(market(3), thursday + DAY)) == (FileKind.NO_SESSION, thursday)


def test_new_numbers_that_follow_nothing_known_are_left_to_a_person(desk, market, thursday):
    assert desk.take(market(5), thursday).kind is FileKind.UNCLEAR


def test_after_several_missing_days_a_closed_days_file_is_the_latest_of_them(desk, market, thursday):
    assert found(desk.take(market(6), thursday + 8 * DAY)) == (FileKind.LATE, thursday + 7 * DAY)


def test_a_booking_by_a_person_wins_and_stands_in_the_evidence(desk, market, thursday):
    judgement = desk.take(market(3), thursday + 3 * DAY, override=thursday)

    assert found(judgement) == (FileKind.LATE, thursday)
    assert [e.observed for e in judgement.evidence if e.name == "booking"] == [str(thursday)]


def test_a_booking_cannot_make_a_session_of_no_rows(desk, read, thursday):
    assert desk.take(read(), thursday, override=thursday).reason.endswith("its header. Get the whole file and rerun the date.")


def test_a_booking_to_a_later_date_is_refused(desk, market, thursday):
    with pytest.raises(UsageError, match="cannot hold the later session"):
        desk.take(market(3), thursday, override=thursday + DAY)


def test_a_file_is_not_judged_against_its_own_session(desk, market, thursday):
    with pytest.raises(UsageError, match="against a session before"):
        desk.take(market(3), desk.last.session)


def test_evidence_is_plain_text(desk, market, thursday):
    evidence = desk.take(market(3), thursday).evidence

    assert {type(value) for value in chain.from_iterable(e.as_json().values() for e in evidence)} == {str}


def test_a_first_file_on_a_closed_day_is_no_session(market, thursday):
    assert found(Desk().take(market(3), thursday + DAY)) == (FileKind.NO_SESSION, None)


# Real files. Each is parsed once for all tests.


@cache
def real_file(source: DailyFolder, day: date):
    file = source.daily_file(day)
    return parse(file.content, file.name)


@pytest.fixture(scope="module")
def source(real_data):
    return DailyFolder(real_data)


@pytest.fixture(scope="module")
def labels(real_data):
    with (real_data / "labels" / "file_labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {"session": FileKind.SESSION, "stale_repeat": FileKind.NO_SESSION}
    return {date.fromisoformat(row["file_date"]): (kinds[row["kind"]], date.fromisoformat(row["carries_session"])) for row in rows}


PARTS = ["calendar control index", "calendar", "control", "index", ""]


@pytest.mark.parametrize("parts", PARTS, ids=["everything", "calendar_only", "control_only", "index_only", "nothing"])
def test_every_real_file_is_judged_as_labelled_whatever_is_known_beside_it(source, labels, parts):
    known = source.reference()
    desk = Desk(Reference(**{part: getattr(known, part) for part in parts.split()}))

    judged = {day: found(desk.take(real_file(source, day), day)) for day in labels}

    assert {day: (judged[day], labels[day]) for day in labels if judged[day] != labels[day]} == {}
    assert [kind for kind, _ in judged.values()].count(FileKind.SESSION) == 414


@pytest.fixture(params=["calendar control index", ""], ids=["everything", "nothing"])
def real_desk(request, source):
    """A desk that has accepted the real sessions of October and November 2025, up to a Wednesday."""
    known = source.reference()
    desk = Desk(Reference(**{part: getattr(known, part) for part in request.param.split()}))
    day = date(2025, 11, 2)
    while day <= date(2025, 11, 19):
        desk.take(real_file(source, day), day)
        day += DAY
    return desk


def test_without_a_thursdays_file_fridays_holds_thursday(real_desk, source):
    assert found(real_desk.take(real_file(source, date(2025, 11, 21)), date(2025, 11, 21))) == (FileKind.LATE, date(2025, 11, 20))


def test_of_a_torn_thursdays_file_the_rest_comes_on_friday(real_desk, source):
    whole = real_file(source, date(2025, 11, 20))
    torn = replace(whole, rows=whole.rows.slice(100, 8))

    assert real_desk.take(torn, date(2025, 11, 20)).kind is FileKind.PARTIAL
    assert found(real_desk.take(real_file(source, date(2025, 11, 21)), date(2025, 11, 21))) == (FileKind.LATE, date(2025, 11, 20))


def test_real_files_a_day_late_are_booked_to_the_day_before_by_their_totals(source):
    desk = Desk(source.reference())
    for day in (date(2025, 11, 17), date(2025, 11, 18)):
        desk.take(real_file(source, day), day)

    stale = desk.take(real_file(source, date(2025, 11, 18)), date(2025, 11, 19))
    shifted = desk.take(real_file(source, date(2025, 11, 19)), date(2025, 11, 20))
    caught_up = desk.take(real_file(source, date(2025, 11, 20)), date(2025, 11, 21))

    assert stale.kind is FileKind.UNCLEAR
    assert [found(shifted), found(caught_up)] == [(FileKind.LATE, date(2025, 11, 19)), (FileKind.LATE, date(2025, 11, 20))]
