"""Makes a home out of a backup: aside, compared while it is copied, read again as a whole, and only then under its name."""

import errno
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.backup import manifest
from engine.backup.carrier import copy
from engine.backup.inspection import Fault, Inspection, inspect_home, wrong
from engine.backup.manifest import DATABASE, LAKE, Entry, Manifest
from engine.backup.shelf import held
from engine.errors import BackupError, NoSpace, UsageError
from storage.aside import aside, sweep
from storage.database import free_bytes, open_read_only
from storage.migrate import HEAD


@dataclass(frozen=True, slots=True)
class Restored:
    """A home that was made out of a backup."""

    home: Path
    manifest: Manifest
    inspection: Inspection
    left_out: tuple[Fault, ...]  # with `salvage`: what was not whole any more
    seconds: float

    def figures(self) -> dict[str, Any]:
        """Return it as plain values."""
        made, read = self.manifest, self.inspection
        told = {"home": str(self.home), "taken_at": made.taken_at.isoformat(), "newest_write_at": made.mark.at and made.mark.at.isoformat()}
        counts = {"files": read.files, "bytes": made.bytes, "rows": read.rows, "runs": made.runs, "sessions": made.sessions}
        left = [{"path": fault.path, "what": fault.what} for fault in self.left_out]
        return {**told, **counts, "seconds": round(self.seconds, 3), "simulated": made.simulated, "left_out": left}


def restore(backup: Path, home: Path, *, salvage: bool = False, durable: bool = True) -> Restored:
    """Restore a backup into an empty or new folder. Raises `UsageError` for any other, `BackupError` when the backup is damaged.

    With `salvage` damaged lake files are left out and told; a damaged database cannot be salvaged. A home that is removed at once
    need not be `durable`: flushing makes every other writer on the disk wait.
    """
    began = time.monotonic()
    _refuse_a_used_folder(home)
    with held(backup):
        made = manifest.read(backup)
        _refuse_another_schema(backup, made)
        _refuse_a_full_disk(home, made.bytes)
        sweep(home.parent, home.name)
        try:
            with aside(home, durable=durable) as folder:
                left_out = _copy_all(backup, folder, made)
                if left_out and (not salvage or any(fault.path == DATABASE for fault in left_out)):
                    raise BackupError(_damaged(backup, left_out))
                inspection = _inspect(folder, made)
                unexpected = {fault.path for fault in inspection.faults} - {fault.path.removeprefix(f"{LAKE}/") for fault in left_out}
                if durable:
                    os.sync()  # once for all files: one by one, a restore of 2,400 took 11 s instead of 6
                if unexpected:
                    raise BackupError(f"what was restored of {backup} is not right: {inspection.sentence()}. Nothing was left in {home}.")
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoSpace(f"the disk of {home} is full; nothing was left there. Free some space and restore again.") from error
            raise BackupError(f"{home} could not be made: {error}") from error
    return Restored(home, made, inspection, tuple(left_out), time.monotonic() - began)


def _refuse_a_used_folder(home: Path) -> None:
    if home.is_mount():
        raise UsageError(f"{home} is where a disk is mounted, and a home is renamed into its place: restore into a folder inside it")
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UsageError(f"{home} is not an empty folder, and a backup is never restored over something: take a new one")


def _refuse_another_schema(backup: Path, made: Manifest) -> None:
    if made.schema > HEAD:
        raise BackupError(
            f"backup {backup} is at schema {made.schema}, and this version of the product knows up to {HEAD}: restore it with the newer one"
        )


def _refuse_a_full_disk(home: Path, needed: int) -> None:
    if (free := free_bytes(home)) < needed:
        raise NoSpace(f"the backup holds {needed / 1e6:,.0f} MB and the disk of {home} has {free / 1e6:,.0f} MB free; nothing was written")


def _copy_all(backup: Path, folder: Path, made: Manifest) -> list[Fault]:
    """Copy every file, never link: a home and its backups shall not share what one of them loses."""
    faults = [Fault(f"{LAKE}/{path}", "was lost before the backup was made") for path in made.lost]
    for entry in made.files:
        target = folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not copy(backup / entry.path, target, entry, durable=False):
            faults.append(Fault(entry.path, wrong(backup / entry.path, entry) or "changed while it was read"))
    return faults


def _damaged(backup: Path, faults: Sequence[Fault]) -> str:
    named = "; ".join(f"{fault.path} {fault.what}" for fault in faults[:3])
    more = f"; and {len(faults) - 3:,} more" if len(faults) > 3 else ""  # noqa: PLR2004, as many are named
    return f"backup {backup} is damaged: {named}{more}. Take another one, or restore what is whole of it with --salvage."


def _inspect(folder: Path, made: Manifest) -> Inspection:
    if made.lake_only:
        entries: tuple[Entry, ...] = made.files
        faults = tuple(Fault(entry.path, what) for entry in entries if (what := wrong(folder / entry.path, entry)))
        return Inspection(str(folder), len(entries), made.bytes, sum(entry.rows or 0 for entry in entries), faults, 0.0)
    database = open_read_only(f"sqlite:///{(folder / DATABASE).absolute()}")
    if database is None:
        raise BackupError(f"the backup holds no {DATABASE}")
    try:
        return inspect_home(database, folder / LAKE)
    finally:
        database.close()
