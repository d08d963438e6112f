"""The textbook's cost optimizer (9.10): its examples reproduced from its own prices, and its defects, each with a test that ours passes."""

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.costs.cheapest import Advice, cheapest
from engine.costs.compute import Fleet, fleet_lines
from engine.costs.line import total
from engine.costs.policy import Holding, Policy, ReadsByAge
from engine.costs.presets import AWS_2026, TEXTBOOK, preset
from engine.costs.price_book import GB, PriceBook
from engine.costs.query import Scan, billed_bytes, bytes_read, layout, query_lines
from engine.costs.storage_classes import storage_class, storing
from engine.errors import UnknownName, UsageError
from tests.costs.workloads import evenly, policy_lines

BOOK, TODAYS = preset(TEXTBOOK), preset(AWS_2026)
HALF_A_GB = GB / 2
DAY_FILE = Decimal(22_528)


def month_of(name: str, size: Decimal, book: PriceBook = BOOK) -> Decimal:
    return total(storing(storage_class(book, name), "history", Decimal(1), size, Decimal(1)))


def run_of(hours: str, vcpus: int, memory_gb: int, *, book: PriceBook = BOOK, spot_share: int = 1) -> Decimal:
    work = Decimal(hours)
    discount = book.term("compute.spot_discount")
    fleet = Fleet(work * vcpus, work * memory_gb, work=work, spot_share=Decimal(spot_share), discount=discount)
    return total(fleet_lines(book, "run", fleet))


def test_its_storage_example_comes_out_of_its_own_prices():
    standard, glacier = month_of("standard", HALF_A_GB), month_of("glacier", HALF_A_GB)

    assert (standard, glacier) == (Decimal("0.0115"), Decimal("0.002"))  # printed as 0.01 and 0.00
    assert standard - glacier == Decimal("0.0095")


def test_its_processing_example_comes_out_of_its_own_prices():
    daily = run_of("0.1", 2, 4)

    assert daily == Decimal("0.003")
    assert daily * 22 == Decimal("0.066")  # printed as 0.07


def test_its_full_scan_comes_out_of_its_own_prices():
    assert total(query_lines(BOOK, "bigquery", HALF_A_GB, Decimal(1))) == Decimal("0.002441406")  # printed as 0.0024


def test_k1_data_that_is_read_daily_is_not_moved_away_for_its_age():
    daily = ReadsByAge(((0, Decimal(30)),))
    read_daily = Holding(evenly(13, 1, objects=20, size=200 * 2**30), 12, daily)
    its_rule = Policy(warm_at=1, warm="standard_ia", cold_at=12, cold="glacier_instant")

    found = cheapest(TODAYS, read_daily)
    assert found.policy.moves == ()
    assert total(policy_lines(TODAYS, read_daily, its_rule)) > 5 * found.cost


@pytest.mark.parametrize("wrong", ["glacer", "STANDARD", ""])
def test_k2_an_unknown_class_is_an_error_and_not_standard(wrong):
    with pytest.raises(UnknownName, match="glacier"):
        month_of(wrong, GB)


def test_k2_a_negative_size_is_an_error_and_not_a_negative_cost():
    with pytest.raises(UsageError, match="0 or more"):
        month_of("standard", -GB)


def test_k3_memory_is_priced():
    small, large = (run_of("0.1", 2, memory_gb, book=TODAYS) for memory_gb in (4, 4096))

    assert large > 100 * small


def test_k3_the_price_of_the_book_is_used():
    doubled = BOOK.scaled("compute.vcpu_hour", Decimal(2))

    assert run_of("0.1", 2, 4, book=doubled) == 2 * run_of("0.1", 2, 4)


def test_k3_a_spot_discount_is_taken_once():
    on_demand, spot = (run_of("1", 2, 4, book=TODAYS, spot_share=share) for share in (0, 1))

    assert spot == pytest.approx(on_demand * (1 - TODAYS.term("compute.spot_discount")), abs=Decimal("1e-8"))


def test_k4_columns_save_what_they_save_and_not_a_fixed_share(tmp_path):
    table = pa.table({"wide": [f"{number:0200d}" for number in range(5000)], "narrow": [number % 2 for number in range(5000)]})
    pq.write_table(table, tmp_path / "file.parquet", use_dictionary=False, compression="none")
    groups = layout(pq.read_metadata(tmp_path / "file.parquet"))

    shares = [bytes_read(groups, Scan((column,))).share for column in ("wide", "narrow")]
    assert shares[0] > 0.9
    assert shares[1] < 0.1


def test_k4_a_query_below_the_engines_minimum_costs_its_minimum():
    assert billed_bytes(TODAYS, "athena", DAY_FILE) == 10 * 2**20
    assert total(query_lines(TODAYS, "athena", DAY_FILE / 5, Decimal(1))) == total(query_lines(TODAYS, "athena", DAY_FILE, Decimal(1)))


def test_k5_a_day_file_in_infrequent_access_is_billed_at_128_kib():
    assert storage_class(TODAYS, "standard_ia").billable_bytes(DAY_FILE) == 128 * 1024
    assert month_of("standard_ia", DAY_FILE, TODAYS) > 3 * month_of("standard", DAY_FILE, TODAYS)


def test_k5_moving_day_files_as_its_rule_says_costs_more_than_it_saves_and_the_advice_is_to_stay():
    files = Holding(evenly(23, 12, objects=20, size=20 * int(DAY_FILE)), 12)
    its_rule = Policy(warm_at=1, warm="standard_ia", cold_at=12, cold="glacier_instant")

    assert total(policy_lines(TODAYS, files, its_rule)) > 3 * total(policy_lines(TODAYS, files, Policy()))
    assert cheapest(TODAYS, files).advice is Advice.COMPACT


def test_k5_retrieval_requests_and_minimum_days_are_in_the_price():
    cold = storage_class(TODAYS, "glacier_instant")

    assert cold.read_of_one(GB) == Decimal("0.03") + Decimal("0.01") / 1000
    assert cold.minimum_days == 90
    assert replace(cold, minimum_bytes=Decimal(0)).billable_bytes(DAY_FILE) == DAY_FILE
