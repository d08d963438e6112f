"""What an application of a policy would do, without doing it: months to pack, packs to move, files and bytes before and after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping

from engine.lifecycle.compaction import packed_anew
from engine.lifecycle.policy import Policy, begin_of, older_than
from engine.runtime import Runtime
from storage import packs
from storage.lake import LakeFileLost
from storage.moves import STREAM

UNPACKED = frozenset((STREAM,))  # each of its sessions is one large file already, kept or dropped by the tick log's own rules
KEPT_WARM = timedelta(days=30)  # what was brought back out of the cold stays for as long


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a dataset that is to be packed."""

    dataset: str
    month: date
    versions: int
    past: int  # of them: superseded, kept in a pack of their own
    files: int  # that it lies in now
    bytes: int
    files_after: int


@dataclass(frozen=True, slots=True)
class Line:
    """What would happen to one dataset."""

    dataset: str
    months: int  # to pack
    files: int
    bytes: int
    files_after: int
    bytes_after: int  # by what packing its newest month gives; 0 where that cannot be read
    to_cold: int  # packs
    cold_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy and what it comes to."""

    policy: Policy
    months: Sequence[Month]
    to_cold: Sequence[RowMapping]
    lines: Sequence[Line]
    lake: Mapping[str, int]  # all of it as it is: see `packs.sums`
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.months and not self.to_cold

    def figures(self) -> dict[str, Any]:
        """Return it as plain values."""
        files, size = self.lake["files"] + self.lake["packs"], self.lake["bytes"] + self.lake["pack_bytes"]
        saved = sum(line.files - line.files_after for line in self.lines), sum(line.bytes - line.bytes_after for line in self.lines)
        return {
            "policy": self.policy.as_json(),
            "months": len(self.months),
            "packs_to_cold": len(self.to_cold),
            "superseded_versions_kept": sum(month.past for month in self.months),
            "files_before": files,
            "files_after": files - saved[0],
            "bytes_before": size,
            "bytes_after_estimated": size - saved[1],
            "unreadable": dict(self.unreadable),
            "datasets": [{name: getattr(line, name) for name in Line.__slots__} for line in self.lines],
        }


def plan(runtime: Runtime, policy: Policy, *, measured: bool = True) -> Plan:
    """Return what a policy would do now.

    The bytes of packs are estimated by packing one month of each dataset, which is not stored; unless `measured`, they are those of now.
    """
    with runtime.database.reading() as connection:
        months = list(to_pack(connection, runtime, policy))
        cooled = to_cool(connection, runtime, policy)
        lake = dict(packs.sums(connection))
    lines, unreadable = [], {}
    for dataset in sorted({month.dataset for month in months} | {row["dataset"] for row in cooled}):
        own = [month for month in months if month.dataset == dataset]
        share = 1.0
        try:
            share = _share(runtime, own) if measured else 1.0
        except LakeFileLost as error:
            unreadable[dataset] = str(error)
        size, moved = sum(month.bytes for month in own), [row for row in cooled if row["dataset"] == dataset]
        counts = len(own), sum(month.files for month in own), size, sum(month.files_after for month in own)
        lines.append(Line(dataset, *counts, round(size * share), len(moved), sum(row["bytes"] for row in moved)))
    return Plan(policy, months, cooled, lines, lake, unreadable)


def _share(runtime: Runtime, months: Sequence[Month]) -> float:
    """Return how many bytes a pack has for each byte of the files it takes the place of, measured on the newest month."""
    if not months:
        return 1.0
    newest = months[-1]
    made = packed_anew(runtime, newest.dataset, newest.month)
    before = sum(group.bytes for group in made)
    return sum(len(group.data) for group in made) / before if before else 1.0


def to_pack(connection: Connection, runtime: Runtime, policy: Policy) -> Iterator[Month]:
    """Yield the months that have something to pack, by dataset and oldest first."""
    if not policy.compact_after:
        return
    rows = packs.placed(connection, older_than(runtime, policy.compact_after))
    sizes = {row["path"]: row["bytes"] for row in packs.listed(connection)}
    for (dataset, month), found in groupby(rows, key=lambda row: (row.dataset, begin_of(row.partition))):
        versions = list(found)
        if dataset in UNPACKED or not _has_to_be_packed(versions):
            continue
        holders = {row.pack for row in versions if row.pack is not None}
        loose = [row for row in versions if row.pack is None]
        size = sum(row.bytes for row in loose) + sum(sizes[path] for path in holders)
        past = sum(not row.is_current for row in versions)
        yield Month(dataset, month, len(versions), past, len(loose) + len(holders), size, bool(past) + (past < len(versions)))


def _has_to_be_packed(versions: Sequence[Any]) -> bool:
    """Say whether packing gives fewer files, or separates what is current from what is not: in a month that is packed, neither."""
    if len(versions) == 1:
        return False
    kinds = [[row.pack for row in versions if row.is_current is current] for current in (True, False)]
    loose = any(None in packed and len(packed) > 1 for packed in kinds)
    return loose or bool({*kinds[0]} & {*kinds[1]} - {None})


def to_cool(connection: Connection, runtime: Runtime, policy: Policy) -> Sequence[RowMapping]:
    """Return the packs that are old enough to be moved into the cold."""
    if not policy.cold_after or policy.cold is None:
        return []
    recently = runtime.clock.now() - KEPT_WARM
    old = packs.listed(connection, packs.packs.c.cold.is_(None), packs.packs.c.month < older_than(runtime, policy.cold_after))
    return [row for row in old if row["restored_at"] is None or row["restored_at"] < recently]
