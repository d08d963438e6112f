"""Whatever way a run ends, what it used is measured and priced in the commit that ends it; what was done twice is told apart."""

from datetime import date, timedelta

import pytest

from engine.billing.prices import NOBODY, in_force, preset_prices
from engine.billing.reading import apart, by_day, by_purpose, by_run, by_stage, repriced, total
from engine.costs.measured import Usage
from engine.costs.presets import TEXTBOOK
from engine.costs.price_book import Currency
from engine.errors import DataError, SessionBlocked
from engine.pipeline.context import SourceNotReady
from engine.pipeline.liveness import LifeLock
from engine.pipeline.rescue import MOST_RESCUES, Rescuer, lock_folder
from engine.runtime import HOST
from engine.services import Services
from storage import costs, moves, price_books, runners, stages
from storage.lake import bytes_content
from storage.status import CostPurpose, CostWork, RunStatus, RunType, StageStatus
from tests.pipeline.machine import DAY, unavailable_times

EVER = date.min, date.max
WROTE = b"some of the day's prices" * 100


def estimate(machine, run_id):
    return machine._read(costs.one, CostWork.RUN, run_id)


def publishes(context) -> None:
    context.publish("findings", context.day, bytes_content(WROTE, suffix=".csv"))
    context.meter.received(500)
    context.meter.rows_out = 7


def nothing_to_do(context) -> None:
    context.end_run("closed")


def blocks(context) -> None:
    publishes(context)
    context.end_run(error=SessionBlocked("wrong as a whole"))


def wrong(context) -> None:
    raise DataError("wrong")


def busy(then):
    """Return what takes some milliseconds of CPU before it does something."""

    def work(context) -> None:
        sum(number * number for number in range(100_000))
        then(context)

    return work


def test_a_run_that_succeeds_is_charged_what_its_stages_used(machine, two_stages):
    two_stages["second"] = publishes
    run_id = machine.queue()
    machine.work()
    found, run = estimate(machine, run_id), machine.run(run_id)

    assert (found["name"], found["status"], found["purpose"], found["unmeasured"]) == ("trial", "succeeded", CostPurpose.FIRST, 0)
    assert (found["partition"], found["day"], found["rows"]) == (DAY, DAY, 7)
    assert (found["bytes_written"], found["puts"], found["gets"], found["bytes_received"]) == (len(WROTE), 1, 0, 500)
    assert found["cpu_us"] == run["cpu_us"] > 0
    assert found["memory_kib_us"] > 0
    assert found["requests_nano"] == 5_000  # one put at 0.005 USD a thousand
    assert found["storage_nano"] == round(len(WROTE) / 2**30 * 0.023 * 1e9)
    assert found["compute_nano"] > 0
    assert (found["retries_nano"], found["query_nano"], found["notification_nano"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(nothing_to_do, RunStatus.SKIPPED), (blocks, RunStatus.FAILED), (busy(wrong), RunStatus.FAILED)],
    ids=["nothing to do", "blocked", "failed"],
)
def test_a_run_that_brings_nothing_is_charged_too(machine, two_stages, trouble, status):
    two_stages["first"] = trouble
    run_id = machine.queue()

    assert machine.work() is status
    found = estimate(machine, run_id)
    assert (found["status"], found["rows"]) == (status, 0)
    assert found["compute_nano"] > 0
    assert found["puts"] == (1 if trouble is blocks else 0)


def test_what_a_failed_stage_had_written_is_in_its_bill(machine, two_stages):
    def writes_and_fails(context) -> None:
        publishes(context)
        raise DataError("wrong")

    two_stages["first"] = writes_and_fails
    run_id = machine.queue()
    machine.work()

    assert (estimate(machine, run_id)["puts"], estimate(machine, run_id)["bytes_written"]) == (1, len(WROTE))


def test_tries_that_failed_are_told_apart_from_the_one_that_did_it(machine, two_stages):
    two_stages["first"] = busy(unavailable_times(2))
    run_id = machine.queue()
    machine.work()
    found = estimate(machine, run_id)

    assert found["status"] == "succeeded"
    assert found["retry_cpu_us"] == sum(row["cpu_us"] for row in machine.attempts(run_id)) > 0
    assert 0 < found["retries_nano"] < found["compute_nano"]


def test_a_run_that_was_looked_for_in_vain_is_charged_for_the_looks_too(machine, two_stages):
    waits = [True]

    def wait(context) -> None:
        if waits.pop():
            waits.append(False)
            raise SourceNotReady("no file yet", until=machine.clock.now())

    two_stages["first"] = busy(wait)
    run_id = machine.queue()
    assert machine.work() is None
    looked = machine.run(run_id)["cpu_us"]
    machine.work()

    assert 0 < looked < estimate(machine, run_id)["cpu_us"] == machine.run(run_id)["cpu_us"]


def test_a_run_that_was_handed_back_is_charged_by_both_who_had_it(machine, two_stages):
    machine.stopping = lambda: True
    run_id = machine.queue()
    assert machine.work() is None
    before = machine.run(run_id)["cpu_us"]
    machine.stopping = lambda: False
    machine.work()

    assert 0 < before < estimate(machine, run_id)["cpu_us"]


def test_a_run_that_a_person_cancels_is_charged_for_what_it_did(machine, two_stages):
    two_stages["first"] = lambda context: cancel(machine, context.run["id"])
    run_id = machine.queue()

    assert machine.work() is RunStatus.CANCELLED
    assert estimate(machine, run_id)["compute_nano"] > 0


def cancel(machine, run_id) -> None:
    with machine.runtime.database.transaction() as connection:
        moves.request_cancel(connection, run_id)


