"""Computes all of gold again from silver: an audit of what the daily runs have carried from day to day."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from engine.errors import Conflict, LakeError
from engine.features.indicators import rebuild
from engine.features.state import FeatureState
from engine.pipelines.carry import GOLD, STATE, begins_week
from engine.runtime import Runtime
from storage import audit, lake, sessions
from storage.lake import LakeFileLost, Version


def rebuild_gold(runtime: Runtime, *, publish: bool) -> dict[str, Any]:
    """Recompute gold of every accepted session and compare it cell by cell with what is stored, and the carried state bit for bit.

    With `publish`, what differs gets a new version. Raises `LakeError` when a silver file cannot be read, and `Conflict` when sessions
    change meanwhile: what they make wait must not be called right.
    """
    with runtime.database.reading() as connection:
        accepted = sessions.between(connection, date.min, date.max)
        stored = {version.partition: version for version in lake.snapshot(connection, GOLD)}
        states = {version.partition: version for version in lake.snapshot(connection, STATE)}
    differing, cells = [], 0
    try:
        tables = (runtime.lake.read_table(row["silver_path"]) for row in accepted)
        before: date | None = None
        newest: str | None = None  # digest of the state before
        for row, (state, gold) in zip(accepted, rebuild(tables), strict=True):
            session, digest = row["session"], state.digest()
            cells += gold.num_rows * gold.num_columns
            wrong = {} if _is_stored(runtime, row, stored.get(session), gold) else {GOLD: gold}
            if begins_week(session, before) and not _holds_state(runtime, states.get(session), digest):
                wrong[STATE] = state.to_table()
            built_on, before, newest = newest, session, digest
            if not wrong and row["state_digest"] == digest:
                continue
            differing.append(session)
            if publish:
                _publish(runtime, row, wrong, digest, built_on)
        if publish and differing:
            _audited(runtime, len(differing))
    except LakeFileLost as error:
        raise LakeError(str(error)) from error
    return {
        "sessions": len(accepted),
        "waiting_sessions": sum(row["state_digest"] is None for row in accepted),
        "cells": cells,
        "differing_sessions": len(differing),
        "first_differing": differing[:10],
        "written": len(differing) if publish else 0,
    }


def _audited(runtime: Runtime, sessions_written: int) -> None:
    """Say that it happened: what is committed without a word would not be known to be missing in a backup."""
    with runtime.database.transaction() as connection:
        what: dict[str, Any] = {"command": "rebuild_gold", "parameters": {}, "result": f"{sessions_written} sessions written anew"}
        audit.record(connection, at=runtime.clock.now(), actor="rebuild", **what)


def _is_stored(runtime: Runtime, row: Mapping[str, Any], version: Version | None, gold: pa.Table) -> bool:
    if version is None or version.path != row["gold_path"]:
        return False
    try:
        return bool(gold.equals(runtime.lake.read_table(version.path)))
    except LakeFileLost:
        return False


def _holds_state(runtime: Runtime, version: Version | None, digest: str) -> bool:
    if version is None:
        return False
    try:
        return FeatureState.from_table(runtime.lake.read_table(version.path)).digest() == digest
    except (LakeError, LakeFileLost):
        return False  # of another schema, written by other code; or torn


def _publish(runtime: Runtime, row: Mapping[str, Any], tables: Mapping[str, pa.Table], digest: str, built_on: str | None) -> None:
    session, at = row["session"], runtime.clock.now()
    written = {dataset: runtime.lake.write(dataset, session, lake.table_content(table)) for dataset, table in tables.items()}
    gold_path = written[GOLD].path if GOLD in written else row["gold_path"]
    with runtime.database.transaction() as connection:
        before, now = sessions.last_before(connection, session), sessions.one(connection, session)
        is_built_on = before["state_digest"] if before else None
        if is_built_on != built_on or now is None or now["silver_path"] != row["silver_path"]:
            raise Conflict(f"sessions up to {session} changed while gold was rebuilt; ask again when no run or backfill is at work")
        for version in written.values():
            lake.publish(connection, version, run_id=row["run_id"], at=at, simulated=runtime.simulated)
        sessions.point_to_gold(connection, session, gold_path=gold_path, state_digest=digest)
