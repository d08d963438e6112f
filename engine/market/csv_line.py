"""One line of a daily file as its cells, and cells as a line again: for a person who mends it, so nothing is refused here."""

import csv
from collections.abc import Sequence
from io import StringIO


def cells_of(line: str) -> list[str]:
    """Return the cells of a line as well as they can be told apart: an open quote ends with the line."""
    try:
        return next(csv.reader([line], strict=False), [])
    except csv.Error:  # a cell beyond what the reader takes, or a line break inside
        return line.split(",")


def line_of(cells: Sequence[str]) -> str:
    """Return a line of these cells, quoted only where a cell needs it, as the exchange does."""
    written = StringIO()
    csv.writer(written, quoting=csv.QUOTE_MINIMAL, lineterminator="").writerow(cells)
    return written.getvalue()


def as_text(raw: bytes) -> str:
    """Return bytes as text that a person can mend: what is not UTF-8 becomes a replacement mark, NULs and line breaks go."""
    return "".join(mark for mark in raw.decode("utf-8", errors="replace") if mark not in "\0\r\n")


def escaped(raw: bytes) -> str:
    r"""Return bytes so that every one can be seen: what is not text, and control characters, as `\xNN`."""
    text = raw.decode("utf-8", errors="backslashreplace")
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)