def test_a_run_that_never_began_costs_nothing_and_one_that_had_begun_what_it_had_used(machine, two_stages):
    services = Services(machine.runtime, actor="a person")
    never = machine.queue()
    services.cancel(never)
    machine.stopping = lambda: True
    begun = machine.queue(DAY + timedelta(days=1))
    machine.work()
    services.cancel(begun)

    assert estimate(machine, never) is None
    assert (estimate(machine, begun)["status"], estimate(machine, begun)["compute_nano"] > 0) == (RunStatus.CANCELLED, True)


def test_a_run_that_took_its_runners_down_says_how_much_nobody_could_measure(machine, two_stages):
    run_id = machine.queue()
    rescuer = Rescuer(machine.runtime, "rescuer")
    for number in range(MOST_RESCUES + 1):
        name = f"dead-{number}"
        LifeLock(lock_folder(machine.runtime), name).release()
        (lock_folder(machine.runtime) / f"{name}.lock").touch()
        with machine.runtime.database.transaction() as connection:
            at = machine.clock.now()
            runners.add(connection, id=name, host=HOST, pid=1, started_at=at, heartbeat_at=at, beats=0, scheduling=True)
        machine.claim(name)
        with machine.runtime.database.transaction() as connection:
            stages.open_stage(connection, run_id, "first", position=0, at=machine.clock.now())
        rescuer.rescue()
    found = estimate(machine, run_id)

    assert machine.run(run_id)["status"] == RunStatus.CRASHED
    assert {status for _, status in machine.stages(run_id)} == {StageStatus.CRASHED}
    assert (found["status"], found["unmeasured"], found["compute_nano"]) == ("crashed", MOST_RESCUES + 1, 0)


def test_a_date_again_is_a_rerun_and_a_replay_is_work_on_dead_letters(machine, two_stages):
    for kind in (RunType.BACKFILL, RunType.MANUAL, RunType.REPLAY, RunType.RERUN):
        machine.queue(run_type=kind)
        machine.work()
    machine.queue(DAY + timedelta(days=1))
    machine.work()
    found = machine._read(costs.newest, CostWork.RUN, limit=10)

    rerun, first = CostPurpose.RERUN, CostPurpose.FIRST
    assert [row["purpose"] for row in found] == [first, rerun, CostPurpose.DEAD_LETTERS, rerun, first]


def test_what_was_taken_over_from_another_run_is_not_charged_again(machine, two_stages):
    two_stages["first"] = publishes
    origin = machine.queue()
    machine.work()
    again = machine.queue(rerun_of=origin, run_type=RunType.RERUN)
    with machine.runtime.database.transaction() as connection:
        taken = {"status": StageStatus.SUCCEEDED, "checkpoint": 1, "reused_from": origin, "bytes_written": 9, "puts": 9}
        stages.open_stage(connection, again, "first", position=0, at=machine.clock.now(), **taken)
    machine.work()

    assert (estimate(machine, origin)["puts"], estimate(machine, again)["puts"]) == (1, 0)


def test_every_breakdown_of_a_bill_comes_to_the_same_total_and_so_do_its_parts(machine, two_stages):
    two_stages["first"] = busy(unavailable_times(1))
    two_stages["second"] = publishes
    for number in range(5):
        machine.queue(DAY + timedelta(days=number // 2))
        machine.clock.advance(timedelta(hours=9))
        machine.work()
    runs, days, parts, purposes = (machine._read(read, *EVER) for read in (by_run, by_day, by_stage, by_purpose))
    whole = total(runs)

    assert whole.number == 5
    assert whole.total == total(days).total == total(parts).total == total(purposes).total > 0
    assert sum(entry.cost.total for entry in runs) == whole.total
    assert sum(whole.line(category) for category in whole.amounts) == whole.total
    assert apart(runs) == apart(days) == apart(purposes)
    assert apart(runs).total == sum(whole.amounts.values())
    assert min(apart(runs).first, apart(runs).reruns, apart(runs).retries) > 0


def test_new_prices_leave_old_estimates_and_the_same_usage_can_be_seen_by_them(machine, two_stages):
    two_stages["second"] = publishes
    first, second = machine.queue(), machine.queue(DAY + timedelta(days=1))
    machine.work()
    before = estimate(machine, first)
    services = Services(machine.runtime, actor="a person")
    services.set_price("storage.standard.put", "0.05", source="a contract", as_of=DAY, reason="dearer")
    machine.work()
    now = machine._read(in_force)

    assert estimate(machine, first) == before
    assert (before["requests_nano"], estimate(machine, second)["requests_nano"]) == (5_000, 50_000)
    assert before["book_id"] < estimate(machine, second)["book_id"] == now.version
    anew = machine._read(by_run, *EVER, prices=now)
    assert {entry.cost.amounts["requests"] for entry in anew} == {50_000}
    assert total(repriced(machine._read(by_day, *EVER), now)).amounts["requests"] == 100_000


def test_the_first_estimate_stores_the_prices_that_a_new_home_begins_with(machine, two_stages):
    assert machine._read(price_books.newest) is None
    machine.queue()
    machine.work()
    known = machine._read(price_books.history)[0]

    assert (known["name"], known["changed_by"], known["currency"]) == ("aws-2026", NOBODY, "USD")
    assert set(machine._read(in_force).book.rows) == set(preset_prices("aws-2026", Currency.USD).book.rows)


def test_a_book_without_a_price_leaves_that_out_and_says_so():
    tariff = preset_prices(TEXTBOOK, Currency.USD).tariff
    used = Usage(cpu_us=3_600_000_000, memory_kib_us=10**15, bytes_received=10**9, puts=1000)

    assert {line.price_key: str(line.amount) for line in tariff.lines(used)} == {
        "compute.vcpu_hour": "0.050000000",
        "requests.api_call": "0.001000000",
    }
    assert "memory (its peak, while it was held)" in tariff.unpriced
