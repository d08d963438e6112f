"""A session against the sessions of its reference: every statistic of every feature that is watched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.drift import distances as _registered  # noqa: F401, fills the registry
from engine.drift.categories import CategoryPair
from engine.drift.distance import DISTANCES
from engine.drift.pair import Floats, Pair
from engine.drift.series import benjamini_hochberg, column_medians, cusum, page_hinkley, robust_z, two_sided
from engine.drift.session import PARTS, SessionSample, own_past
from engine.drift.watched import BY_SYMBOL, DISTRIBUTIONS, FEATURES, SECTOR_MIX, SECTORS, SYMBOLS, WATCHED, Kind

FEWEST_SESSIONS = 20  # of a reference
REFERENCE = 60  # sessions
RECENT = 5  # sessions in which a sector stood that may be missing now
FALSE_DISCOVERIES = 0.05
SAMPLE_TESTS = ("ks", "psi", "wasserstein", "jensen_shannon")
Z, CUSUM, PAGE_HINKLEY, DISCOVERIES, CRAMERS_V = "robust_z", "cusum", "page_hinkley", "discoveries", "cramers_v"

SERIES: tuple[tuple[str, str], ...] = (
    *((feature.name, test) for feature in FEATURES if feature.kind is Kind.DISTRIBUTION for test in SAMPLE_TESTS),
    *((feature.name, Z) for feature in FEATURES),
    *((feature.name, slow) for feature in FEATURES if feature.kind is not Kind.MARKET for slow in (CUSUM, PAGE_HINKLEY)),
    (SECTOR_MIX, CRAMERS_V),
    (SYMBOLS, DISCOVERIES),
    (SECTORS, DISCOVERIES),
)
PLACE: Mapping[tuple[str, str], int] = {series: at for at, series in enumerate(SERIES)}


@dataclass(frozen=True, slots=True)
class Measured:
    """One statistic of one session: `observed` and `usual` are the level that it is of, `part` which part of the feature it is about.

    Without a value there are too few sessions to compare with.
    """

    feature: str
    statistic: str
    value: float | None
    observed: float | None = None
    usual: float | None = None
    part: str | None = None
    sessions: int = 0  # of the reference


References = Callable[[str], Sequence[SessionSample]]


def measured(sample: SessionSample, references: References, past_z: Mapping[str, Sequence[float]]) -> tuple[Measured, ...]:
    """Return every statistic in the order of SERIES.

    `references(feature)` are the sessions to compare a feature with; the session itself is none of them. `past_z` are the robust z of each
    feature in the sessions before, oldest first, for what changes slowly.
    """
    found: dict[tuple[str, str], Measured] = {}
    for name in DISTRIBUTIONS:
        found |= _sample_tests(sample, references(name), name)
    levels = _level_tests(sample, references)
    found |= {(one.feature, Z): one for one in levels}
    found |= _slow_tests(levels, past_z)
    window = references(SYMBOLS)
    found[SECTOR_MIX, CRAMERS_V] = _sector_mix(sample, window)
    found[SYMBOLS, DISCOVERIES] = _symbols(sample, window)
    found[SECTORS, DISCOVERIES] = _sectors(sample, window)
    return tuple(found[series] for series in SERIES)


def pooled(window: Sequence[SessionSample], name: str) -> Floats:
    """Return a column of all sessions of a reference together."""
    return np.concatenate([one.values(name) for one in window]).astype(np.float64)


def _sample_tests(sample: SessionSample, window: Sequence[SessionSample], name: str) -> dict[tuple[str, str], Measured]:
    if len(window) < FEWEST_SESSIONS:
        return {(name, test): Measured(name, test, None, sessions=len(window)) for test in SAMPLE_TESTS}
    pair = Pair(pooled(window, name), sample.values(name))
    able = pair.n > 0 and pair.m > 0 and not pair.is_constant
    values = {test: float(DISTANCES[test].function(pair)) if able else None for test in SAMPLE_TESTS}
    return {(name, test): Measured(name, test, value, sessions=len(window)) for test, value in values.items()}


def _level_tests(sample: SessionSample, references: References) -> list[Measured]:
    """Return how far each level lies from those of its reference; of several parts the one that lies farthest."""
    keys = {feature.name: _keys(sample, feature.name) for feature in FEATURES}
    by_window: dict[int, tuple[Sequence[SessionSample], list[str]]] = {}
    for feature in FEATURES:
        window = references(feature.name)
        by_window.setdefault(id(window), (window, []))[1].append(feature.name)
    z: dict[str, tuple[float, float, float]] = {}
    for window, names in by_window.values():
        asked = [key for name in names for key in keys[name]]
        smallest = np.array([WATCHED[name].smallest for name in names for _ in keys[name]])
        z |= dict(zip(asked, zip(*_z(sample, window, asked, smallest), strict=True), strict=True))
    return [_farthest(name, keys[name], z, len(references(name))) for name in WATCHED]


def _keys(sample: SessionSample, name: str) -> list[str]:
    return [key for key in sample.levels if key.startswith(f"{name}:")] if name in PARTS else [name] * (name in sample.levels)


def _farthest(name: str, keys: Sequence[str], z: Mapping[str, tuple[float, float, float]], sessions: int) -> Measured:
    known = [key for key in keys if not np.isnan(z[key][0])]
    if not known:
        return Measured(name, Z, None, observed=z[keys[0]][1] if len(keys) == 1 else None, sessions=sessions)
    most = max(known, key=lambda key: abs(z[key][0]))
    value, observed, usual = map(float, z[most])
    return Measured(name, Z, value, observed, usual, most.partition(":")[2] or None, sessions)


def _z(sample: SessionSample, window: Sequence[SessionSample], keys: Sequence[str], smallest: Floats | float) -> tuple[Floats, ...]:
    now = np.array([sample.levels[key] for key in keys])
    past = levels_of(window, keys)
    past = np.where((~np.isnan(past)).sum(axis=0) >= FEWEST_SESSIONS, past, np.nan)
    if not len(past):
        return np.full(len(keys), np.nan), now, now
    return robust_z(now, past, smallest=smallest), now, column_medians(past)


def levels_of(window: Sequence[SessionSample], keys: Sequence[str]) -> Floats:
    """Return levels as (sessions, keys), NaN where a session has none."""
    return np.array([[one.levels.get(key, np.nan) for key in keys] for one in window]).reshape(len(window), len(keys))


def _slow_tests(levels: Sequence[Measured], past_z: Mapping[str, Sequence[float]]) -> dict[tuple[str, str], Measured]:
    names = [one.feature for one in levels]
    longest = max((len(past) for past in past_z.values()), default=0)
    table = np.full((longest + 1, len(names)), np.nan)
    for at, one in enumerate(levels):
        past = past_z.get(one.feature, ())
        table[longest - len(past) : longest, at] = past
        table[longest, at] = np.nan if one.value is None else one.value
    enough = (~np.isnan(table)).sum(axis=0) >= FEWEST_SESSIONS
    slow = {CUSUM: cusum(table)[-1], PAGE_HINKLEY: page_hinkley(table)[-1]}
    return {
        (name, statistic): Measured(name, statistic, float(values[at]) if enough[at] else None, sessions=longest)
        for statistic, values in slow.items()
        for at, name in enumerate(names)
        if (name, statistic) in PLACE
    }


def _sector_mix(sample: SessionSample, window: Sequence[SessionSample]) -> Measured:
    """Compare how many symbols of each sector are there with a usual session of the reference (the sizes of both are then alike)."""
    if len(window) < FEWEST_SESSIONS:
        return Measured(SECTOR_MIX, CRAMERS_V, None, sessions=len(window))
    keys = sorted({key for one in (*window[-RECENT:], sample) for key in one.levels if key.startswith(f"{SECTOR_MIX}:")})
    usual = np.nan_to_num(levels_of(window, keys)).mean(axis=0)
    pair = CategoryPair(keys, usual, np.nan_to_num(levels_of([sample], keys)[0]))
    return Measured(SECTOR_MIX, CRAMERS_V, DISTANCES[CRAMERS_V].function(pair) if pair.m else None, sessions=len(window))


def symbol_z(sample: SessionSample, window: Sequence[SessionSample], name: str) -> Floats:
    """Return how far each symbol lies from its own sessions of the reference in a column; NaN where it has too few."""
    past = own_past(sample.codes, window, name)
    z = robust_z(sample.values(name).astype(np.float64), past, smallest=0.0)
    return np.where((~np.isnan(past)).sum(axis=0) >= FEWEST_SESSIONS, z, np.nan)


def discovered(z: Floats) -> NDArray[np.bool_]:
    """Return which of many deviates are no chance: by Benjamini and Hochberg, at most one in twenty of them is false."""
    with np.errstate(invalid="ignore"):
        return np.asarray(benjamini_hochberg(two_sided(z)) <= FALSE_DISCOVERIES)


def _symbols(sample: SessionSample, window: Sequence[SessionSample]) -> Measured:
    """Return the share of (symbol, feature) that lie far from the symbol's own past, of those that could be tested."""
    if len(window) < FEWEST_SESSIONS:
        return Measured(SYMBOLS, DISCOVERIES, None, sessions=len(window))
    z = np.concatenate([symbol_z(sample, window, name) for name in BY_SYMBOL])
    return _share(SYMBOLS, z, len(window))


def _sectors(sample: SessionSample, window: Sequence[SessionSample]) -> Measured:
    z = sector_z(sample, window)
    if not z:
        return Measured(SECTORS, DISCOVERIES, None, sessions=len(window))
    return _share(SECTORS, np.array(list(z.values())), len(window))


def sector_z(sample: SessionSample, window: Sequence[SessionSample]) -> dict[str, float]:
    """Return how far the median of each sector lies from its own sessions of the reference, by `feature/sector`."""
    keys = [key for key in sample.levels if key.startswith(f"{SECTORS}:")]
    if len(window) < FEWEST_SESSIONS or not keys:
        return {}
    z, _, _ = _z(sample, window, keys, 0.02)
    return {key.partition(":")[2]: float(value) for key, value in zip(keys, z, strict=True)}


def _share(name: str, z: Floats, sessions: int) -> Measured:
    tested = int((~np.isnan(z)).sum())
    return Measured(name, DISCOVERIES, float(discovered(z).sum() / tested) if tested else None, sessions=sessions)
