"""Commands about the product's own safety: ask for a job, make a damaged file anew, take it back from a backup."""

from typing import Any

from engine.backup import shelf
from engine.backup.carrier import digest_of
from engine.backup.manifest import LAKE
from engine.errors import BackupError, UnknownName, UsageError
from engine.jobs import JOBS
from engine.pipeline.graph import find
from engine.pipelines import PIPELINES
from engine.services.base import TYPED, Submitted
from engine.services.replays import Replays, Wanted
from storage import damage, jobs, lake, packs, runs
from storage.moves import STREAM
from storage.packs import Stored
from storage.status import RunType

BRONZE = "bronze"
OF_GOLD = ("gold", "feature_state")


class JobCommands(Replays):
    """Ask, mend, take back."""

    def request_job(self, name: str) -> str:
        """Queue a job; one that is queued already is not queued twice. A runner does it."""
        run_id = self.ask_for(name)
        return f"{JOBS[name].title} is queued (job {run_id})."

    def ask_for(self, name: str) -> int:
        """Queue a job and return the number of its execution."""
        if name not in JOBS:
            raise UnknownName(f"there is no job {name!r}; there are: {', '.join(JOBS)}")
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "jobs")
            run_id = jobs.request(connection, name, by=self.actor, at=self.runtime.clock.now())
            self._audited(connection, "job", {"job": name}, f"job run {run_id}")
        return run_id

    def mend(self, path: str) -> str | Submitted:
        """Make a damaged lake file anew: bronze out of the source, gold out of silver, the rest out of bronze.

        Of a pack, every version in it that is current: its dates are run again, oldest first.
        """
        version, run = self._damaged(path)
        if isinstance(version, Stored) and version.dataset not in OF_GOLD:
            return self._mend_pack(version)
        if version.dataset == STREAM:
            raise UsageError(f"{path} is the log of a session of the stream, which nothing else can give again; take it back from a backup")
        if version.dataset in OF_GOLD and isinstance(version, Stored):
            return self.request_job("rebuild_gold")
        if run is None:
            raise UsageError(f"no run is known that made {path}; take it back from a backup")
        if version.dataset in OF_GOLD:
            return self.request_job("rebuild_gold")
        pipeline = find(PIPELINES, run["pipeline"])
        if version.dataset == BRONZE:
            return self._submit(pipeline, run["partition"], RunType.RERUN, rerun_of=run["id"])
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            return self._replay_one(connection, pipeline, Wanted(run["partition"], TYPED), RunType.RERUN)

    def _mend_pack(self, pack: Stored) -> str:
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "submit")
            current = [row for row in packs.of_pack(connection, pack.path) if row["is_current"]]
            made_by = [run for row in current if row["run_id"] is not None and (run := runs.one(connection, row["run_id"])) is not None]
            if not made_by:
                raise UsageError(f"no run is known that made what is in {pack.path}; take it back from a backup")
            pipeline = find(PIPELINES, made_by[0]["pipeline"])
            from_stage = None if pack.dataset == BRONZE else TYPED
            wanted = [Wanted(day, from_stage) for day in sorted({run["partition"] for run in made_by})]
            backfill_id, taken, left_out = self._backfill_of(connection, pipeline, wanted, RunType.RERUN, request_key=None)
            said = f"{len(taken):,} dates are queued again as backfill {backfill_id}"
            said += f", {len(left_out):,} are left out: a run of theirs is on its way." if left_out else "."
            return self._audited(connection, "mend", {"path": pack.path, "id": backfill_id}, said)

    def take_back(self, path: str) -> str:
        """Put the file of a lake path into its place again, out of the newest backup that holds it whole."""
        version, _ = self._damaged(path)
        for backup in shelf.backups(self.runtime.settings.backups):
            kept = backup / LAKE / path
            with shelf.held(backup):
                if not kept.is_file() or digest_of(kept) != version.sha256:
                    continue
                self.runtime.lake.write_again(path, kept.read_bytes())
            with self.runtime.database.transaction() as connection:
                damage.forget(connection, path)
                return self._audited(connection, "take_back", {"path": path}, f"{path} is whole again, out of backup {backup.name}.")
        if isinstance(version, Stored) and (said := self._take_back_files(version)):
            return said
        other = "Nothing else has it." if version.dataset == STREAM else "Ask the source again, or rebuild it."
        raise BackupError(f"no backup in {self.runtime.settings.backups} holds {path} whole. {other}")

    def _take_back_files(self, pack: Stored) -> str | None:
        """Put back the files that a pack took the place of, out of a backup of before; None where none holds all of them whole."""
        with self.runtime.database.reading() as connection:
            rows = packs.of_pack(connection, pack.path)
        for backup in shelf.backups(self.runtime.settings.backups):
            kept = {row["path"]: backup / LAKE / row["path"] for row in rows}
            with shelf.held(backup), self.runtime.lake.kept() as held:
                if not held or not all(kept[row["path"]].is_file() and digest_of(kept[row["path"]]) == row["sha256"] for row in rows):
                    continue
                for path, file in kept.items():
                    self.runtime.lake.write_again(path, file.read_bytes())
                with self.runtime.database.transaction() as connection:
                    packs.unpack(connection, list(kept))
                    said = f"The {len(kept):,} files that {pack.path} took the place of are back, out of backup {backup.name}."
                    return self._audited(connection, "take_back", {"path": pack.path}, said)
        return None

    def _damaged(self, path: str) -> tuple[lake.Version | Stored, Any]:
        """Return a damaged file and the run that published it, None where no run did, as of a pack."""
        with self.runtime.database.reading() as connection:
            version = lake.by_path(connection, path) or packs.one(connection, path)
            row = next((row for row in damage.known(connection, limit=10_000) if row["path"] == path), None)
            run = runs.one(connection, row["run_id"]) if row is not None and row["run_id"] is not None else None
        if version is None or row is None:
            raise UsageError(f"{path} is not known as a damaged file of the lake")
        return version, run
