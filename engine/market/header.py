"""The first line of a text table: where it stands, and its cells."""

import csv

from engine.errors import UnreadableFile
from engine.market.defects import MAX_LINE


def split_header(text: bytes, name: str) -> tuple[int, list[str], bytes]:
    """Return the number of blank lines before the header, the header's cells, and what follows its line.

    Raises `UnreadableFile`, naming file and line, where that line is no text.
    """
    lead, at = 0, 0
    while True:
        end = text.find(b"\n", at)
        line = text[at:] if end < 0 else text[at:end]
        if line.strip() or end < 0:
            break
        lead, at = lead + 1, end + 1
    bad = _no_header(line)
    if bad is not None:
        raise UnreadableFile(f"{name} is not a text table: line {lead + 1} {bad}.", line=lead + 1)
    try:
        cells = next(csv.reader([line.decode("utf-8")], strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(f"{name} is not a text table: line {lead + 1} cannot be read ({error}).", line=lead + 1) from error
    return lead, [cell.strip() for cell in cells], b"" if end < 0 else text[end + 1 :]


def refuse_too_many(text: bytes, name: str, most: int) -> None:
    """Raise `UnreadableFile` for a text of more than `most` lines."""
    count = text.count(b"\n")
    if count > most:
        raise UnreadableFile(f"{name} has {count:,} lines; such a file never has more than {most:,}.", line=most + 1)


def _no_header(line: bytes) -> str | None:
    """Return what makes a line no line of text, whatever its cells are."""
    if b"\0" in line:
        return "holds a NUL byte, as UTF-16 text does; a file of the exchange is UTF-8"
    if b"\r" in line.rstrip(b"\r"):
        return "has a CR inside; lines end with LF or CR LF, not with CR alone"
    if len(line) > MAX_LINE:
        return f"has {len(line):,} bytes; at most {MAX_LINE:,} are read"
    return None
