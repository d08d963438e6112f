"""Does what the lifecycle was asked for, step by step; what a killed process has begun is gone on with, for each month is done or not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping

from engine.errors import ConsoleError, Fenced, NoSpace
from engine.lifecycle.compaction import compact
from engine.lifecycle.cooling import cool, restore
from engine.lifecycle.planning import Month, plan, to_cool, to_pack
from engine.lifecycle.policy import Policy, nightly, of_json
from engine.lifecycle.tidying import Tidied, tidy
from engine.lifecycle.undoing import undo
from engine.runtime import Runtime
from storage import audit, lifecycle, packs
from storage.lake import DiskFull, LakeFileLost
from storage.status import StepKind, StepState

BY_CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step ended."""

    state: StepState
    message: str
    figures: Mapping[str, Any]


def work_off(runtime: Runtime, tell: Callable[[Mapping[str, Any]], Any]) -> list[dict[str, Any]]:
    """Do every step that is asked for, and what is due by itself; return what came of each. `tell` raises `Fenced` to end it."""
    runtime.lake.sweep()
    tidy(runtime)  # what a killed process left is superfluous before anything else is judged
    _ask_by_itself(runtime)
    done = []
    with runtime.database.reading() as connection:
        waiting = lifecycle.waiting(connection)
    for row in waiting:
        ended = _do(runtime, row, lambda: tell({"steps": len(waiting)}))
        _note_end(runtime, row, ended)
        done.append({"step": row["id"], "kind": row["kind"], "state": ended.state, "message": ended.message, **ended.figures})
    return done


def _note_end(runtime: Runtime, row: RowMapping, ended: Ended) -> None:
    at, about = runtime.clock.now(), {"step": row["id"], "kind": row["kind"]}
    with runtime.database.transaction() as connection:
        lifecycle.end(connection, row["id"], ended.state, figures=ended.figures, message=ended.message, at=at)
        if row["kind"] == StepKind.UNDO and ended.state is StepState.DONE:
            lifecycle.take_back(connection, row["asked"]["step"], by_step=row["id"])
        # What is done without a word would not be known to be missing in a backup.
        audit.record(connection, at=at, actor=row["requested_by"], command="lifecycle", parameters=about, result=ended.message)


def _ask_by_itself(runtime: Runtime) -> None:
    policy = nightly(runtime)
    if not (policy.compact_after or policy.cold_after) or plan(runtime, policy, measured=False).is_empty:
        return
    with runtime.database.transaction() as connection:
        if lifecycle.waiting(connection):
            return  # what people ask for comes first, and the next night is near
        at = runtime.clock.now()
        step_id = lifecycle.ask(connection, StepKind.APPLY, policy.as_json(), by=BY_CLOCK, at=at)
        what: dict[str, Any] = {"command": "lifecycle_apply", "parameters": policy.as_json(), "result": f"step {step_id}"}
        audit.record(connection, at=at, actor=BY_CLOCK, **what)


def _do(runtime: Runtime, row: RowMapping, tell: Callable[[], Any]) -> Ended:
    try:
        if row["kind"] == StepKind.APPLY:
            return _apply(runtime, of_json(row["asked"]), row["id"], tell)
        if row["kind"] == StepKind.UNDO:
            return _undo(runtime, row, tell)
        counts = restore(runtime, dataset=row["asked"]["dataset"], month=_month(row["asked"]["month"]), tell=tell)
        return Ended(StepState.DONE, f"{counts['packs']:,} packs ({counts['bytes'] / 1e6:,.1f} MB) are in the lake again", counts)
    except Fenced:
        raise
    except DiskFull as error:
        return Ended(StepState.FAILED, str(NoSpace(str(error))), {})
    except (ConsoleError, LakeFileLost) as error:
        return Ended(StepState.FAILED, f"{error} Nothing is lost; ask again.", {})


def _month(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _apply(runtime: Runtime, policy: Policy, step_id: int, tell: Callable[[], Any]) -> Ended:
    """Pack, then move; a month that cannot be packed is left as it is and told, and a full disk ends the packing."""
    put_off: dict[str, str] = {}
    with runtime.database.reading() as connection:
        months = list(to_pack(connection, runtime, policy))
    for month in months:
        try:
            if not compact(runtime, month.dataset, month.month, step_id=step_id):
                put_off[_name(month)] = "one of its dates was published anew meanwhile"
        except DiskFull as error:
            put_off[_name(month)] = str(error)
            break
        except (ConsoleError, LakeFileLost) as error:
            put_off[_name(month)] = str(error)
        tell()
    with runtime.database.reading() as connection:
        old = to_cool(connection, runtime, policy)
    for pack in old:
        try:
            cool(runtime, pack, policy.cold or "", step_id=step_id)
        except (ConsoleError, LakeFileLost) as error:
            put_off[pack["path"]] = str(error)
        tell()
    tidied = tidy(runtime)
    figures = _figures(runtime, step_id) | {"removed_files": tidied.files, "put_off": put_off, "waits": tidied.put_off}
    return Ended(StepState.FAILED if put_off else StepState.DONE, _sentence(figures, tidied), figures)


def _name(month: Month) -> str:
    return f"{month.dataset} of {month.month:%Y-%m}"


def _figures(runtime: Runtime, step_id: int) -> dict[str, Any]:
    with runtime.database.reading() as connection:
        made = packs.listed(connection, packs.packs.c.step_id == step_id)
        moved = packs.listed(connection, packs.packs.c.cooled_by == step_id)
    return {
        "packs": len(made),
        "versions": sum(row["members"] for row in made),
        "files_before": sum(row["replaced_files"] for row in made),
        "bytes_before": sum(row["replaced_bytes"] for row in made),
        "bytes_after": sum(row["bytes"] for row in made),
        "moved_to_cold": len(moved),
        "moved_bytes": sum(row["bytes"] for row in moved),
    }


def _sentence(figures: Mapping[str, Any], tidied: Tidied) -> str:
    before, after = figures["bytes_before"] / 1e6, figures["bytes_after"] / 1e6
    said = [f"{figures['files_before']:,} files ({before:,.1f} MB) are {figures['packs']:,} packs ({after:,.1f} MB)"]
    if not figures["packs"]:
        said = ["nothing was to be packed"]
    if figures["moved_to_cold"]:
        said.append(f"{figures['moved_to_cold']:,} packs ({figures['moved_bytes'] / 1e6:,.1f} MB) are in the cold")
    if tidied.put_off:
        said.append("somebody reads: the files that are not needed any more are removed the next time")
    for name, why in list(figures["put_off"].items())[:1]:
        said.append(f"{len(figures['put_off']):,} put off, {name} first: {why}")
    return "; ".join(said)


def _undo(runtime: Runtime, row: RowMapping, tell: Callable[[], Any]) -> Ended:
    counts = undo(runtime, row["asked"]["step"], by_step=row["id"], tell=tell)
    tidied = tidy(runtime)
    said = f"{counts['files']:,} files are back out of {counts['packs']:,} packs"
    said += f", {counts['same_rows']:,} of them with the same rows in other bytes" if counts["same_rows"] else ", byte for byte"
    said += f"; {counts['warmed']:,} packs are back out of the cold" if counts["warmed"] else ""
    return Ended(StepState.DONE, said, counts | {"removed_files": tidied.files, "waits": tidied.put_off})
