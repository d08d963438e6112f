"""Limits learnt from the statistics' own past, so that all of them together alarm no more often than an operator has allowed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.drift.judging import CRAMERS_V, CUSUM, DISCOVERIES, PAGE_HINKLEY, SERIES, Z
from engine.drift.pair import Floats
from engine.drift.series import DECISION, PH_DECISION, column_medians
from engine.drift.watched import WATCHED, Kind
from engine.thresholds import Thresholds, ThresholdSpec, threshold

SESSIONS_A_MONTH = 19.0  # some 230 a year
HISTORY, FEWEST = 120, 60  # sessions that limits are learnt from
GROSS = 2.0  # a value of more than twice its limit is out of the next limits until a person says that the market did it
# A series of which more of the last HISTORY sessions were gross lies elsewhere now, and they are its past like any.
MOST_TIMES = HISTORY // 10  # that it became so
MOST_GROSS = 30  # sessions in all: half a reference, whose middle follows from then on

BUDGET = threshold(
    ThresholdSpec(
        "drift.alarms_per_month",
        default=1.0,
        low=0.2,
        high=8.0,
        step=0.1,
        unit="alarms a month",
        why="So many false alarms a month are aimed at, over everything that is watched: limits are learnt from 120 sessions for it.",
    )
)


_WHY = "However calm the past was, a statistic below its floor is no alarm."


def _floor(statistic: str, default: float, high: float, step: float, unit: str) -> ThresholdSpec:
    return threshold(ThresholdSpec(f"drift.floor_{statistic}", default, 0.0, high, step, unit, _WHY))


FLOORS: Mapping[str, ThresholdSpec] = {
    "ks": _floor("ks", 0.10, 1.0, 0.01, "difference"),
    "psi": _floor("psi", 0.10, 2.0, 0.01, "nats"),
    "wasserstein": _floor("wasserstein", 0.10, 2.0, 0.01, "deviations"),
    "jensen_shannon": _floor("jensen_shannon", 0.10, 1.0, 0.01, "distance"),
    Z: _floor("robust_z", 3.5, 20.0, 0.1, "robust deviations"),
    CUSUM: _floor("cusum", DECISION, 30.0, 0.5, "deviations"),
    PAGE_HINKLEY: _floor("page_hinkley", PH_DECISION, 40.0, 0.5, "deviations"),
    CRAMERS_V: _floor("cramers_v", 0.10, 1.0, 0.01, "share"),
    DISCOVERIES: _floor("discoveries", 0.10, 1.0, 0.01, "share"),
}
STRUCTURAL = np.array([statistic == Z and name in WATCHED and WATCHED[name].kind is Kind.RATE for name, statistic in SERIES])
COUNTS = np.array([name not in WATCHED or WATCHED[name].kind is not Kind.MARKET for name, _ in SERIES])  # can alarm at all
_LEAST = np.array([FLOORS[statistic].default for _, statistic in SERIES]) / 4  # spread: so that a series that never moved has one


def floors_of(thresholds: Thresholds) -> Floats:
    """Return the practical limit of each series."""
    return np.array([thresholds[FLOORS[statistic].key] for _, statistic in SERIES])


@dataclass(frozen=True, slots=True)
class Limits:
    """What each series was held against: `values` in the order of SERIES, learnt from `sessions`; `calibrated` where these are enough."""

    values: Floats
    calibrated: bool
    sessions: int


def limits(history: Floats, floors: Floats, alarms_per_month: float) -> Limits:
    """Return the limits that the last sessions (rows of `history`, |statistics| in the order of SERIES, NaN: not counted) allow.

    Each series gets its median plus the same multiple of its own spread (90 % less median). The multiple is the smallest with which no
    more than the allowed share of those sessions would have had any alarm: of n sessions the rank is ceil((1 - a)(n + 1)), so that also the
    next session alarms with a probability of at most a, if it is like them (split conformal). Too short a history gives the floors alone.
    """
    recent = history[-HISTORY:]
    if len(recent) < FEWEST:
        return Limits(floors.copy(), False, len(recent))
    middle, spread = _scale(recent)
    most = _most(recent, middle, spread, floors)
    reach = np.sort(most)[_rank(len(recent), alarms_per_month) - 1]
    values = np.maximum(floors, np.nan_to_num(middle + max(reach, 0.0) * spread, nan=0.0)) if np.isfinite(reach) else floors.copy()
    return Limits(values, True, len(recent))


def _scale(recent: Floats) -> tuple[Floats, Floats]:
    middle = column_medians(recent)
    ordered = np.sort(recent, axis=0)
    count = (~np.isnan(recent)).sum(axis=0)
    ninth = ordered[np.maximum(np.ceil(0.9 * count).astype(int) - 1, 0), np.arange(recent.shape[1])]
    return middle, np.maximum(np.nan_to_num(ninth - middle), _LEAST)


def _most(recent: Floats, middle: Floats, spread: Floats, floors: Floats) -> Floats:
    """Return the largest reach of each session over all series; minus infinity where none is above its floor."""
    with np.errstate(invalid="ignore"):
        beyond = (recent > floors) & COUNTS
        reach: Floats = np.where(beyond, (recent - middle) / spread, -np.inf).max(axis=-1)
    return reach


def _rank(sessions: int, alarms_per_month: float) -> int:
    share = min(max(alarms_per_month, 0.0) / SESSIONS_A_MONTH, 1.0)
    rank = int(np.ceil((1 - share) * (sessions + 1)))
    return min(max(rank, 1), sessions)


def beyond(values: Floats, limit: Limits) -> NDArray[np.bool_]:
    """Return which |values| alarm. Without a history only structural rates do: distances of a market have no textbook limit that holds."""
    with np.errstate(invalid="ignore"):
        over = (values > limit.values) & COUNTS
    return np.asarray(over if limit.calibrated else over & STRUCTURAL)


def spent(left: float, alarms_per_month: float, *, alarmed: bool) -> float:
    """Return what is left of a month's budget after a session: it brings its share, and an alarm takes one.

    Limits keep to a budget while the next sessions are like those they were learnt from; a market's are not. What was really alarmed is
    counted too: limits are learnt for the share that is left, and where nothing is they are the largest that the past has seen (Gibbs and
    Candes 2021, Adaptive Conformal Inference Under Distribution Shift, with a month as the step). At most a month's budget is left and at
    most as much is owed: a fault that stays for long does not raise limits for longer than that.
    """
    owed = max(alarms_per_month, 1.0 - alarms_per_month)  # a budget of less than one alarm owes what one takes
    return min(alarms_per_month, max(-owed, left - alarmed) + alarms_per_month / SESSIONS_A_MONTH)


class Backtest:
    """Every stored session judged anew under another budget and other floors, in milliseconds.

    What does not depend on them is computed once: each session's past as multiples of its series' spread.
    """

    def __init__(self, values: Floats, usable: NDArray[np.bool_]) -> None:
        """`values` are |statistics| (sessions, series), `usable` which of them later limits may be learnt from."""
        self.values = values
        history = np.where(usable, values, np.nan)
        known = np.asarray(~np.isnan(history).all(axis=1))
        self._ordinary = np.asarray(usable.any(axis=1))
        self._judged: list[int] = []
        pasts, middles, spreads = [], [], []
        for at in range(len(values)):
            past = history[:at][known[:at]][-HISTORY:]
            if len(past) < FEWEST:
                continue
            middle, spread = _scale(past)
            self._judged.append(at)
            padded = np.full((HISTORY, past.shape[1]), np.nan)
            padded[HISTORY - len(past) :] = past
            pasts.append(padded)
            middles.append(middle)
            spreads.append(spread)
        shape = (-1, values.shape[1])
        self._past = np.array(pasts, np.float32).reshape(-1, HISTORY, values.shape[1])
        self._middle, self._spread = np.array(middles).reshape(shape), np.array(spreads).reshape(shape)
        with np.errstate(invalid="ignore"):
            self._reach = (self._past - self._middle[:, None].astype(np.float32)) / self._spread[:, None].astype(np.float32)
        self._sizes = (~np.isnan(self._past).all(axis=2)).sum(axis=1)

    def limits(self, floors: Floats, alarms_per_month: float) -> Floats:
        """Return the limits of every session; NaN where its past is too short."""
        found: Floats = np.full(self.values.shape, np.nan)
        if not self._judged:
            return found
        with np.errstate(invalid="ignore"):
            counted: NDArray[np.bool_] = np.logical_and(self._past > floors.astype(np.float32), COUNTS)
        most = np.sort(np.where(counted, self._reach, np.float32(-np.inf)).max(axis=2), axis=1)
        left, judged = alarms_per_month, -1
        for place, at in enumerate(self._judged):  # what is left for one depends on the one before
            for before in range(max(judged, 0), at):
                left = spent(left, alarms_per_month, alarmed=bool(self._ordinary[before] and self._alarms(before, found).any()))
            judged = at
            rank = HISTORY - int(self._sizes[place]) + _rank(int(self._sizes[place]), left)
            reach = float(most[place, rank - 1])
            learnt = self._middle[place] + max(reach, 0.0) * self._spread[place] if np.isfinite(reach) else floors
            found[at] = np.maximum(floors, np.nan_to_num(learnt, nan=0.0))
        return found

    def _alarms(self, at: int, limits: Floats) -> NDArray[np.bool_]:
        return np.asarray((self.values[at] > limits[at]) & COUNTS)

    def alarms(self, floors: Floats, alarms_per_month: float) -> NDArray[np.bool_]:
        """Return which series of which session would have alarmed."""
        with np.errstate(invalid="ignore"):
            found: NDArray[np.bool_] = np.logical_and(self.values > self.limits(floors, alarms_per_month), COUNTS)
        return found
