"""What computing costs: vCPUs and memory by the hour, spot with its interruptions, and more vCPUs against less time.

Spot (work T hours, interruptions Poisson at rate L an hour, R hours to begin again, a checkpoint every c hours; what was done since the
last checkpoint is lost): a piece of c hours takes g(c) = (e^(L c) - 1)(1/L + R) on average, the whole floor(T/c) g(c) + g(the rest).
The closed form is the mean of a renewal process (geometrically many failed tries before one that lasts); `simulated_hours` draws it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.costs.line import ONE, ZERO, Category, CostLine, cost_line, rounded
from engine.costs.price_book import MONTH_HOURS, PriceBook, plain
from engine.errors import UsageError

SECONDS = Decimal(3600)
TRIALS = 20_000
MOST_EXPONENT = Decimal(100)  # e^100 tries: no such job ever ends
FEWEST_VCPUS = 2  # different counts that a curve needs


@dataclass(frozen=True, slots=True)
class Spot:
    """How spot capacity is taken away: interruptions an hour, hours to begin again, hours between checkpoints (None: there are none)."""

    interruptions: Decimal = ZERO
    restart_hours: Decimal = ZERO
    checkpoint_hours: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("interruptions", "restart_hours"):
            value = getattr(self, name)
            if not value.is_finite() or value < 0:
                raise UsageError(f"{name.replace('_', ' ')} of {value}: it must be 0 or more")
        if self.checkpoint_hours is not None and not self.checkpoint_hours > 0:
            raise UsageError(f"a checkpoint every {self.checkpoint_hours} hours: it must be above 0, or left out where there is none")


def hourly_rate(share_a_month: Decimal) -> Decimal:
    """Return interruptions an hour where this share of instances is interrupted in a month: -ln(1 - p) / 730."""
    if not ZERO <= share_a_month < 1:
        raise UsageError(f"a share of {share_a_month} interrupted a month: it must be 0 or more and below 1")
    return -(1 - share_a_month).ln() / MONTH_HOURS


def expected_hours(work: Decimal, spot: Spot) -> Decimal:
    """Return the hours that `work` hours take on average; `UsageError` where it would practically never end."""
    if not work.is_finite() or work < 0:
        raise UsageError(f"{work} hours of work: it must be 0 or more")
    if not spot.interruptions or not work:
        return work
    piece = min(spot.checkpoint_hours or work, work)
    whole = work // piece
    return whole * _piece(piece, spot) + _piece(work - whole * piece, spot)


def _piece(hours: Decimal, spot: Spot) -> Decimal:
    exponent = spot.interruptions * hours
    if exponent > MOST_EXPONENT:
        raise UsageError(
            f"{plain(hours)} hours without a checkpoint at {plain(spot.interruptions)} interruptions an hour never end: "
            "take checkpoints more often"
        )
    return (exponent.exp() - 1) * (1 / spot.interruptions + spot.restart_hours)


def undisturbed(work: Decimal, spot: Spot) -> Decimal:
    """Return the probability that the work runs through without one interruption: e^(-L T)."""
    return (-spot.interruptions * work).exp()


def simulated_hours(
    work: float, spot: Spot, random: np.random.Generator, *, trials: int = TRIALS, until: float = np.inf
) -> NDArray[np.float64]:
    """Draw the hours that the work takes, `trials` times: what the closed form is the mean of, and what a deadline is held against.

    A round is one interruption of each run that is not done; one that has taken more than `until` hours is left as it is.
    """
    rate, restart = float(spot.interruptions), float(spot.restart_hours)
    hours = np.zeros(trials)
    if rate == 0 or work == 0:
        return hours + work
    piece = min(float(spot.checkpoint_hours or work), work)
    done = np.zeros(trials)  # hours of work that a checkpoint holds
    going = np.arange(trials)
    while len(going):
        left = work - done[going]
        lasted = random.exponential(1 / rate, len(going))
        interrupted = lasted < left
        hours[going] += np.where(interrupted, lasted + restart, left)
        done[going] += np.where(interrupted, lasted // piece * piece, left)
        going = going[interrupted & (hours[going] <= until)]
    return hours


def deadline_risk(work: float, spot: Spot, deadline: float, random: np.random.Generator, *, trials: int = TRIALS) -> float:
    """Return the share of draws that take longer than the deadline, in hours."""
    if work > deadline:
        return 1.0
    return float((simulated_hours(work, spot, random, trials=trials, until=deadline) > deadline).mean())


def spot_pays(discount: Decimal, work: Decimal, spot: Spot) -> bool:
    """Whether spot is cheaper than on demand: its price ratio is below work / expected hours."""
    return (1 - discount) * expected_hours(work, spot) < work


@dataclass(frozen=True, slots=True)
class Fleet:
    """Hours of vCPUs and of GB of memory, and which share of both runs on spot at which discount; `work` is the length of one run."""

    vcpu_hours: Decimal
    memory_gb_hours: Decimal
    work: Decimal = ONE
    spot_share: Decimal = ZERO
    discount: Decimal = ZERO
    spot: Spot = Spot()

    def __post_init__(self) -> None:
        for name in ("vcpu_hours", "memory_gb_hours", "work"):
            if not getattr(self, name).is_finite() or getattr(self, name) < 0:
                raise UsageError(f"{name.replace('_', ' ')} of {getattr(self, name)}: it must be 0 or more")
        for name in ("spot_share", "discount"):
            if not ZERO <= getattr(self, name) <= 1:
                raise UsageError(f"{name.replace('_', ' ')} of {getattr(self, name)}: it must be between 0 and 1")

    @property
    def longer(self) -> Decimal:
        """How many times longer a run takes on spot, on average."""
        return expected_hours(self.work, self.spot) / self.work if self.work else ONE


def fleet_lines(book: PriceBook, what: str, fleet: Fleet) -> tuple[CostLine, ...]:
    """Price a fleet: h x [(1 - q) x P + q x P x (1 - d) x E/T], for vCPUs and for memory; the discount is taken once."""
    longer = fleet.longer if fleet.spot_share else ONE
    lines: list[CostLine] = []
    for key, hours, unit in (
        ("compute.vcpu_hour", fleet.vcpu_hours, "vCPU-hours"),
        ("compute.memory_gb_hour", fleet.memory_gb_hours, "GB-hours of memory"),
    ):
        price = book.get(key)
        if price is None or not hours:
            continue
        on_demand = hours * (1 - fleet.spot_share)
        if on_demand or not fleet.spot_share:
            how = f"{rounded(hours)} {unit} x (1 - {plain(fleet.spot_share)} on spot)" if fleet.spot_share else ""
            lines.append(cost_line(Category.COMPUTE, f"{what}: {unit} on demand", on_demand, price, how=how))
        if fleet.spot_share:
            how = f"{rounded(hours)} {unit} x {plain(fleet.spot_share)} on spot x {longer:.6f} for interruptions"
            quantity = hours * fleet.spot_share * longer
            lines.append(cost_line(Category.COMPUTE, f"{what}: {unit} on spot", quantity, price, how=how, discount=fleet.discount))
    return tuple(lines)


def unpriced(book: PriceBook, fleet: Fleet) -> str | None:
    """Return what to say where a book has no price for memory that is used."""
    if fleet.memory_gb_hours and "compute.memory_gb_hour" not in book:
        return f"price book {book.name!r} has no price for memory: {plain(fleet.memory_gb_hours)} GB-hours are left out of the total"
    return None


def billed_hours(book: PriceBook, run_hours: Decimal) -> Decimal:
    """Return the hours that one run is billed: at least the minimum of the book."""
    return max(run_hours, book.term("compute.minimum_seconds") / SECONDS)


@dataclass(frozen=True, slots=True)
class Speedup:
    """Amdahl's law through measured runs: seconds = serial + parallel / vCPUs; `most` is the largest count that was measured."""

    serial: float
    parallel: float
    most: float
    worst: float  # the largest relative miss of a measured run

    def seconds(self, vcpus: float) -> float:
        """Return the seconds with so many vCPUs; beyond `most` it is a guess."""
        return self.serial + self.parallel / vcpus


