"""What the backfill of the whole span costs by the prices in force, what the lake holds of it, and how good a forecast would have been.

Run from the repository: `python -m benchmarks.costs`. Real files where they are at hand. The forecast is made from the first half of the
span and held against the second, layer by layer; the estimate of a run is written once more for a run that has one, to measure its CPU.
"""

import statistics
import time
from collections import Counter
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, delete

from benchmarks.parts.figures import show
from benchmarks.parts.held_out import held_out
from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, command, fresh_home, kind
from engine.billing.forecast import history
from engine.billing.metering import Metering
from engine.billing.prices import Prices, in_force
from engine.billing.reading import Entry, by_layer, by_run, by_session, stages_of, total
from engine.clock import nepal_date
from engine.costs.measured import amount_of
from engine.errors import UsageError
from engine.runtime import Runtime, compose
from storage import costs
from storage.status import CostWork

TIMES = 200
GOAL = 0.5  # milliseconds of CPU for an estimate
SPLIT = SINCE + (UNTIL - SINCE) / 2


def money(prices: Prices, amount: Decimal) -> str:
    """Return an amount in the currency in force."""
    return prices.money(amount)


def bill(prices: Prices, entries: list[Entry], stages: list[Entry]) -> None:
    """Print what the backfill costs: in all, by category and by stage."""
    whole = total(entries)
    print("the backfill, by the estimates of its runs")
    a_row = money(prices, whole.a_row or Decimal(0))
    show("in all", money(prices, whole.total), f"{whole.number} runs, {whole.rows:,} rows; {a_row} a row")
    for category, amount in whole.amounts.items():
        if amount:
            show(f"  {category}", money(prices, amount_of(amount)), f"{100 * amount / sum(whole.amounts.values()):.1f} %")
    for stage in stages:
        show(f"  {stage.label}", money(prices, stage.cost.total), f"{stage.cost.usage.puts:,} files written")


def lake(prices: Prices, layers: list[Entry]) -> None:
    """Print what the lake holds."""
    print("the lake, by layer")
    for layer in layers:
        size, files = layer.cost.usage.bytes_written, layer.cost.number
        each = f"{files:,} files of {size / files / 1024:.0f} KiB; {money(prices, layer.cost.total)} a month"
        show(f"  {layer.label}", f"{size / 1e6:.2f} MB", each)


def forecasts(connection: Connection) -> None:
    """Print how far off a forecast of the second half of the span was that is made from the first: by layer, of all, and by one line."""
    print(f"bytes of {SPLIT} to {UNTIL}, forecast from those before")
    measured = history(connection)
    together: Counter[date] = Counter()
    for days in measured.values():
        together.update(days)
    each = {f"  {layer}": {layer: days} for layer, days in measured.items()}
    for what, layers in (each | {"  all of them": measured, "  by one line through all": {"all": together}}).items():
        try:
            found = held_out(layers, split=SPLIT)
        except UsageError as error:
            show(what, "-", str(error))
            continue
        band = f"{'within' if found.within else 'outside'} the band of 80 % ({found.low / 1e6:.2f} to {found.high / 1e6:.2f})"
        show(what, f"{100 * found.error:+.1f} %", f"{found.expected / 1e6:.2f} MB, came {found.came / 1e6:.2f}; {band}")


def writing(runtime: Runtime) -> float:
    """Return the median CPU milliseconds that the estimate of a run takes, within a transaction."""
    metering, took = Metering(), []
    with runtime.database.reading() as connection:
        run_id = costs.newest(connection, CostWork.RUN, limit=1)[0]["ref"]
    for _ in range(TIMES):
        with runtime.database.transaction() as connection:
            connection.execute(delete(costs.estimates).where(costs.estimates.c.ref == run_id))
            began = time.process_time()
            metering.run_ended(connection, run_id, at=runtime.clock.now())
            took.append((time.process_time() - began) * 1000)
    return statistics.median(took)


def main() -> None:
    """Measure and print."""
    with fresh_home() as settings:
        command(settings, "backfill", PIPELINE, "--since", SINCE, "--until", UNTIL, "--wait", "--json")
        runtime = compose(settings)
        today = nepal_date(runtime.clock.now())
        with runtime.database.reading() as connection:
            prices = in_force(connection)
            print(f"{kind(settings)}, {SINCE} to {UNTIL}; prices of {prices.book.name}")
            entries = by_run(connection, today.replace(day=1), today)
            rows = costs.newest(connection, CostWork.RUN, limit=10_000)
            bill(prices, [entry for entry in entries if entry.work is CostWork.RUN], stages_of(connection, rows))
            each = [float(entry.cost.total) for entry in by_session(connection, SINCE, UNTIL)]
            show("a session, median", money(prices, Decimal(str(statistics.median(each)))), f"{len(each)} sessions")
            lake(prices, by_layer(connection, prices))
            forecasts(connection)
        show("an estimate, written with the end of its run", f"{writing(runtime):.2f} ms CPU", f"goal {GOAL}")


if __name__ == "__main__":
    main()
