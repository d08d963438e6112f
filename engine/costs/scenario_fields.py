"""The fields of a scenario, each with what it may be; `docs/costs.md` explains them."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.costs.line import ONE, ZERO
from engine.costs.presets import DEFAULT_BOOK
from engine.costs.price_book import Currency, plain
from engine.costs.storage_classes import BILLED_MONTH_DAYS, STANDARD, STANDARD_SPEED

Quantity = Annotated[Decimal, Field(ge=0, le=Decimal("1e15"), allow_inf_nan=False)]
Share = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]
LONGEST_MONTH_DAYS = 31
Above = Annotated[Decimal, Field(gt=0, le=Decimal("1e15"), allow_inf_nan=False)]


def _whole(value: Decimal) -> Decimal:
    if value != value.to_integral_value():
        raise ValueError("should be a whole number")
    return value


Number = Annotated[Quantity, AfterValidator(_whole)]


class Part(BaseModel):
    """What every part of a scenario has; an unknown field is refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    what: str = Field(default="", max_length=80)


class StoredObjects(Part):
    """Objects of one size in one class for some months; `reads` are full reads in all, `transitions` objects moved into the class.

    Where they are `deleted_after_days`, they are kept and read only so long, and the class bills the rest of its minimum.
    """

    objects: Number
    object_bytes: Quantity = Field(validation_alias=AliasChoices("object_bytes", "size_bytes", "bytes_each"))
    storage_class: str = Field(default=STANDARD, validation_alias=AliasChoices("class", "storage_class"))
    months: Quantity = ONE
    reads: Quantity = ZERO
    reads_a_month: Quantity = ZERO
    read_speed: str = STANDARD_SPEED
    puts: Number = ZERO
    transitions: Number = ZERO
    deleted_after_days: Quantity | None = None
    compact_to_bytes: Above | None = None

    @model_validator(mode="after")
    def _is_deleted_within(self) -> "StoredObjects":
        days = self.deleted_after_days
        if days is not None and "months" in self.model_fields_set and days > self.months * LONGEST_MONTH_DAYS:
            raise ValueError(f"deleted_after_days {plain(days)} lies behind the {plain(self.months)} months: leave one of the two out")
        return self

    @property
    def months_kept(self) -> Decimal:
        """The months for which they are stored; days are counted as those of a class's minimum are."""
        if self.deleted_after_days is None:
            return self.months
        kept = self.deleted_after_days / BILLED_MONTH_DAYS
        return min(kept, self.months) if "months" in self.model_fields_set else kept


class Computing(Part):
    """Hours of vCPUs and of memory, given as such or as runs; which share of them runs on spot, and how that is interrupted."""

    vcpu_hours: Quantity | None = None
    memory_gb_hours: Quantity | None = None
    runs: Quantity = ONE
    run_hours: Above | None = None
    vcpus: Quantity = ONE
    memory_gb: Quantity = ZERO
    spot_share: Share = ZERO
    spot_discount: Share | None = None
    interruptions_per_hour: Quantity | None = None
    interrupted_a_month: Annotated[Decimal, Field(ge=0, lt=1)] | None = None
    restart_hours: Quantity = ZERO
    checkpoint_hours: Above | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "Computing":
        if (self.vcpu_hours is None) == (self.run_hours is None) and self.vcpu_hours is None:
            raise ValueError("say how much is computed: vcpu_hours, or runs with run_hours, vcpus and memory_gb")
        if self.vcpu_hours is None and self.memory_gb_hours is not None:
            raise ValueError("memory_gb_hours goes with vcpu_hours; runs take memory_gb")
        if self.interruptions_per_hour is not None and self.interrupted_a_month is not None:
            raise ValueError("give one of the two: interruptions_per_hour or interrupted_a_month")
        if self.vcpu_hours is not None and self.run_hours is None and self.spot_share and self._is_interrupted:
            raise ValueError("interruptions need run_hours: how long one run works, of which all or the last piece is lost")
        return self

    @property
    def _is_interrupted(self) -> bool:
        return bool(self.interruptions_per_hour or self.interrupted_a_month)


class Queries(Part):
    """Queries a month that scan so many bytes each, for some months; `objects` are the files that each opens."""

    engine: str
    bytes_scanned: Quantity
    queries: Quantity = ONE
    objects: Number = ZERO
    months: Quantity = ONE


class Transferred(Part):
    """Bytes a month over a route (in, out, cross_zone, cross_region), for some months."""

    route: str
    size: Quantity = Field(validation_alias=AliasChoices("bytes", "size"))
    months: Quantity = ONE


class Notified(Part):
    """Messages to a channel."""

    channel: str = "mail"
    messages: Quantity


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Scenario(BaseModel):
    """A whole scenario; each section takes one part or a list of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="scenario", max_length=80)
    price_book: str = DEFAULT_BOOK
    currency: Currency = Currency.USD
    storage: Annotated[tuple[StoredObjects, ...], BeforeValidator(_listed)] = ()
    compute: Annotated[tuple[Computing, ...], BeforeValidator(_listed)] = ()
    queries: Annotated[tuple[Queries, ...], BeforeValidator(_listed)] = ()
    transfer: Annotated[tuple[Transferred, ...], BeforeValidator(_listed)] = ()
    notifications: Annotated[tuple[Notified, ...], BeforeValidator(_listed)] = ()

    @model_validator(mode="after")
    def _prices_something(self) -> "Scenario":
        if not (self.storage or self.compute or self.queries or self.transfer or self.notifications):
            raise ValueError("there is nothing to price: add storage, compute, queries, transfer or notifications")
        return self


FIELDS = sorted({name for part in (Scenario, StoredObjects, Computing, Queries, Transferred, Notified) for name in part.model_fields})