def fitted(measured: Iterable[tuple[float, float]]) -> Speedup:
    """Fit Amdahl's law to measured (vCPUs, seconds) by least squares, neither part below zero; `UsageError` with fewer than two counts."""
    points = np.array(sorted(measured), dtype=np.float64).reshape(-1, 2)
    if len(np.unique(points[:, 0])) < FEWEST_VCPUS:
        raise UsageError("a curve needs runs with at least two different numbers of vCPUs: measure another")
    if (points <= 0).any():
        raise UsageError("vCPUs and seconds of a measured run must be above 0")
    x, y = 1 / points[:, 0], points[:, 1]
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    if slope < 0:  # more vCPUs took longer: nothing of it is parallel
        serial, parallel = float(y.mean()), 0.0
    elif float(y.mean() - slope * x.mean()) < 0:
        serial, parallel = 0.0, float((x * y).sum() / (x * x).sum())
    else:
        serial, parallel = float(y.mean() - slope * x.mean()), slope
    missed = np.abs(serial + parallel * x - y) / y
    return Speedup(serial, parallel, float(points[:, 0].max()), float(missed.max()))


def run_cost(book: PriceBook, seconds: Decimal, vcpus: Decimal, memory_gb: Decimal) -> Decimal:
    """Return what one run costs on demand, unrounded: the time costs both its vCPUs and its memory."""
    hours = billed_hours(book, seconds / SECONDS)
    memory = book.get("compute.memory_gb_hour")
    return hours * (vcpus * book.price("compute.vcpu_hour").each + (memory_gb * memory.each if memory else ZERO))
