"""Keeps pandas out of a process that works with Arrow alone: a runner, and the stream's."""

import sys
from importlib.machinery import ModuleSpec

import pyarrow as pa


class _Hidden:
    """A finder that knows nothing of pandas, and lets nobody else be asked."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Say that pandas is not there."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is hidden", name=name)
        return None


def leave_pandas_out() -> None:
    """Have Arrow look for pandas now, once, and not find it.

    With its first array it would load pandas to know a Series when it sees one: half a second and 50 MB for nothing. Whoever imports
    pandas itself, or asks Arrow for a frame, finds it as ever.
    """
    sys.meta_path.insert(0, _Hidden)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(_Hidden)
