"""The commands that say what something costs: an explicit scenario, or what was measured; and the prices in force."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.alerts.limits import BUDGET
from engine.billing.bill import ahead, amount, bill, chosen, month, nothing, price_rows
from engine.billing.bill import told as prices_told
from engine.billing.reading import By
from engine.billing.scenario_file import as_rows, is_elsewhere, price_file
from engine.cli.following import commands
from engine.cli.parts import Json, date_of, option_of, told
from engine.clock import SystemClock, nepal_date
from engine.costs.focus import focus_csv
from engine.costs.price_book import Currency, PriceBook
from engine.costs.scenario import Bill
from engine.errors import UsageError
from engine.pipelines.thresholds import load
from engine.printing import complain, show, table
from engine.runtime import Runtime, runtime
from engine.services.costs import named_prices
from storage import price_books, thresholds

app = typer.Typer()
Day = date | None
Book = Annotated[
    str | None,
    typer.Option(metavar="NAME|VERSION|FILE", help="By these prices: textbook, aws-2026, own, a version, or a JSON file of your own."),
]
InCurrency = Annotated[Currency | None, option_of(Currency, "Show amounts in this currency.")]
SHOWN = ("compute", "storage", "requests", "query", "transfer", "notification")


@app.command()
@told
def cost(  # noqa: PLR0913, PLR0917, each is one option
    scenario: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Price what this file describes (docs/costs.md).")] = None,
    since: Annotated[Day, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="What was measured from this day (in Nepal) on.")] = None,
    until: Annotated[Day, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="To this day; else to today.")] = None,
    by: Annotated[By, option_of(By, "What the measured costs are broken down by.")] = By.DAY,
    book: Book = None,
    currency: InCurrency = None,
    focus: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Also write them as FOCUS 1.2 rows.")] = None,
    months: Annotated[int | None, typer.Option(metavar="N", help="What the lake will hold N months ahead, by layer, instead.")] = None,
    *,
    to_json: Json = False,
) -> None:
    """Say what was spent between two days, or this month with its forecast and budget; or what a scenario would cost, line by line.

    By session the days are those of the sessions, by layer those that the files are of.
    """
    if scenario is not None:
        if since or until or focus or currency or months:
            raise UsageError("say one of them: --scenario, --months, or --since and --until")
        _show_scenario(price_file(scenario, _of_a_home(book), today=nepal_date(SystemClock().now())), to_json=to_json)
        return
    opened = runtime()
    if months is not None:
        if since or until or focus:
            raise UsageError("say one of them: --months, or --since and --until")
        _show_ahead(ahead(opened, months, book=book, currency=currency), to_json=to_json)
        return
    if since is None:
        if until is not None or focus is not None:
            raise UsageError("say from which day on: --since 2026-11-01")
        _show_month(month(opened, book=book, currency=currency, budget=_budget(opened)), to_json=to_json)
        return
    until = until or nepal_date(opened.clock.now())
    if until < since:
        raise UsageError(f"the range ends ({until}) before it begins ({since})")
    found = bill(opened, since, until, by, book=book, currency=currency)
    if focus is not None:
        found["focus"] = _write_focus(opened, focus, since, until, book=book, currency=currency)
    _show_measured(found, to_json=to_json)


@app.command()
@told
def prices(  # noqa: PLR0913, PLR0917, each is one option
    book: Book = None,
    use: Annotated[str | None, typer.Option(metavar="NAME|VERSION", help="Put these prices in force.")] = None,
    load_file: Annotated[Path | None, typer.Option("--load", metavar="FILE.json", help="Put a price book of your own in force.")] = None,
    set_price: Annotated[str | None, typer.Option("--set", metavar="KEY=AMOUNT", help="Change one price of those in force.")] = None,
    source: Annotated[str, typer.Option(help="With --set: where the price is from.")] = "",
    as_of: Annotated[Day, typer.Option(parser=date_of, metavar="YYYY-MM-DD", help="With --set: the day on which it was given.")] = None,
    currency: Annotated[Currency | None, option_of(Currency, "Show amounts in it from now on; with --set: of the price.")] = None,
    reason: Annotated[str, typer.Option(help="Why; whoever looks at it later reads it.")] = "",
    *,
    history: Annotated[bool, typer.Option("--history", help="List the versions there were.")] = False,
    to_json: Json = False,
) -> None:
    """List the prices in force with their sources and dates, or change them: a new version, and what was estimated stays as it was."""
    opened = runtime()
    if sum(wanted is not None for wanted in (use, load_file, set_price)) > 1:
        raise UsageError("say one of them: --use, --load or --set")
    if use is not None:
        commands().choose_prices(use, reason=reason)
    elif load_file is not None:
        commands().load_prices(_text(load_file), reason=reason)
    elif set_price is not None:
        key, written, number = set_price.partition("=")
        if not written or as_of is None:
            raise UsageError("write it as --set storage.standard=0.021 --source 'our contract' --as-of 2026-11-01 --reason ...")
        commands().set_price(key.strip(), number.strip(), source=source, as_of=as_of, currency=currency, reason=reason)
    if currency is not None and set_price is None and book is None:
        commands().choose_currency(currency, reason=reason)
    with opened.database.reading() as connection:
        if history:
            show([dict(row) for row in price_books.history(connection)], to_json=to_json)
            return
        known = chosen(connection, book, None)
    today = nepal_date(opened.clock.now())
    about = {"currency": known.currency, "about": known.book.about} | prices_told(known, today)
    rows = price_rows(known.book.rows, today)
    if to_json:
        show(about | {"prices": rows}, to_json=True)
        return
    show(about, to_json=False)
    typer.echo()
    table([row | {"amount": f"{row['amount']:f}", "above": row["above"], "stale": "old" if row["stale"] else ""} for row in rows])


def _budget(opened: Runtime) -> float:
    with opened.database.reading() as connection:
        return load(connection, thresholds.version(connection))[BUDGET.key]


def _of_a_home(book: str | None) -> str | PriceBook | None:
    """Return a price book that only the home knows, by its name or version; any other as it was asked for, which needs no home."""
    if book is None or not is_elsewhere(book):
        return book
    with runtime().database.reading() as connection:
        return named_prices(connection, book).book


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as text: {error}") from error


def _write_focus(opened: Runtime, file: Path, since: date, until: date, *, book: str | None, currency: Currency | None) -> str:
    from engine.billing.focus import rows  # noqa: PLC0415, used with this option only

    with opened.database.reading() as connection:
        by = chosen(connection, book, currency)
        account = f"{opened.settings.home.name}{' (simulated)' if opened.simulated else ''}"
        found = rows(connection, since, until, by.currency, account=account, prices=by if book is not None else None)
    try:
        file.write_text(focus_csv(found), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    return f"{len(found):,} rows in {file}"


def _show_measured(found: dict[str, Any], *, to_json: bool) -> None:
    if to_json:
        show(found, to_json=True)
        return
    head: dict[str, Any] = {name: found[name] for name in ("since", "until", "simulated", "focus") if name in found}
    head |= {"total": f"{amount(found['total'])} {found['currency']}"} | {name: amount(value) for name, value in found["lines"].items()}
    head |= {f"for {name.replace('_', ' ')}": amount(value) for name, value in found.get("apart", {}).items()}
    if found.get("a_good_row") is not None:
        head["a good row"] = f"{amount(found['a_good_row'])} of {found['good_rows']:,}"
    show(head, to_json=False)
    typer.echo()
    if why := nothing(found):
        complain(why)
        if found["not_in_it"]:
            complain(found["not_in_it"])
        return
    told_columns = ("what", "status", "purpose", "number", "rows")
    used = [name for name in told_columns if any(row[name] for row in found["rows"])]
    spent = [name for name in SHOWN if any(row[name] for row in found["rows"])]
    if found["by"] is By.LAYER:
        table([{"layer": row["what"], "files": row["number"], **_held(row), "a month": amount(row["total"])} for row in found["rows"]])
    else:
        table(
            [
                {name: row[name] for name in used} | {name: amount(row[name]) for name in spent} | {"total": amount(row["total"])}
                for row in found["rows"]
            ]
        )
    _warn(found["prices"], found)


def _held(row: dict[str, Any]) -> dict[str, Any]:
    return {"bytes": f"{row['usage']['bytes_written']:,}"}


def _show_month(found: dict[str, Any], *, to_json: bool) -> None:
    if to_json:
        show(found, to_json=True)
        return
    head: dict[str, Any] = {name: found[name] for name in ("month", "today", "simulated") if name in found}
    head |= {"so far": f"{amount(found['so_far'])} {found['currency']}", "forecast": f"{amount(found['forecast'])} {found['currency']}"}
    head |= {"budget": "none" if found["budget"] is None else f"{amount(found['budget'])} {found['currency']}"}
    show(head | ({"over budget": "yes"} if found["over_budget"] else {}), to_json=False)
    typer.echo()
    table([{**row, "so_far": amount(row["so_far"]), "forecast": amount(row["forecast"])} for row in found["drivers"]])
    _warn(found["prices"], found)


def _show_ahead(found: dict[str, Any], *, to_json: bool) -> None:
    if to_json:
        show(found, to_json=True)
        return
    show({name: found[name] for name in ("months", "simulated", "currency") if name in found}, to_json=False)
    typer.echo()
    if found["why_not"]:
        complain(found["why_not"])
    whole = {"layer": "in all", "stored": found["stored"], "ahead": found["ahead"]}
    table(
        [
            {"layer": one["layer"], "bytes now": f"{one['stored']:,}"}
            | {name: f"{one['ahead'][-1][name]:,}" for name in ("stored", "low", "high")}
            | {"a month": amount(one["ahead"][-1]["cost"])}
            for one in (*found["layers"], whole)
            if one["ahead"]
        ]
    )
    _warn(found["prices"], found)


def _warn(prices_said: dict[str, Any], found: dict[str, Any]) -> None:
    if prices_said["stale"]:
        complain(prices_said["stale"])
    if prices_said["not_priced"]:
        complain(f"the price book {prices_said['book']} has no price for: {', '.join(prices_said['not_priced'])}")
    if found.get("unmeasured_stages"):
        complain(f"{found['unmeasured_stages']} stages died with their process: what they used is not known, and not in the bill")
    if found.get("not_in_it"):
        complain(found["not_in_it"])
    if found.get("left_out"):
        complain("only the newest 10,000 are in the bill; take fewer days")


def _show_scenario(bill: Bill, *, to_json: bool) -> None:
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
