"""Statistics and the error budget as a person reads them on the command line; JSON has the figures as they are."""

from collections.abc import Mapping

from engine.monitoring.deadlines import Budget
from engine.monitoring.statistics import Recovery, RunStatistics, Trend
from engine.printing import lasted

_NAMED = 5  # dates


def statistics_in_words(pipeline: str, known: RunStatistics) -> Mapping[str, str]:
    """Return what the history of a pipeline's runs comes to, a line a thing."""
    found = {"pipeline": pipeline, "runs": _ended(known)}
    if known.succeeded + known.failed:
        found["success"] = _success(known)
    if known.succeeded:
        work = f"{lasted(known.cpu_seconds)} of CPU a run (median), {known.rows_per_second or 0:,.0f} rows a second"
        found |= {"duration": _duration(known), "trend": _trend(known.trend), "work": work}
    return found | {"recovery": _recovery(known.recovery)}


def budget_in_words(kept: Budget) -> str:
    """Return how many sessions were late, and how many more may be."""
    if not kept.sessions:
        return "no session was promised yet"
    late = f"{kept.missed} of the last {kept.sessions} sessions were late"
    allowed = f"at {100 * kept.objective:g} % in time {kept.allowed} may be"
    return f"{late}; {allowed}: {f'{kept.left} more are left' if kept.left >= 0 else f'{-kept.left} too many'}"


def _ended(known: RunStatistics) -> str:
    if not known.runs:
        return "none is over"
    of_kind = ((known.succeeded, "succeeded"), (known.failed, "failed"), (known.closed, "closed days"), (known.cancelled, "cancelled"))
    return f"the newest {known.runs:,}: " + ", ".join(
        f"{count:,} {word}" for count, word in of_kind if count or word in ("succeeded", "failed")
    )


def _success(known: RunStatistics) -> str:
    return f"{100 * (known.success_rate or 0):.1f} % of those that succeeded or failed".replace("100.0", "100")


def _duration(known: RunStatistics) -> str:
    said = f"median {lasted(known.p50_seconds)}, 95 of 100 within {lasted(known.p95_seconds)}, the newest {lasted(known.newest_seconds)}"
    return f"{said}, which is unusually long" if known.newest_is_unusual else said


def _trend(known: Trend | None) -> str:
    if known is None:
        return "too few runs to tell one"
    moved = f"{100 * abs(known.change):.0f} % {'longer' if known.change > 0 else 'shorter'} from the first of them to the last"
    chance = "more than chance" if known.is_more_than_chance else "no more than chance"
    return f"{known.word}: {moved}, {chance} (p = {known.p_value:.2g})"


def _recovery(known: Recovery) -> str:
    if not known.mended and not known.open:
        return "no date has failed"
    named = ", ".join(map(str, known.open[-_NAMED:])) + (f" and {len(known.open) - _NAMED} older" if len(known.open) > _NAMED else "")
    mended = f"{known.mended} mended, in {lasted(known.median_seconds)} (median)" if known.mended else "no date that failed was mended"
    return f"{mended}; not mended: {named}" if known.open else mended
