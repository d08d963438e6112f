"""What-if scenarios that people kept."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field

from storage.tables.base import Base, document, identity, instant, long_text, word


class CostScenario(Base, table=True):
    """A scenario under a name; saving under a name again keeps the number, so that its address stays."""

    __tablename__ = "cost_scenario"
    id: int | None = identity()
    name: str = word(60, nullable=False)
    turned: Any = document()  # what stands elsewhere than today; names of engine.costs.question
    note: str = long_text(nullable=False)
    saved_by: str = word(80, nullable=False)
    saved_at: datetime = instant(nullable=False)
    dropped: bool = Field(default=False)
    __table_args__: ClassVar[Any] = (Index("uq_cost_scenario_name", "name", unique=True),)
