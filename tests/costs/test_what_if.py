"""What if: each slider moves what it should, the total is the sum of its parts, and shortcuts come to what the long way comes to."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.costs.advice import change_of, savings, swings
from engine.costs.crossings import TierLine, crossings, tier_lines
from engine.costs.line import Category, by_category
from engine.costs.presets import AWS_2026, TEXTBOOK, preset
from engine.costs.price_book import FX, MONTH_DAYS, Currency
from engine.costs.question import CHOSEN, RESCUED_WITHIN, TODAY, WORLD, Question, asked, question_of
from engine.costs.storage_classes import storage_classes
from engine.costs.what_if import Projection, answer, months_of, query_bytes, recommended
from engine.errors import UnknownName, UsageError
from engine.pipeline.rescue import SILENCE
from tests.costs.workloads import workload

BOOK = preset(AWS_2026)
WORK = workload()


def total(**turned) -> Decimal:
    return answer(WORK, Question(**turned), BOOK).total


def part(category: Category, **turned) -> Decimal:
    return by_category(answer(WORK, Question(**turned), BOOK).lines).get(category, Decimal(0))


def whole(projection: Projection) -> Decimal:
    return sum((sum(amounts) for amounts in projection.by_category.values()), Decimal(0))


questions = st.builds(
    Question,
    growth=st.decimals(-5, 20, places=1),
    symbols=st.decimals("0.5", 5, places=1),
    scale=st.sampled_from([1, 100, 10_000]),
    horizon=st.integers(1, 24),
    compact=st.booleans(),
    warm_at=st.sampled_from([0, 3]),
    cold_at=st.sampled_from([0, 2, 12]),
    cold=st.sampled_from(["glacier_instant", "deep_archive"]),
    spot=st.sampled_from([0, 50, 100]),
    days=st.sampled_from([0, 20]),
    columns=st.sampled_from([(), ("close",)]),
)


@settings(max_examples=25)
@given(questions, st.sampled_from(Currency))
def test_the_months_add_up_to_the_total_and_the_band_lies_around_them(question, currency):
    found = answer(WORK, question, BOOK, currency)

    assert whole(found) == pytest.approx(found.total, abs=Decimal("1e-6"))
    for number, (low, high) in enumerate(found.band):
        month = sum(amounts[number] for amounts in found.by_category.values())
        assert low <= month <= high


@settings(max_examples=15)
@given(questions)
def test_what_a_scale_does_not_touch_it_does_not_move_and_more_never_costs_less(question):
    larger = question.model_copy(update={"scale": min(question.scale * 10, 10_000), "growth": question.growth + 1})

    assert answer(WORK, question, BOOK).total <= answer(WORK, larger, BOOK).total


def test_every_slider_moves_its_own_part():
    assert part(Category.REQUESTS, compact=True) < part(Category.REQUESTS)
    assert part(Category.COMPUTE, spot=100) == pytest.approx(part(Category.COMPUTE) * Decimal("0.4"), rel=Decimal("0.01"))
    assert part(Category.QUERY, columns=("close",), scale=1000) < part(Category.QUERY, scale=1000) / 2
    assert part(Category.QUERY, days=20, scale=1000) < part(Category.QUERY, scale=1000) / 5
    assert part(Category.STORAGE, codec="zstd") == pytest.approx(part(Category.STORAGE) * Decimal("0.9"), rel=Decimal("0.001"))
    assert part(Category.STORAGE, symbols=2) > part(Category.STORAGE)
    assert part(Category.RETRIEVAL, cold_at=3, scale=1000) > 0
    assert part(Category.COMPUTE, vcpus=8, scale=100) > part(Category.COMPUTE, scale=100)


def test_a_run_that_loads_nothing_is_billed_the_least_time_that_there_is():
    line = next(line for line in answer(WORK, TODAY, BOOK).lines if line.what == "vCPU-hours on demand")
    least = BOOK.term("compute.minimum_seconds")

    assert line.quantity == pytest.approx(12 * (WORK.loads_a_month * 90 + WORK.idle_a_month * least) / 3600)
    assert "runs a month x 60 s that load nothing" in line.formula
    without = next(
        line for line in answer(replace(WORK, idle_a_month=Decimal(0)), TODAY, BOOK).lines if line.what == "vCPU-hours on demand"
    )
    assert without.quantity < line.quantity


def test_a_checkpoint_gives_time_back_that_interruptions_take():
    rough = {"spot": 100, "interrupted": Decimal(99), "scale": 10_000}

    assert part(Category.COMPUTE, checkpoint=10, **rough) < part(Category.COMPUTE, **rough)


def test_an_interrupted_run_goes_on_no_sooner_than_another_runner_takes_it_over():
    assert timedelta(seconds=RESCUED_WITHIN) == SILENCE + timedelta(seconds=1)  # and the looks before and behind it

    rough = {"spot": 100, "interrupted": Decimal(99), "scale": 10_000}
    assert part(Category.COMPUTE, restart=0, **rough) < part(Category.COMPUTE, **rough) < part(Category.COMPUTE, restart=600, **rough)


def test_messages_are_priced_as_they_were_delivered():
    assert part(Category.NOTIFICATION) == 12 * 4 * Decimal("0.0001")
    assert part(Category.NOTIFICATION, scale=100) == part(Category.NOTIFICATION)


def test_what_is_received_costs_nothing_and_stands_there():
    (line,) = (line for line in answer(WORK, TODAY, BOOK).lines if line.category is Category.TRANSFER)

    assert (line.what, line.amount) == ("received from the source", 0)


def test_what_is_carried_out_is_priced_by_the_tiers_of_each_month():
    carried = part(Category.TRANSFER, out=Decimal(10_340), scale=2, horizon=2)

    assert carried == 2 * (10_140 * Decimal("0.09") + 100 * Decimal("0.085"))
    assert part(Category.TRANSFER, out=Decimal(100), horizon=2) == 0


def test_small_queries_cost_the_engines_minimum():
    assert part(Category.QUERY, columns=("close",)) == part(Category.QUERY, columns=("close", "volume"))


def test_a_query_reads_its_columns_of_its_days():
    assert query_bytes(WORK, Question(columns=("close",), horizon=1)) == [1000 * WORK.sessions]
    assert query_bytes(WORK, Question(columns=("close",), days=7, horizon=1))[0] == 1000 * WORK.sessions_a_month / MONTH_DAYS * 7


def test_the_stored_bytes_are_those_of_the_forecast():
    found = answer(WORK, Question(horizon=6), BOOK)
    kept = next(charge for charge in found.charges if charge.what == "kept in standard")

    for month, gb_months in zip(months_of(WORK, Question(horizon=6)), kept.months, strict=True):
        assert gb_months * 2**30 == pytest.approx(month.stored, rel=Decimal("0.001"))


def test_rupees_are_dollars_at_the_rate_of_the_book():
    dollars, rupees = (answer(WORK, TODAY, BOOK, currency) for currency in Currency)

    assert rupees.total == pytest.approx(dollars.total * BOOK.term(FX), abs=Decimal("1e-5"))
    assert whole(rupees) == pytest.approx(rupees.total, abs=Decimal("1e-5"))


def test_a_class_or_an_engine_that_the_book_does_not_price_is_refused():
    with pytest.raises(UnknownName, match="standard_ia"):
        answer(WORK, Question(warm_at=3, warm="standrd_ia"), BOOK)
    with pytest.raises(UnknownName, match="athena"):
        answer(WORK, Question(engine="presto"), BOOK)


def test_the_textbooks_book_prices_what_it_has():
    assert set(by_category(answer(WORK, Question(engine="bigquery"), preset(TEXTBOOK)).lines)) == {
        Category.COMPUTE,
        Category.STORAGE,
        Category.QUERY,
    }


@settings(max_examples=10)
@given(questions)
def test_a_swing_is_what_turning_the_input_comes_to(question):
    found = {swing.turn.name: swing for swing in swings(WORK, question, BOOK)}

    for name in ("reads_new", "reads_old", "symbols", "queries"):
        turn = found[name].turn
        at = answer(WORK, question.model_copy(update={name: int(turn.low) if name == "queries" else turn.low}), BOOK).total
        assert found[name].at_low == pytest.approx(at, abs=Decimal("1e-6"))
    dearer = BOOK.scaled("compute.vcpu_hour", Decimal("1.2")).scaled("compute.memory_gb_hour", Decimal("1.2"))
    assert found["price of computing"].at_high == pytest.approx(answer(WORK, question, dearer).total, abs=Decimal("1e-6"))


def test_savings_are_sorted_and_each_is_what_its_change_comes_to():
    found = savings(WORK, TODAY, BOOK)

    assert [saving.amount for saving in found] == sorted((saving.amount for saving in found), reverse=True)
    for saving in found:
        assert total() - total(**saving.change) == pytest.approx(saving.amount, abs=Decimal("1e-7"))


def test_the_recommended_policy_can_be_chosen_and_costs_what_was_said():
    world = Question(scale=1000)
    found = recommended(WORK, world, BOOK)
    chosen = world.model_copy(update=change_of(found.policy))

    assert chosen.policy == found.policy
    assert total(scale=1000) - answer(WORK, chosen, BOOK).total == pytest.approx(found.saving, rel=Decimal("0.02"))


def test_what_compacting_saves_is_the_same_in_the_search_and_in_the_bill():
    found = recommended(WORK, TODAY, BOOK)
    without = recommended(WORK, Question(queries=0), BOOK)

    assert total() - total(compact=True) == pytest.approx(found.stay - found.compact, rel=Decimal("1e-6"))
    assert found.stay - found.compact > without.stay - without.compact


def test_a_restore_that_may_not_be_waited_for_keeps_data_out_of_archives():
    assert recommended(WORK, Question(scale=1000, wait=48), BOOK).risk.restore_hours > 0
    assert recommended(WORK, Question(scale=1000, wait=0), BOOK).risk.restore_hours == 0


def test_what_is_compared_shares_the_world_and_keeps_its_own_choices():
    mine, other = Question(growth=5, scale=100, spot=80), Question(growth=1, compact=True, vcpus=4)
    seen = other.chosen_in(mine)

    assert {name: getattr(seen, name) for name in WORLD} == {name: getattr(mine, name) for name in WORLD}
    assert {name: getattr(seen, name) for name in CHOSEN} == {name: getattr(other, name) for name in CHOSEN}


def test_an_address_says_what_is_turned_and_comes_back_the_same():
    question = Question(growth=Decimal("2.5"), compact=True, warm_at=3, columns=("close", "volume"), currency=Currency.NPR)

    assert set(question.turned) == {"growth", "compact", "warm_at", "columns", "currency"}
    assert (
        asked({name: str(value) if not isinstance(value, list) else tuple(value) for name, value in question.turned.items()}).question
        == question
    )


def test_values_of_an_address_that_mean_nothing_are_named_and_passed_over():
    found = asked({"growth": "much", "scale": "10", "horizon": "61", "unheard_of": "1"})

    assert found.question == Question(scale=10)
    assert found.wrong == ("growth", "horizon")
    with pytest.raises(UsageError, match="growth"):
        question_of({"growth": "much"})


def test_a_colder_class_before_a_warmer_one_takes_its_place():
    assert Question(warm_at=6, cold_at=3).policy.moves == ((3, "glacier_instant"),)


def test_crossings_are_the_corners_of_the_lower_edge():
    lines = [TierLine("cold", Decimal(1), Decimal(3)), TierLine("warm", Decimal(2), Decimal(1)), TierLine("hot", Decimal(4), Decimal(0))]
    never = TierLine("never", Decimal(9), Decimal(2))

    assert [(one.reads, one.below, one.above) for one in crossings([*lines, never])] == [
        (Decimal("0.5"), "cold", "warm"),
        (Decimal(2), "warm", "hot"),
    ]
    assert crossings([lines[2], never]) == ()


@given(st.integers(1, 1000), st.integers(1, 2**40), st.decimals(0, 20, places=2))
def test_between_two_crossings_the_named_class_is_the_cheapest(objects, size, reads):
    lines = tier_lines(storage_classes(BOOK), objects, size, speed="standard")
    passed = [one for one in crossings(lines) if one.reads <= reads]
    cheapest = (
        min(lines, key=lambda line: line.kept).at(reads)
        if not passed
        else next(one for one in lines if one.name == passed[-1].above).at(reads)
    )

    assert cheapest == pytest.approx(min(line.at(reads) for line in lines))
