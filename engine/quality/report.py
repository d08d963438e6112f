"""Judges a session: every check of the catalogue, what each row is worth, and whether the session may pass."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa

from engine.errors import DataError
from engine.market.daily_file import LineCounts
from engine.quality.check import CHECKS, SESSION_ROW, Check, Flags, Positions, RuleBook, Scope, Scores, rule_book
from engine.quality.sample import Floats, Ints, Sample
from engine.thresholds import Thresholds, ThresholdSpec, threshold
from storage.status import CheckStatus, GateVerdict

BLOCK_ABOVE = threshold(
    ThresholdSpec(
        "gate.block_above",
        default=5,
        low=0.5,
        high=50,
        step=0.5,
        unit="% of lines",
        why="A session is blocked, for a person to decide, when more of its lines than this are set aside or cannot be read.",
    )
)
OF_THE_WHOLE = frozenset({Scope.FILE, Scope.SESSION, Scope.CROSS_SOURCE})  # an ERROR of these blocks the session: no row is to blame
SAMPLE_ROWS = 5  # of a check's findings that are kept beside its counts

FINDING_SCHEMA = pa.schema(
    [
        ("session", pa.date32()),
        ("line", pa.int32()),  # of the file; null for a finding about the whole session
        ("symbol", pa.string()),
        ("check", pa.string()),
        ("score", pa.float64()),  # in the unit of the check
        ("observed", pa.float64()),
        ("bound", pa.float64()),
        ("explained", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class Conservation:
    """Where every physical line of the file went."""

    physical: int
    header: int
    blank: int
    loaded: int
    quarantined: int
    duplicates: int

    @property
    def holds(self) -> bool:
        """Whether no line has disappeared and none was counted twice."""
        return self.physical == self.header + self.blank + self.loaded + self.quarantined + self.duplicates


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found in a session: plain values, fit to be stored and printed.

    `warned`, `failed` and `explained` are counts of findings among `applicable` rows (1 for a check of the whole session); `worst` is the
    largest score, with what was `observed` there and the `bound` it was held against. Limits are None where the check has none or is off.
    """

    check: Check
    status: CheckStatus
    applicable: int
    warned: int
    failed: int
    explained: int
    worst: float | None
    observed: float | None
    bound: float | None
    warn_above: float | None
    error_above: float | None
    fingerprint: str
    reason: str | None
    sample: tuple[Mapping[str, Any], ...]

    @property
    def rate(self) -> float | None:
        """The share of what could be judged that was warned of or failed; None where nothing could."""
        return (self.warned + self.failed) / self.applicable if self.applicable else None


