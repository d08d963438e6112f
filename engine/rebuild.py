"""Computes all of gold again from silver: an audit of what the daily runs have carried from day to day."""

from typing import Any

import pyarrow as pa

from engine.errors import LakeError
from engine.features.indicators import rebuild
from engine.runtime import Runtime
from storage import lake, sessions
from storage.lake import LakeFileLost


def rebuild_gold(runtime: Runtime, *, publish: bool) -> dict[str, Any]:
    """Recompute gold of every accepted session and compare it cell by cell with what is stored.

    With `publish`, sessions that differ get a new version. Raises `LakeError` when a silver file cannot be read.
    """
    with runtime.database.reading() as connection:
        silver = lake.snapshot(connection, "silver")
        stored = {version.partition: version for version in lake.snapshot(connection, "gold")}
    differing, cells, written = [], 0, 0
    try:
        tables = (runtime.lake.read_table(version.path) for version in silver)
        for version, (state, gold) in zip(silver, rebuild(tables), strict=True):
            known = stored.get(version.partition)
            cells += gold.num_rows * gold.num_columns
            if known is not None and _same(gold, runtime, known.path):
                continue
            differing.append(version.partition)
            if publish:
                _publish(runtime, version, gold, state.digest())
                written += 1
    except LakeFileLost as error:
        raise LakeError(str(error)) from error
    return {
        "sessions": len(silver),
        "cells": cells,
        "differing_sessions": len(differing),
        "first_differing": differing[:10],
        "written": written,
    }


def _same(gold: pa.Table, runtime: Runtime, path: str) -> bool:
    try:
        return bool(gold.equals(runtime.lake.read_table(path)))
    except LakeFileLost:
        return False


def _publish(runtime: Runtime, silver: lake.Version, gold: pa.Table, digest: str) -> None:
    version = runtime.lake.write("gold", silver.partition, lake.table_content(gold))
    at = runtime.clock.now()
    with runtime.database.transaction() as connection:
        session = sessions.one(connection, silver.partition)
        lake.publish(connection, version, run_id=session["run_id"] if session else 0, at=at, simulated=runtime.simulated)
        sessions.point_to_gold(connection, silver.partition, gold_path=version.path, state_digest=digest)
