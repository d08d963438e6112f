"""Gives the files back that an application took the place of, and brings back what it moved into the cold."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import RowMapping

from engine.errors import LakeError
from engine.lifecycle.cooling import place_of, warm
from engine.runtime import Runtime
from storage import packs
from storage.lake import table_content
from storage.packing import PARQUET, as_written, bytes_in


def undo(runtime: Runtime, step_id: int, *, by_step: int, tell: Callable[[], Any]) -> dict[str, int]:
    """Unpack what a step packed, as far as no later one has packed it anew, and warm what it moved; return how much that was.

    A file comes back byte for byte. Where this version of Arrow writes a table otherwise than the one that wrote its file, the same rows
    come back in a file of other bytes: a pack with one version in it, so that the catalog says what it is.
    """
    with runtime.database.reading() as connection:
        made = packs.listed(connection, packs.packs.c.step_id == step_id)
        moved = packs.listed(connection, packs.packs.c.cooled_by == step_id, packs.packs.c.step_id != step_id)
    counts = {"packs": len(made), "files": 0, "same_rows": 0, "warmed": len(moved)}
    for row in moved:
        warm(runtime, row)
        tell()
    for row in made:
        same, other = _unpack(runtime, row, by_step)
        counts["files"] += same + other
        counts["same_rows"] += other
        tell()
    return counts


def _unpack(runtime: Runtime, pack: RowMapping, step_id: int) -> tuple[int, int]:
    """Write the versions of a pack into files of their own and book them; return how many came back the same, and how many not."""
    with runtime.lake.kept() as held:
        if not held:
            raise LakeError("another process removes files of the lake and does not end; ask again when it has")
        with runtime.database.reading() as connection:
            rows = packs.of_pack(connection, pack["path"])
        content: Any = runtime.lake.read_pack(place_of(pack))
        whole = as_written(content) if pack["path"].endswith(PARQUET) else content
        same, others = list[str](), list[dict[str, Any]]()
        for row in rows:
            data = _as_file(whole, row)
            if hashlib.sha256(data).hexdigest() == row["sha256"]:
                runtime.lake.write_again(row["path"], data)
                same.append(row["path"])
            else:
                others.append(_by_itself(runtime, pack, row, data, step_id))
        with runtime.database.transaction() as connection:
            if [row["path"] for row in packs.of_pack(connection, pack["path"])] != [row["path"] for row in rows]:
                raise LakeError(f"{pack['path']} was packed anew by another process; ask again")
            for other, path in zip(others, _rest(rows, same), strict=True):
                packs.book(connection, other, [(path, 0)])
            packs.unpack(connection, same)
    return len(same), len(others)


def _as_file(whole: Any, row: RowMapping) -> bytes:
    if isinstance(whole, bytes):
        return bytes_in(whole, row["path"].rpartition("/")[2])
    return bytes(table_content(whole.slice(row["first_row"], row["rows"])).data)


def _by_itself(runtime: Runtime, pack: RowMapping, row: RowMapping, data: bytes, step_id: int) -> dict[str, Any]:
    path, sha256 = runtime.lake.write_pack(pack["dataset"], pack["month"], data, suffix=PARQUET)
    about = {"path": path, "dataset": pack["dataset"], "month": pack["month"], "sha256": sha256, "bytes": len(data), "rows": row["rows"]}
    return about | {
        "members": 1,
        "replaced_files": 1,
        "replaced_bytes": len(data),
        "step_id": step_id,
        "created_at": runtime.clock.now(),
    }


def _rest(rows: Sequence[RowMapping], same: Sequence[str]) -> list[str]:
    return [row["path"] for row in rows if row["path"] not in same]