@dataclass(frozen=True, slots=True)
class Findings:
    """Every score above the lowest limit that can be chosen, one entry each; `check` is the position in CHECKS."""

    row: Ints
    check: Ints
    score: Floats
    observed: Floats
    bound: Floats
    explained: Flags

    def table(self, sample: Sample) -> pa.Table:
        """Return them as a table of FINDING_SCHEMA."""
        whole = self.row == SESSION_ROW
        place = pa.array(np.where(whole, 0, self.row), pa.int64(), mask=whole)
        names = _names().take(pa.array(self.check, pa.int64()))
        columns = [
            pa.repeat(pa.scalar(sample.session, pa.date32()), len(self.row)),
            sample.line_numbers.take(place),
            sample.symbols.take(place),
            names,
            *map(pa.array, (self.score, self.observed, self.bound, self.explained)),
        ]
        return pa.Table.from_arrays(columns, schema=FINDING_SCHEMA)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What is known of the quality of one session. `quarantined` and `flagged` are positions of rows, ascending; no row is in both."""

    results: tuple[CheckResult, ...]
    findings: Findings
    quarantined: Positions
    flagged: Positions
    lines: Conservation
    verdict: GateVerdict
    reason: str
    thresholds: Thresholds
    let_through: bool  # by a person's approval: the gate would have blocked it

    def errors_of(self, row: int) -> tuple[Mapping[str, Any], ...]:
        """Return the findings for which a row was set aside: check, observed, bound, score."""
        found = np.flatnonzero((self.findings.row == row) & above(self.findings, rule_book(self.thresholds).error_above))
        names = list(CHECKS)
        return tuple(
            {
                "check": names[self.findings.check[at]],
                "observed": float(self.findings.observed[at]),
                "bound": float(self.findings.bound[at]),
                "score": float(self.findings.score[at]),
            }
            for at in found
        )


@cache
def _names() -> pa.StringArray:
    return pa.array(list(CHECKS), pa.string())


def above(findings: Findings, limits: Floats) -> Flags:
    """Return which findings lie above the limit of their check and have no explanation; `limits` are in the order of CHECKS."""
    found: Flags = (findings.score > limits[findings.check]) & ~findings.explained
    return found


def judge(
    sample: Sample,
    thresholds: Thresholds,
    *,
    accepted: Mapping[str, Collection[str]] | None = None,
    approved: bool = False,
) -> QualityReport:
    """Judge a session by every check.

    `accepted` are, by check, the symbols whose finding a person called a false alarm. An `approved` session passes the gate.
    Raises DataError when a line of the file has disappeared or was counted twice.
    """
    rules = rule_book(thresholds)
    parts = [_scores(check, sample, (accepted or {}).get(check.id, ())) for check in CHECKS.values()]
    results = tuple(
        _result(check, scores, rules, at, sample) for at, (check, scores) in enumerate(zip(CHECKS.values(), parts, strict=True))
    )
    findings = _together(parts)
    of_rows = findings.row != SESSION_ROW
    aside, warned = (_among_rows(findings.row[above(findings, limit) & of_rows], sample) for limit in (rules.error_above, rules.warn_above))
    quarantined, flagged = np.flatnonzero(aside), np.flatnonzero(warned & ~aside)
    lines = conserved(sample.lines, len(quarantined))
    if not lines.holds:
        raise DataError(f"a line was lost or counted twice: {lines}. This is a defect of the program; please report it with the file.")
    blocks = _blocks(results, lines, block_above=thresholds[BLOCK_ABOVE.key])
    verdict, reason = _verdict(results, lines, blocks, flagged=len(flagged), approved=approved)
    return QualityReport(results, findings, quarantined, flagged, lines, verdict, reason, thresholds, approved and bool(blocks))


def _among_rows(positions: Positions, sample: Sample) -> Flags:
    flags: Flags = np.zeros(sample.size, bool)
    flags[positions] = True
    return flags


def conserved(lines: LineCounts, quarantined: int) -> Conservation:
    """Return where the lines went once `quarantined` of the rows are set aside too."""
    return Conservation(
        physical=lines.physical,
        header=lines.header,
        blank=lines.blank,
        loaded=lines.loaded - quarantined,
        quarantined=lines.rejected + quarantined,
        duplicates=lines.duplicates,
    )


def share_set_aside(lines: Conservation) -> float:
    """Return how many percent of the data lines were set aside."""
    data = lines.loaded + lines.quarantined
    return 100 * lines.quarantined / data if data else 100.0


def _scores(check: Check, sample: Sample, accepted: Collection[str]) -> Scores:
    scores = check.function(sample)
    return _accepted(_above_floor(scores, check.floor), sample, accepted) if len(scores.rows) else scores


def _above_floor(scores: Scores, floor: float) -> Scores:
    keep = scores.score > floor
    if keep.all():
        return scores
    return Scores(
        scores.rows[keep],
        scores.score[keep],
        scores.observed[keep],
        scores.bound[keep],
        scores.explained[keep],
        scores.applicable,
        scores.note,
    )


def _accepted(scores: Scores, sample: Sample, symbols: Collection[str]) -> Scores:
    if not symbols:
        return scores
    names = [sample.symbols[int(row)].as_py() if row != SESSION_ROW else "" for row in scores.rows]
    explained = scores.explained | np.array([name in symbols for name in names])
    return Scores(scores.rows, scores.score, scores.observed, scores.bound, explained, scores.applicable, scores.note)


def _result(check: Check, scores: Scores, rules: RuleBook, at: int, sample: Sample) -> CheckResult:
    warn_above, error_above = float(rules.warn_above[at]), float(rules.error_above[at])
    off = warn_above == error_above == np.inf
    limits = None if warn_above == np.inf else warn_above, None if error_above == np.inf else error_above
    if len(scores.rows) == 0:  # as nearly always
        status = _status(scores, off=off, failed=False, warned=False)
        nothing = None, None, None
        return CheckResult(check, status, scores.applicable, 0, 0, 0, *nothing, *limits, rules.fingerprints[at], scores.note, ())
    counted = ~scores.explained
    failed = counted & (scores.score > error_above)
    warned = counted & ~failed & (scores.score > warn_above)
    failures, warnings = int(np.count_nonzero(failed)), int(np.count_nonzero(warned))
    worst = int(np.argmax(np.where(counted, scores.score, -np.inf)))
    return CheckResult(
        check=check,
        status=_status(scores, off=off, failed=failures > 0, warned=warnings > 0),
        applicable=scores.applicable,
        warned=warnings,
        failed=failures,
        explained=int(np.count_nonzero(scores.explained & (scores.score > min(warn_above, error_above)))),
        worst=_plain(scores.score[worst]),
        observed=_plain(scores.observed[worst]),
        bound=_plain(scores.bound[worst]),
        warn_above=limits[0],
        error_above=limits[1],
        fingerprint=rules.fingerprints[at],
        reason=scores.note,
        sample=_sample(scores, np.flatnonzero(failed | warned), sample) if failures or warnings else (),
    )


def _status(scores: Scores, *, off: bool, failed: bool, warned: bool) -> CheckStatus:
    if off:
        return CheckStatus.OFF
    if failed:
        return CheckStatus.FAILED
    if warned:
        return CheckStatus.WARNED
    return CheckStatus.PASSED if scores.applicable else CheckStatus.NOT_APPLICABLE


def _sample(scores: Scores, found: Positions, sample: Sample) -> tuple[Mapping[str, Any], ...]:
    if len(found) > SAMPLE_ROWS:  # only those that may be among the largest are put in order
        found = found[scores.score[found] >= np.partition(scores.score[found], -SAMPLE_ROWS)[-SAMPLE_ROWS]]
    largest = found[np.argsort(-scores.score[found], kind="stable")][:SAMPLE_ROWS]
    return tuple(
        {
            "line": sample.line_numbers[int(scores.rows[at])].as_py() if scores.rows[at] != SESSION_ROW else None,
            "symbol": sample.symbols[int(scores.rows[at])].as_py() if scores.rows[at] != SESSION_ROW else None,
            "score": _plain(scores.score[at]),
            "observed": _plain(scores.observed[at]),
            "bound": _plain(scores.bound[at]),
        }
        for at in largest
    )


def _together(parts: Sequence[Scores]) -> Findings:
    counts = [len(part.rows) for part in parts]
    return Findings(
        row=np.concatenate([part.rows for part in parts]),
        check=np.repeat(np.arange(len(parts)), counts),
        score=np.concatenate([part.score for part in parts]),
        observed=np.concatenate([part.observed for part in parts]),
        bound=np.concatenate([part.bound for part in parts]),
        explained=np.concatenate([part.explained for part in parts]),
    )


def _blocks(results: Sequence[CheckResult], lines: Conservation, *, block_above: float) -> list[str]:
    """Return why the session must not pass by itself."""
    whole = [result for result in results if result.status is CheckStatus.FAILED and result.check.scope in OF_THE_WHOLE]
    blocks = [f"{result.check.id}: {result.check.summary}" for result in whole]
    share = share_set_aside(lines)
    if share > block_above and not lines.loaded + lines.quarantined:
        blocks.insert(0, "the file holds no row")
    elif share > block_above:
        most = max(results, key=lambda result: result.failed)
        by = f", most by {most.check.id} ({most.failed})" if most.failed else ""
        data = lines.loaded + lines.quarantined
        many = (
            f"{lines.quarantined:,} of {data:,} lines ({share:.1f} %) are set aside, more than the {block_above:g} % of {BLOCK_ABOVE.key}"
        )
        blocks.insert(0, many + by)
    return blocks


def _verdict(
    results: Sequence[CheckResult], lines: Conservation, blocks: Sequence[str], *, flagged: int, approved: bool
) -> tuple[GateVerdict, str]:
    flags = f", {flagged:,} of them with a flag" if flagged else ""
    aside = f"; {lines.quarantined:,} {'is' if lines.quarantined == 1 else 'are'} set aside" if lines.quarantined else ""
    said = f"{lines.loaded:,} rows pass{flags}{aside}"
    if blocks and not approved:
        return GateVerdict.BLOCKED, "; ".join(blocks)
    if blocks:
        return GateVerdict.FLAGGED, f"approved by a person, though {'; '.join(blocks)}. {said}"
    something = lines.quarantined or any(result.status in (CheckStatus.WARNED, CheckStatus.FAILED) for result in results)
    return (GateVerdict.FLAGGED if something else GateVerdict.PASSED), said


def _plain(value: Any) -> float | None:
    """Return a finite number as a plain float, else None: JSON knows no NaN and no infinity."""
    return float(value) if isfinite(value) else None
