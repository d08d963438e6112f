"""Bytes as they came to plain bytes of text, whatever they were meant to do to the machine."""

import zlib

from engine.errors import UnreadableFile

MAX_BYTES = 16 * 1024 * 1024  # a daily file has some 60 kB; this leaves room for two hundred times as much
MAX_RATIO = 100  # a daily file shrinks to a quarter; beyond this it is a bomb
_RATIO_FROM = 1024 * 1024  # small files may shrink as they like
_STEP = 1024 * 1024
_MAGIC = b"\x1f\x8b"
_GZIP = 31  # zlib's window size for a gzip member
_BOM = b"\xef\xbb\xbf"


def unpack(content: bytes, name: str) -> bytes:
    """Return the text of a file that is gzip or plain, told by its bytes; a byte order mark is dropped.

    Raises `UnreadableFile` where the file is empty, torn, damaged, larger than `MAX_BYTES`, or shrunk more than `MAX_RATIO` times.
    """
    text = _inflate(content, name) if content.startswith(_MAGIC) else content
    if len(text) > MAX_BYTES:
        raise UnreadableFile(f"{name} holds {len(text):,} bytes; a daily file never has more than {MAX_BYTES:,}.")
    text = text.removeprefix(_BOM)
    if not text or text.isspace():
        raise UnreadableFile(f"{name} is empty ({len(content)} bytes came). Ask the source for the date again.")
    return text


def _inflate(content: bytes, name: str) -> bytes:
    parts: list[bytes] = []
    size, rest = 0, content
    while rest:  # a gzip file may consist of several members
        if not rest.startswith(_MAGIC):
            raise UnreadableFile(f"{name} has {len(rest)} bytes after its end that are not gzip. Ask the source for the date again.")
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            try:
                part = member.decompress(rest, _STEP)
            except zlib.error as error:
                raise UnreadableFile(f"{name} is damaged gzip ({error}). Ask the source for the date again.") from error
            if not part and not member.eof:
                raise UnreadableFile(f"{name} is torn: gzip ends after {size:,} bytes of text. Ask the source for the date again.")
            parts.append(part)
            size += len(part)
            _refuse_a_bomb(size, len(content), name)
            rest = member.unconsumed_tail
        rest = member.unused_data.lstrip(b"\0")  # tapes and blocks pad with zeros
    return b"".join(parts)


def _refuse_a_bomb(size: int, packed: int, name: str) -> None:
    if size > MAX_BYTES or size > max(_RATIO_FROM, packed * MAX_RATIO):
        raise UnreadableFile(
            f"{name} unpacks {packed:,} bytes to more than {size:,}; "
            f"a daily file has at most {MAX_BYTES:,} and shrinks less than {MAX_RATIO} times."
        )
