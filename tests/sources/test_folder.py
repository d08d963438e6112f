import gzip
import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import SourceMisconfigured, SourceUnavailable
from engine.market.reference import AnnouncedDay, ControlTotals, Reference
from engine.sources.folder import DailyFolder

DAY = date(2024, 3, 5)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "daily").mkdir()
    return tmp_path


def put(root: Path, where: str, text: str) -> Path:
    path = root / where
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["2024_03_05.csv.gz", "2024_03_05.csv", "2024-03-05.csv.gz", "2024-03-05.csv"])
def test_a_file_is_found_by_its_date_and_comes_byte_for_byte(root, name):
    content = gzip.compress(b"x") if name.endswith("gz") else b"x"
    (root / "daily" / name).write_bytes(content)

    file = DailyFolder(root).daily_file(DAY)

    assert (file.name, file.content) == (name, content)


def test_the_fingerprint_of_a_file_is_that_of_its_bytes(root):
    put(root, "daily/2024_03_05.csv", "abc")

    assert DailyFolder(root).daily_file(DAY).sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_date_without_a_file_is_none(root):
    assert DailyFolder(root).daily_file(DAY) is None


def test_a_file_added_later_is_found(root):
    source = DailyFolder(root)
    assert source.daily_file(DAY) is None

    put(root, "daily/2024_03_05.csv", "x")

    assert source.daily_file(DAY).content == b"x"


def test_two_files_of_one_date_are_both_named(root):
    put(root, "daily/2024_03_05.csv", "x")
    put(root, "daily/2024-03-05.csv.gz", "y")

    with pytest.raises(SourceMisconfigured, match=r"2024_03_05\.csv.*2024-03-05\.csv\.gz|2024-03-05\.csv\.gz.*2024_03_05\.csv"):
        DailyFolder(root).daily_file(DAY)


def test_two_files_of_one_date_are_noticed_in_the_span_too(root):
    put(root, "daily/2024_03_05.csv", "x")
    put(root, "daily/2024-03-05.csv.gz", "y")

    with pytest.raises(SourceMisconfigured, match="Two files claim 2024-03-05"):
        DailyFolder(root).span()


def test_the_span_is_from_the_first_to_the_last_dated_file(root):
    for name in ("2024_03_07.csv", "2024-03-05.csv.gz", "2024_03_06.csv", "notes.txt", ".hidden", "2024_03_08.csv.part"):
        put(root, f"daily/{name}", "x")

    assert DailyFolder(root).span() == (DAY, date(2024, 3, 7))


def test_an_empty_folder_has_no_span(root):
    assert DailyFolder(root).span() is None


def test_a_name_with_an_impossible_date_is_pointed_out(root):
    put(root, "daily/2024_13_45.csv", "x")

    with pytest.raises(SourceMisconfigured, match="2024_13_45"):
        DailyFolder(root).span()


@pytest.mark.parametrize("ask", [lambda source: source.daily_file(DAY), lambda source: source.span()])
def test_a_missing_folder_says_what_to_set(tmp_path, ask):
    with pytest.raises(SourceMisconfigured, match=r"no folder .*nowhere\. Set NEPSE_SOURCE_DIR"):
        ask(DailyFolder(tmp_path / "nowhere"))


def test_a_folder_without_daily_names_it(tmp_path):
    with pytest.raises(SourceMisconfigured, match="daily"):
        DailyFolder(tmp_path).daily_file(DAY)


