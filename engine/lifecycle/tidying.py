"""Removes files of the lake that the catalog does not name any more, once nobody reads by their names; also what killed processes left."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import RowMapping

from engine.runtime import Runtime
from storage import cold, packs

PATIENCE = 20.0  # seconds that one waits for readers: a query, a backup
_PACK = re.compile(r"\d{4}-\d\d-pack-[0-9a-f]{12}-[0-9a-f]{8}\..+")


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was removed."""

    files: int = 0
    bytes: int = 0
    put_off: bool = False  # somebody reads: what is superfluous costs room until the next time, and nothing else


def tidy(runtime: Runtime, *, patience: float | None = None) -> Tidied:
    """Remove files whose versions lie in packs, packs that nobody names, and packs that lie in the cold.

    What the catalog says is flushed first, so that a power cut cannot bring back a catalog that names what is removed. Nothing goes whose
    pack is not in its place. Is idempotent.
    """
    with runtime.lake.removing(patience=PATIENCE if patience is None else patience) as held:
        if not held:
            return Tidied(put_off=True)
        runtime.database.settle()
        with runtime.database.reading() as connection:
            named = {row["path"]: row for row in packs.listed(connection)}
            lies_in = packs.packs_by_member(connection)
        gone = size = 0
        for file in _superfluous(runtime, named, lies_in):
            size += file.stat().st_size
            file.unlink()
            gone += 1
        return Tidied(gone, size)


def _superfluous(runtime: Runtime, named: Mapping[str, RowMapping], lies_in: Mapping[str, str]) -> Iterator[Path]:
    lake = runtime.lake.folder
    there: dict[str, bool] = {}
    for file in list(lake.glob("*/*/*")):
        path = str(file.relative_to(lake))
        if path in lies_in:
            pack = lies_in[path]
            if pack not in there:
                there[pack] = _is_there(lake, named[pack])
            if there[pack]:
                yield file
        elif _PACK.fullmatch(file.name) and (path not in named or _is_cold(named[path])):
            yield file


def _is_there(lake: Path, pack: RowMapping) -> bool:
    try:
        return bool((lake / pack["path"]).stat().st_size == pack["bytes"])
    except FileNotFoundError:
        return _is_cold(pack)


def _is_cold(pack: RowMapping) -> bool:
    try:
        return pack["cold"] is not None and cold.size(pack["cold"]) == pack["bytes"]
    except OSError:  # what cannot be looked at now is not relied on
        return False
