"""Peak memory of a span of code, as the kernel counts it (Linux)."""

import os
from functools import cache
from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_PEAK = b"VmHWM:"


def reset_peak() -> None:
    """Begin a new span: the peak is again what is resident now."""
    handle = _opened(_CLEAR, os.O_WRONLY, os.getpid())
    if handle is not None:
        os.pwrite(handle, b"5", 0)


def peak_bytes() -> int | None:
    """Return the highest resident memory since `reset_peak`, in bytes; None where the kernel does not tell."""
    handle = _opened(_STATUS, os.O_RDONLY, os.getpid())
    if handle is None:
        return None
    status = os.pread(handle, 8192, 0)
    begins = status.index(_PEAK) + len(_PEAK)
    return int(status[begins : status.index(b"kB", begins)]) * 1024


@cache
def _opened(path: Path, flags: int, _pid: int) -> int | None:
    """Keep the file open: it is asked at each stage, and a fork must ask of itself."""
    return os.open(path, flags | os.O_CLOEXEC) if path.exists() else None
