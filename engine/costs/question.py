"""A what-if as its sliders, its address and its saved form have it: what the world does, and what one chooses.

The world (growth, reads, prices) is the same for every scenario that is compared; what is chosen is what they differ in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.costs.own_book import mistakes
from engine.costs.policy import Policy, ReadsByAge
from engine.costs.price_book import Currency
from engine.costs.query import CODECS
from engine.errors import UsageError

MONTHS_OLD, MONTHS_VERY_OLD = 3, 12  # from which age on data is read as old, and as very old
AS_IT_IS = "as it is"
IN_FORCE = "in force"
NEVER = 0  # an age at which nothing happens
ALL_DAYS = 0
RESCUED_WITHIN = 15  # seconds until another runner goes on with the run of one that is gone (engine/pipeline/rescue.py)


class Question(BaseModel):
    """Every slider with its range; what is left out stands as it does today."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # the world
    growth: Annotated[Decimal, Field(ge=-5, le=20)] = Decimal(0)  # percent a month, upon the trend
    symbols: Annotated[Decimal, Field(ge=Decimal("0.5"), le=5)] = Decimal(1)  # times as many
    scale: Annotated[int, Field(ge=1, le=10_000)] = 1  # times as much of everything
    horizon: Annotated[int, Field(ge=1, le=60)] = 12  # months
    reads_new: Annotated[Decimal, Field(ge=0, le=60)] = Decimal(4)  # full reads a month of data up to three months old
    reads_old: Annotated[Decimal, Field(ge=0, le=60)] = Decimal(1)
    reads_very_old: Annotated[Decimal, Field(ge=0, le=60)] = Decimal("0.1")  # from a year on
    queries: Annotated[int, Field(ge=0, le=100_000)] = 30  # a month
    engine: str = Field(default="athena", max_length=40)
    book: str = Field(default=IN_FORCE, max_length=60)
    currency: Currency | None = None  # that of the prices in force
    discount: Annotated[int, Field(ge=0, le=90)] | None = None  # percent off on spot; the book's
    interrupted: Annotated[Decimal, Field(ge=0, le=99)] | None = None  # percent of spot instances a month; the book's
    restart: Annotated[int, Field(ge=0, le=3600)] = RESCUED_WITHIN  # seconds until an interrupted run goes on
    out: Annotated[Decimal, Field(ge=0, le=100_000)] = Decimal(0)  # GB a month that are carried out of the cloud: nobody measures it
    wait: Annotated[int, Field(ge=0, le=48)] = 12  # hours for which a restore may be waited
    # what is chosen
    compact: bool = False
    warm_at: Annotated[int, Field(ge=0, le=60)] = NEVER
    warm: str = Field(default="standard_ia", max_length=40)
    cold_at: Annotated[int, Field(ge=0, le=60)] = NEVER
    cold: str = Field(default="glacier_instant", max_length=40)
    spot: Annotated[int, Field(ge=0, le=100)] = 0  # percent
    checkpoint: Annotated[int, Field(ge=0, le=1440)] = 0  # minutes; 0: none
    vcpus: Annotated[int, Field(ge=1, le=64)] = 1
    codec: str = Field(default=AS_IT_IS, pattern="|".join((AS_IT_IS, *CODECS)))
    columns: tuple[str, ...] = ()  # those that a query reads; none: all of them
    days: Annotated[int, Field(ge=0, le=3660)] = ALL_DAYS  # that a query reads, the newest

    @property
    def policy(self) -> Policy:
        """The lifecycle; a class that data would reach at or before a warmer one takes its place."""
        first = 1 if self.compact else None
        warm = (self.warm_at, self.warm) if self.warm_at and not self.skipped else (None, None)
        cold = (self.cold_at, self.cold) if self.cold_at else (None, None)
        return Policy(first, *warm, *cold)

    @property
    def skipped(self) -> bool:
        """Whether the step to a warmer class does not happen, for data is in a colder one by then."""
        return bool(self.warm_at and self.cold_at and self.warm_at >= self.cold_at)

    @property
    def reads(self) -> ReadsByAge:
        """How often data of an age is read."""
        return ReadsByAge(((0, self.reads_new), (MONTHS_OLD, self.reads_old), (MONTHS_VERY_OLD, self.reads_very_old)))

    @property
    def turned(self) -> dict[str, Any]:
        """What stands elsewhere than today, as plain values: what is saved, and what an address holds."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def chosen_in(self, world: "Question") -> "Question":
        """Return what this one chooses, in another one's world."""
        return world.model_copy(update={name: getattr(self, name) for name in CHOSEN})


CHOSEN = ("compact", "warm_at", "warm", "cold_at", "cold", "spot", "checkpoint", "vcpus", "codec", "columns", "days")
WORLD = tuple(name for name in Question.model_fields if name not in CHOSEN)
TODAY = Question()


@dataclass(frozen=True, slots=True)
class Asked:
    """What values say, and which of them mean nothing."""

    question: Question
    wrong: tuple[str, ...] = ()


def asked(values: Mapping[str, Any]) -> Asked:
    """Return the question that an address or a saved form asks; a value that means nothing is left out and named."""
    known = {name: value for name, value in values.items() if name in Question.model_fields}
    try:
        return Asked(Question.model_validate(known))
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors()}
        rest = {name: value for name, value in known.items() if name not in wrong}
        return Asked(Question.model_validate(rest), tuple(sorted(wrong)))


def question_of(values: Mapping[str, Any]) -> Question:
    """Return the question that values ask; `UsageError` where one of them means nothing."""
    try:
        return Question.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(f"the scenario cannot be used: {mistakes(error)}") from error
