"""Ways in which a file goes bad."""

from collections.abc import Callable
from pathlib import Path


def flip(file: Path, share: float = 0.5, bit: int = 3) -> None:
    """Flip one bit; the file is written anew, so that what is linked to it stays as it was."""
    content = bytearray(file.read_bytes())
    content[int((len(content) - 1) * share)] ^= 1 << bit
    _write(file, bytes(content))


def truncate(file: Path) -> None:
    """Take the last bytes away."""
    _write(file, file.read_bytes()[:-7])


def delete(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    """Leave as many zero bytes: what some file systems leave after a power cut."""
    _write(file, bytes(file.stat().st_size))


def _write(file: Path, content: bytes) -> None:
    file.unlink()
    file.write_bytes(content)


def swap(one: Path, other: Path) -> None:
    """Let each hold what the other held."""
    first, second = one.read_bytes(), other.read_bytes()
    _write(one, second)
    _write(other, first)


WAYS: dict[str, Callable[[Path], None]] = {way.__name__: way for way in (flip, truncate, delete, empty)}
