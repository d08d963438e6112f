"""The command that says what something costs: an explicit scenario under a named price book."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli_parts import Json, told
from engine.clock import SystemClock, nepal_date
from engine.costs.scenario import Bill
from engine.errors import UsageError
from engine.pricing import as_rows, price_file
from engine.printing import complain, show, table

app = typer.Typer()


@app.command()
@told
def cost(
    scenario: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Price what this file describes (docs/costs.md).")] = None,
    book: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Under this price book: textbook, aws-2026, or a JSON file of your own.")
    ] = None,
    *,
    to_json: Json = False,
) -> None:
    """Say what a scenario costs: each line with its formula, the price's source and date, the sums, and what to know."""
    if scenario is None:
        raise UsageError("say what to price: python -m engine cost --scenario FILE.json")
    _show_bill(price_file(scenario, book, today=nepal_date(SystemClock().now())), to_json=to_json)


def _show_bill(bill: Bill, *, to_json: bool) -> None:
    if to_json:
        show(as_rows(bill), to_json=True)
        return
    head = {
        "scenario": bill.name,
        "price book": f"{bill.book.name}, version {bill.book.version}",
        "total": f"{bill.total:,f} {bill.currency}",
    }
    show(head | {name.value.replace("_", " "): f"{amount:,f}" for name, amount in bill.by_category.items()}, to_json=False)
    typer.echo()
    table([{"what": line.what, "amount": f"{line.amount:,f}", "price": line.price_words, "of": line.price_as_of} for line in bill.lines])
    typer.echo()
    for line in bill.lines:
        typer.echo(f"{line.what}\n  {line.formula}\n  {line.price_key}: {line.price_source}")
    for warning in bill.warnings:
        complain(warning)
