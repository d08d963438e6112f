"""What the files of the command line share: the JSON option, dates, and how the product's own errors become sentences and exit codes."""

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any

import typer
from sqlalchemy.exc import DBAPIError

from engine.errors import ConsoleError, UsageError
from engine.printing import complain

FAILED, WRONG = 1, 2

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def date_of(text: str) -> date:
    """Read a date of an option."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007, a calendar date has no zone
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2025-06-01") from error


def month_of(text: str) -> date:
    """Read a month of an option, also as a date in it; return its first day."""
    return date_of(f"{text}-01" if text.count("-") == 1 else text).replace(day=1)


def option_of(words: type[StrEnum], explained: str, *, name: str | None = None) -> Any:
    """Return an option that takes one of these words; `name` where it is not that of its parameter."""

    def word_of(text: str) -> StrEnum:
        try:
            return words(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is none of {', '.join(words)}") from error

    return typer.Option(*([name] if name else []), parser=word_of, metavar="|".join(words), help=explained)


def told(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the product's own errors into a sentence on stderr and an exit code."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except UsageError as error:
            complain(str(error))
            raise typer.Exit(WRONG) from error
        except ConsoleError as error:
            complain(str(error))
            raise typer.Exit(FAILED) from error
        except DBAPIError as error:
            complain(f"The database did not do it: {error.orig}. Nothing was changed; try again, or look with: python -m engine doctor")
            raise typer.Exit(FAILED) from error

    return wrapped
