"""Drift in words: features, statistics, budgets and banners."""

from collections.abc import Mapping
from typing import Any

from engine.drift.distance import DISTANCES
from engine.drift.judging import CRAMERS_V, CUSUM, DISCOVERIES, PAGE_HINKLEY, SAMPLE_TESTS, SERIES, Z
from engine.drift.limits import FEWEST, SESSIONS_A_MONTH
from engine.drift.names import STATISTICS, TITLES
from engine.drift.watched import DISTRIBUTIONS, SECTOR_MIX, SECTORS, SYMBOLS, WATCHED, Kind
from pages.ui.drift_data import ReportView
from pages.ui.text import plain

FEATURES = tuple(dict.fromkeys(feature for feature, _ in SERIES))
_UNITS: Mapping[str, str] = {
    "ks": "difference",
    "psi": "nats",
    "wasserstein": "deviations",
    "jensen_shannon": "distance",
    Z: "deviations",
    CUSUM: "deviations",
    PAGE_HINKLEY: "deviations",
    CRAMERS_V: "share",
    DISCOVERIES: "share",
}
_ABSENT = dict.fromkeys(("missing_symbols", "missing_sector"), "Usual symbols that are absent")
_OTHERS = {
    SECTOR_MIX: "How many symbols of each sector are there, against a usual session of the reference.",
    SYMBOLS: "The share of symbols whose return or volume lies far from their own past, corrected for how many there are.",
    SECTORS: "The share of sectors whose median lies far from their own past, corrected for how many there are.",
}


def title(feature: str) -> str:
    """Return a feature as people read it."""
    return TITLES[feature]


def meaning(feature: str) -> str:
    """Return what a feature is."""
    if feature not in WATCHED:
        return _OTHERS[feature]
    said = WATCHED[feature].meaning
    return f"{said}." if said.startswith("ln") else f"{said[:1].upper()}{said[1:]}."


def statistics_of(feature: str) -> tuple[str, ...]:
    """Return the statistics that watch a feature."""
    return tuple(statistic for name, statistic in SERIES if name == feature)


def statistic_name(statistic: str) -> str:
    """Return a statistic as people read it."""
    said = STATISTICS[statistic]
    return said if statistic == Z else f"{said[:1].upper()}{said[1:]}"


def unit(statistic: str) -> str:
    """Return what a statistic is counted in."""
    return _UNITS[statistic]


def statistic_says(statistic: str) -> str:
    """Return what a statistic measures."""
    if statistic in SAMPLE_TESTS or statistic == CRAMERS_V:
        return DISTANCES[statistic].summary
    return {
        Z: "How far the session's level lies from the median of its reference, in robust deviations: the session is the unit.",
        CUSUM: "Small moves of the level that all go one way, added up.",
        PAGE_HINKLEY: "The same, against the mean of what was seen so far.",
        DISCOVERIES: "Benjamini and Hochberg: at most one in twenty of those counted is there by chance.",
    }[statistic]


_NO_ONE = "no one sector or symbol: what drives it is spread over all of them"


def driven_by(known: Mapping[str, Any], feature: str) -> list[tuple[str, str]]:
    """Return which sectors, symbols and rows an alarm comes from, each with its label; of a report of long ago what it has."""
    rows = []
    if known["sectors"]:
        said = ", ".join(f"{plain(one['group'])} ({one['rows']} rows) {100 * one['share']:.0f}%" for one in known["sectors"])
        rows.append(("Goes away without", said))
    if far := known.get("far") or known["symbols"]:
        said = ", ".join(f"{plain(one['group'])} {one['share']:+.1f}" for one in far)
        label = "Sectors far from their own past" if feature == SECTORS else "Symbols far from their own past"
        rows.append((label, f"{said} robust deviations"))
    if counts := known.get("counts"):
        said = ", ".join(f"{plain(one['group'])} {one['rows']} instead of {one['usual']:g}" for one in counts)
        rows.append(("Symbols of a sector", said))
    if about := known.get("concerned"):
        more = f" and {about['rows'] - len(about['symbols']):,} more" if about["rows"] > len(about["symbols"]) else ""
        which = f": {plain(', '.join(about['symbols']))}{more}" if about["symbols"] else ""
        rows.append((_ABSENT.get(feature, "Rows it counts"), f"{about['rows']:,} of {about['of']:,}{which}"))
    return rows or [("Driven by", _NO_ONE)] if feature in DISTRIBUTIONS else rows


def is_market(feature: str) -> bool:
    """Say whether a feature tells what the market did, and never a fault."""
    return feature in WATCHED and WATCHED[feature].kind is Kind.MARKET


def budget(alarms_per_month: float) -> str:
    """Return a budget as people say it: `at most 1 alarm a month`."""
    if alarms_per_month >= 1:
        number = f"{alarms_per_month:g}"
        return f"at most {number} alarm{'' if alarms_per_month == 1 else 's'} a month"
    return f"at most 1 alarm in {1 / alarms_per_month:.3g} months"


def how_calibrated(report: ReportView) -> str:
    """Say what the limits of a session were learnt from."""
    if report.calibrated:
        return f"learnt from the {report.history} sessions before it, for {budget(report.alarms_per_month)}"
    return f"uncalibrated: {report.history} of the {FEWEST} sessions that are needed; only structural rates alarm, at the textbook's limit"


def a_month(alarms: int, sessions: int) -> float:
    """Return alarms a month."""
    return alarms / sessions * SESSIONS_A_MONTH if sessions else 0.0
