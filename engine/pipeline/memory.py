"""Peak memory of a span of code, as the kernel counts it (Linux)."""

from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def reset_peak() -> None:
    """Begin a new span: the peak is again what is resident now."""
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def peak_bytes() -> int | None:
    """Return the highest resident memory since `reset_peak`, in bytes; None where the kernel does not tell."""
    if not _STATUS.exists():
        return None
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
