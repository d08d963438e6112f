"""What a reconciliation came to, in words and for JSON."""

from decimal import Decimal
from typing import Any

from engine.stream.contracts import Completeness
from engine.stream.reconcile import EXPLAINED, MONEY, Reconciliation, Side, SymbolResult, Verdict


def told(found: Reconciliation, *, origin: str, simulated: bool, unreadable: int) -> dict[str, Any]:
    """Return a reconciliation fit for JSON: money in NPR, only symbols that differ one by one; `origin` is where the trades are from."""
    return {
        "session": found.session,
        "simulated": simulated,
        "of": found.side.value,
        "origin": origin,
        "verdict": found.verdict.value,
        "says": says(found),
        "symbols": {
            "on_both_sides": len(found.present),
            "exact": found.exact,
            "absent": [one.symbol for one in found.absent],
        },
        "trades": {
            "received": found.received,
            "official": found.official_trades,
            "missing_by_ids": found.missing_by_ids,
            "missing_by_total": found.missing_by_total,
            "missing_where_no_id_tells": found.tail,
            "evidence": found.evidence.value,
            "set_aside": dict(found.set_aside),
            "unreadable_lines": unreadable,
        },
        "partitions": [_partition(part) for part in found.partitions],
        "partitions_without_a_trade": list(found.silent),
        "complete_pct": {"by_ids": _percent(found.complete_by_ids), "by_total": _percent(found.complete_by_total)},
        "causes": [{"cause": cause.value, "symbols": symbols, "trades": trades} for cause, (symbols, trades) in found.causes.items()],
        "differing": [_row(one, found.side) for one in found.differing],
    }


def _partition(part: Completeness) -> dict[str, int]:
    return {"partition": part.partition, "received": part.received, "last": part.last, "missing": part.missing}


def _percent(share: float | None) -> float | None:
    """Return a share in percent; a hundred only where nothing is missing."""
    if share is None:
        return None
    return min(round(100 * share, 4), 99.9999) if share < 1 else 100.0


def _row(one: SymbolResult, side: Side) -> dict[str, Any]:
    def npr(name: str, value: int | None) -> Decimal | int | None:
        return Decimal(value).scaleb(-2) if value is not None and name in MONEY else value

    fields = {
        name: {side.value: npr(name, one.trades[name]), "official": npr(name, one.official[name])}
        for name in one.differing
        if one.trades is not None and one.official is not None
    }
    return {"symbol": one.symbol, "causes": {cause.value: trades for cause, trades in one.causes.items()}, "fields": fields}


def says(found: Reconciliation) -> str:
    """Return the verdict in words; a day that is incomplete is never called reconciled."""
    both, missing = len(found.present), found.missing_by_total
    if found.verdict is Verdict.UNDER_WAY:
        holes = f"; {found.missing_by_ids:,} are missing so far by the contract ids" if found.missing_by_ids else ""
        return f"The stream is not done with {found.session}: {found.received:,} trades so far{holes}."
    if found.verdict is Verdict.NOT_POSSIBLE:
        return f"There are no official rows of {found.session} to compare with: run that date first, which promotes the batch."
    if found.verdict is Verdict.INCOMPLETE:
        of = found.official_trades if found.official_trades is not None else found.received + found.missing_by_ids
        share = f"{found.received:,} of {of:,} trades ({100 * found.received / of:.1f} %)"
        there = f"The stream received {share}." if found.side is Side.STREAM else f"The tape holds {share}: it died early."
        return f"{there} {found.exact} of the {both} symbols that are there are exact, which is not a reconciliation."
    apart = _apart(found)
    if found.verdict is Verdict.DIFFERS:
        differing = [one for one in found.differing if one.causes.keys() - EXPLAINED]
        noun = "symbol differs" if len(differing) == 1 else "symbols differ"
        return f"{len(differing)} {noun}; {found.exact} of {both} on both sides are exact{apart}. {_missing(found)}".strip()
    if found.verdict is Verdict.EXACT_FOR_PRESENT:
        there = "of which trades came" if found.side is Side.STREAM else "that are on the tape"
        return f"All seven fields of all {both} symbols {there} are exact{apart}. {_missing(found)}"
    total = f", and all {found.received:,} trades are there" if missing == 0 else ""
    return f"All seven fields of all {both} symbols are exact{apart}{total}."


def of_silent(found: Reconciliation) -> str:
    """Say what is known of the partitions of which no trade came; nothing where there is none."""
    if not found.silent:
        return ""
    names = f"partition{'s' if len(found.silent) > 1 else ''} {', '.join(f'{number:02d}' for number in found.silent)}"
    if found.tail is None:
        return f"Of {names} no trade is there. The ids cannot tell whether there was any; there is no official total yet that could."
    if found.tail <= 0:
        return f"Of {names} no trade is there, and by {found.evidence.value} there was none."
    return f"Of {names} no trade is there: some of the {found.tail:,} that no id tells of may be of it, the others are of a lost end."


def _apart(found: Reconciliation) -> str:
    explained = [f"{cause.value}: {symbols:,}" for cause, (symbols, _) in found.causes.items() if cause in EXPLAINED]
    return f" ({', '.join(explained)})" if explained else ""


def _missing(found: Reconciliation) -> str:
    missing = found.missing_by_total if found.missing_by_total is not None else found.missing_by_ids
    if missing <= 0:
        return ""
    absent = "" if not found.absent else f", {len(found.absent):,} symbols altogether"
    if len(found.absent) == 1:
        absent = f", {found.absent[0].symbol} altogether"
    return f"{missing:,} {'trade is' if missing == 1 else 'trades are'} missing{absent}."
