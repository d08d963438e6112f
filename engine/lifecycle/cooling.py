"""Moves packs into the cold and back: written there, read again and compared, and only then booked."""

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, select

from engine.errors import LakeError
from engine.runtime import Runtime
from storage import cold, packs
from storage.identity import identities
from storage.packing import Place


def cool(runtime: Runtime, row: RowMapping, root: str, *, step_id: int) -> None:
    """Move a pack into the cold below `root`; its file in the lake is removed by whoever tidies up. Raises `LakeError`."""
    with runtime.database.reading() as connection:
        own = connection.execute(select(identities.c.id)).scalar_one()  # two homes may share a bucket
    location = f"{root.rstrip('/')}/{own}/{row['path']}"
    content = runtime.lake.read_pack(place_of(row))
    try:
        if cold.size(location) != len(content):
            cold.put(location, content)
        again = cold.get(location)
    except OSError as error:
        raise LakeError(f"{location} cannot be written: {error}. {row['path']} stays where it is.") from error
    if hashlib.sha256(again).hexdigest() != row["sha256"]:
        raise LakeError(f"{location} is not what was put there; {row['path']} stays where it is")
    with runtime.database.transaction() as connection:
        packs.cool(connection, row["path"], location=location, step_id=step_id)


def warm(runtime: Runtime, row: RowMapping) -> None:
    """Bring a pack back into the lake; what lies in the cold stays there. Raises `LakeFileLost` when it cannot be had now."""
    with runtime.lake.kept():
        content = runtime.lake.read_pack(place_of(row))
        if not (runtime.lake.folder / row["path"]).is_file():
            runtime.lake.write_again(row["path"], content)
        with runtime.database.transaction() as connection:
            packs.warm(connection, row["path"], at=runtime.clock.now())


def restore(runtime: Runtime, *, dataset: str | None, month: date | None, tell: Callable[[], Any]) -> dict[str, int]:
    """Bring packs back, those of a dataset or a month or all; return how much that was."""
    with runtime.database.reading() as connection:
        rows = packs.in_the_cold(connection, dataset=dataset, month=month)
    for row in rows:
        warm(runtime, row)
        tell()
    return {"packs": len(rows), "bytes": sum(row["bytes"] for row in rows)}


def place_of(row: RowMapping) -> Place:
    """Return where a pack as a whole lies."""
    return Place(row["path"], row["sha256"], row["bytes"], 0, None, row["cold"])
