"""How values read on a page; every time is Nepal time."""

from datetime import date, datetime, timedelta
from math import isfinite

from engine.clock import NEPAL

NOTHING = "—"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MILLION = 1_000_000


def day(value: date | None) -> str:
    """Return a date with its weekday: `Mon 4 Mar 2024`."""
    return NOTHING if value is None else f"{value:%a} {value.day} {value:%b %Y}"


def short_day(value: date | None) -> str:
    """Return a date without its year: `Mon 4 Mar`."""
    return NOTHING if value is None else f"{value:%a} {value.day} {value:%b}"


def clock_time(instant: datetime | None) -> str:
    """Return the wall-clock time in Nepal: `18:00:05`."""
    return NOTHING if instant is None else f"{instant.astimezone(NEPAL):%H:%M:%S}"


def stamp(instant: datetime | None) -> str:
    """Return date and time in Nepal: `4 Mar 2024 18:00`."""
    if instant is None:
        return NOTHING
    local = instant.astimezone(NEPAL)
    return f"{local.day} {local:%b %Y %H:%M}"


def log_time(instant: datetime) -> str:
    """Return date and time in Nepal to the millisecond: `2024-03-04 18:00:05.125`."""
    return f"{instant.astimezone(NEPAL):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def ago(instant: datetime | None, now: datetime) -> str:
    """Return how long ago `instant` was, or how far ahead it is, in one unit."""
    if instant is None:
        return "never"
    seconds = (now - instant).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{_one_unit(seconds)} ago" if seconds > 0 else f"in {_one_unit(-seconds)}"


def duration(microseconds: float | None) -> str:
    """Return a measured time in the unit a person would say: `84 ms`, `1.2 s`, `3 min 20 s`."""
    if microseconds is None:
        return NOTHING
    seconds = microseconds / 1e6
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def span(value: timedelta) -> str:
    """Return a length of time as `duration` does."""
    return duration(value / timedelta(microseconds=1))


def about(value: timedelta) -> str:
    """Return a length of time in one unit, as an estimate is said: `2 min`."""
    return _one_unit(value.total_seconds())


def count(number: int | None, noun: str | None = None, plural: str | None = None) -> str:
    """Return a number with thousands separated and, with a noun, in its singular or plural."""
    if number is None:
        return NOTHING
    if noun is None:
        return f"{number:,}"
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def up_to(number: int, most: int) -> str:
    """Return a number that was counted no further than to `most`: there it says so with a plus."""
    return f"{number:,}" if number < most else f"{most:,}+"


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many letters; where something was left out it says so: `…`."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def figure(value: float | None) -> str:
    """Return a measured number with as many digits as matter: `1,210`, `4.25`, `0.0125`."""
    if value is None or not isfinite(value):
        return NOTHING
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"


def scale(most: float, unit: str) -> tuple[float, str]:
    """Return what values up to `most` are divided by so that they can be read, and their unit then: `(1e9, "bn NPR")`, `(1e6, "MB")`."""
    known = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if unit == "B" else ((f"bn {unit}", 1e9), (f"m {unit}", 1e6))
    return next(((length, name) for name, length in known if most >= length), (1.0, unit))


def percent(part: float, whole: float) -> str:
    """Return a share in percent; exactly 100% only when nothing is missing."""
    if not whole:
        return NOTHING
    share = 100 * part / whole
    if part < whole and share >= 99.95:  # noqa: PLR2004, where one decimal would round up to all
        return "99.9%"
    return f"{share:.0f}%" if share == round(share) else f"{share:.1f}%"


def size(number: int | None) -> str:
    """Return a number of bytes in kB or MB."""
    if number is None:
        return NOTHING
    if number < 1000:  # noqa: PLR2004, a kilobyte
        return f"{number} B"
    return f"{number / 1000:.1f} kB" if number < _MILLION else f"{number / _MILLION:.1f} MB"


def _one_unit(seconds: float) -> str:
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