def test_a_disk_that_does_not_answer_is_worth_another_try(root, monkeypatch):
    put(root, "daily/2024_03_05.csv", "x")

    def refuse(_path, _mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(SourceUnavailable, match="Permission denied") as caught:
        DailyFolder(root).daily_file(DAY)
    assert caught.value.retryable


def test_without_any_table_the_reference_is_empty(root):
    assert DailyFolder(root).reference() == Reference()


def test_the_calendar_keeps_a_holidays_name_beside_a_contradicting_flag(root):
    put(root, "calendar/trading_calendar.csv", "Date,IsTradingDay,HolidayName\n2025-08-10,True,Gai Jatra\n2025-08-09,False,Weekend\n")

    assert DailyFolder(root).reference().calendar == {
        date(2025, 8, 10): AnnouncedDay(trading=True, holiday="Gai Jatra"),
        date(2025, 8, 9): AnnouncedDay(trading=False, holiday="Weekend"),
    }


CONTROL = "businessDate,totalTurnover,totalTradedShares,totalTransactions,tradedScrips\n"


def test_control_totals_are_exact(root):
    put(root, "control/market_summary.csv", CONTROL + "2025-07-31,15988911994.36,36871244,168594,318\n")

    assert DailyFolder(root).reference().control == {
        date(2025, 7, 31): ControlTotals(turnover=Decimal("15988911994.36"), shares=36871244, trades=168594, symbols=318)
    }


def test_the_index_changes_against_the_session_before_whatever_the_order_of_lines(root):
    put(root, "index/nepse_index.csv", "date,close,turnover\n2025-01-02,110,5\n2025-01-01,100,\n")

    index = DailyFolder(root).reference().index

    assert (index[date(2025, 1, 1)].change_pct, index[date(2025, 1, 1)].turnover) == (None, None)
    assert (index[date(2025, 1, 2)].previous_close, index[date(2025, 1, 2)].change_pct) == (100.0, pytest.approx(10.0))


def test_book_closures_are_sorted_and_those_not_yet_set_are_left_out(root):
    put(
        root,
        "corporate_actions/dividends.csv",
        "symbol,book_closure_date\nADBL,2025-11-30 [Closed]\nADBL,2024-01-02\nCYCL,\n",
    )

    assert DailyFolder(root).reference().book_closures == {"ADBL": (date(2024, 1, 2), date(2025, 11, 30))}


def test_securities_are_known_by_the_symbol_as_we_keep_it(root):
    put(
        root,
        "securities/company_info.csv",
        "symbol,securityName,sectorName,instrumentType,status\nNICAD 85/86,NIC Debenture,Debentures,Debenture,A\n",
    )

    security = DailyFolder(root).reference().securities["NICAD85/86"]

    assert (security.name, security.sector, security.instrument, security.status) == ("NIC Debenture", "Debentures", "Debenture", "A")


@pytest.mark.parametrize(
    ("where", "text", "said"),
    [
        ("calendar/trading_calendar.csv", "Date,IsTradingDay,HolidayName\n2025-08-10,maybe,\n", "line 2, column IsTradingDay: 'maybe'"),
        ("calendar/trading_calendar.csv", "Date,IsTradingDay,HolidayName\n2025-13-10,True,\n", "line 2, column Date: '2025-13-10'"),
        ("calendar/trading_calendar.csv", "Date,IsTradingDay,HolidayName\n2025-08-10,True\n", "line 2: 2 cells"),
        ("calendar/trading_calendar.csv", "Date,Open\n", "line 1 lacks the column IsTradingDay, HolidayName"),
        ("calendar/trading_calendar.csv", "", "lacks the column Date"),
        ("control/market_summary.csv", CONTROL + "2025-07-31,nan,1,1,1\n", "column totalTurnover: 'nan'"),
        ("control/market_summary.csv", CONTROL + "2025-07-31,1,1.5,1,1\n", "column totalTradedShares: '1.5'"),
        ("control/market_summary.csv", CONTROL + "2025-07-31,1,1,1,1\n" * 2, "line 3, column businessDate: 2025-07-31 stands there twice"),
        ("index/nepse_index.csv", "date,close,turnover\n2025-01-01,inf,1\n", "column close: 'inf'"),
        ("securities/company_info.csv", "symbol,securityName,sectorName,instrumentType,status\n,a,b,c,d\n", "column symbol"),
        ("corporate_actions/dividends.csv", "symbol,book_closure_date\nADBL,soon\n", "column book_closure_date: 'soon'"),
        ("corporate_actions/dividends.csv", 'symbol,book_closure_date\nADBL,"open\n', "not CSV"),
    ],
)
def test_a_malformed_table_is_named_with_line_and_column(root, where, text, said):
    path = put(root, where, text)

    with pytest.raises(SourceMisconfigured) as caught:
        DailyFolder(root).reference()
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_an_unchanged_reference_is_not_read_again(root):
    put(root, "control/market_summary.csv", CONTROL)
    source = DailyFolder(root)

    assert source.reference() is source.reference()


def test_a_changed_table_is_read_again(root):
    path = put(root, "control/market_summary.csv", CONTROL)
    source = DailyFolder(root)
    before = source.reference()
    path.write_text(CONTROL + "2025-07-31,1,1,1,1\n", encoding="utf-8")

    assert (len(before.control), len(source.reference().control)) == (0, 1)


def test_a_table_of_the_same_size_with_another_time_is_read_again(root):
    path = put(root, "control/market_summary.csv", CONTROL + "2025-07-31,1,1,1,1\n")
    source = DailyFolder(root)
    source.reference()
    path.write_text(CONTROL + "2025-07-31,2,1,1,1\n", encoding="utf-8")
    os.utime(path, (1, 1))

    assert source.reference().control[date(2025, 7, 31)].turnover == 2


def test_a_table_taken_away_is_gone(root):
    path = put(root, "control/market_summary.csv", CONTROL + "2025-07-31,1,1,1,1\n")
    source = DailyFolder(root)
    source.reference()
    path.unlink()

    assert source.reference().control == {}


def test_the_real_folder_is_read_whole(real_data):
    source = DailyFolder(real_data)
    reference = source.reference()

    assert source.span() == (date(2024, 3, 4), date(2025, 12, 31))
    assert (len(reference.calendar), len(reference.control), len(reference.index)) == (6940, 87, 2296)
    assert (len(reference.securities), reference.book_closures["ADBL"][-1]) == (645, date(2025, 11, 30))
    assert reference.index[date(2024, 3, 4)].change_pct == pytest.approx(6.0, abs=0.01)
