"""Bytes as they came to plain bytes of text, whatever they were meant to do to the machine."""

import zlib
from collections.abc import Sequence

from engine.errors import UnreadableFile

MAX_BYTES = 16 * 1024 * 1024  # a daily file has some 60 kB; this leaves room for two hundred times as much
MAX_RATIO = 100  # a daily file shrinks to a quarter; beyond this it is a bomb
_RATIO_FROM = 1024 * 1024  # small files may shrink as they like
_MEMBERS = 100  # pieces of one gzip file; each costs a copy of the rest
_STEP = 1024 * 1024
_MAGIC = b"\x1f\x8b"
_GZIP = 31  # zlib's window size for a gzip member
_BOM = b"\xef\xbb\xbf"


def unpack(content: bytes, name: str, *, most: int = MAX_BYTES) -> bytes:
    """Return the text of a file that is gzip or plain, told by its bytes; a byte order mark is dropped.

    Raises `UnreadableFile` where the file is empty, torn, damaged, larger than `most` bytes, or shrunk more than `MAX_RATIO` times.
    """
    text = _inflate(content, name, most) if content.startswith(_MAGIC) else content
    if len(text) > most:
        raise too_large(text, name, most=most)
    text = text.removeprefix(_BOM)
    if not text or text.isspace():
        raise UnreadableFile(f"{name} is empty ({len(content)} bytes came). Ask the source for the date again.")
    return text


def too_large(content: bytes, name: str, *, most: int = MAX_BYTES) -> UnreadableFile:
    """Return the error of a file that is larger than any; `content` is its beginning, which shows in which line reading stopped."""
    if content.startswith(_MAGIC):
        try:
            _inflate(content, name, most)
        except UnreadableFile as error:
            return error
    line = _line_after([content])
    message = f"{name} has more than {most:,} bytes, which such a file never has. Reading stopped in line {line:,}."
    return UnreadableFile(message, line=line)


def _inflate(content: bytes, name: str, most: int) -> bytes:
    parts: list[bytes] = []
    size, rest, members = 0, content, 0
    while rest:  # a gzip file may consist of several members
        members += 1
        if not rest.startswith(_MAGIC):
            raise _damaged(parts, f"{name} has {len(rest):,} bytes after its end that are not gzip")
        if members > _MEMBERS:
            raise _damaged(parts, f"{name} is gzip in more than {_MEMBERS} pieces")
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            try:
                part = member.decompress(rest, _STEP)
            except zlib.error as error:
                raise _damaged(parts, f"{name} is damaged gzip ({error})") from error
            if not part and not member.eof:
                raise _damaged(parts, f"{name} is torn: gzip ends after {size:,} bytes of text")
            parts.append(part)
            size += len(part)
            _refuse_a_bomb(size, len(content), parts, name, most)
            rest = member.unconsumed_tail
        rest = member.unused_data.lstrip(b"\0")  # tapes and blocks pad with zeros
    return b"".join(parts)


def _line_after(parts: Sequence[bytes]) -> int:
    return 1 + sum(part.count(b"\n") for part in parts)


def _damaged(parts: Sequence[bytes], what: str) -> UnreadableFile:
    line = _line_after(parts)
    return UnreadableFile(f"{what}; read up to line {line:,}. Ask the source for the date again.", line=line)


def _refuse_a_bomb(size: int, packed: int, parts: Sequence[bytes], name: str, most: int) -> None:
    if size > most or size > max(_RATIO_FROM, packed * MAX_RATIO):
        line = _line_after(parts)
        raise UnreadableFile(
            f"{name} unpacks {packed:,} bytes to more than {size:,}; such a file has at most {most:,} and shrinks less than "
            f"{MAX_RATIO} times. Reading stopped in line {line:,}.",
            line=line,
        )
