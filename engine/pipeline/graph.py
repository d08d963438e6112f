"""Pipelines and stages as declarations: the parameter names of a stage are the edges of the graph."""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter

from engine.errors import UnknownName, UsageError

CONTEXT = "context"
StageFunction = TypeVar("StageFunction", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Due:
    """When a pipeline is due: a wall-clock time in Nepal on the days that the exchange trades."""

    at: time
    session_days_only: bool = True

    def describe(self) -> str:
        """Return the schedule in words."""
        return f"{self.at:%H:%M} Nepal time on {'session days' if self.session_days_only else 'every day'}"


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: a function, what it needs, and how often it may be tried."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    takes_context: bool
    checkpoint: TypeAdapter[Any]  # how its output is stored and read back
    attempts: int
    timeout: timedelta
    summary: str


@dataclass(slots=True)
class Pipeline:
    """A declared graph of stages; `sequential` when a date needs the dates before it."""

    name: str
    summary: str
    due: Due | None = None
    sequential: bool = False
    stages: dict[str, Stage] = field(default_factory=dict)

    def stage(self, *, attempts: int = 3, timeout: timedelta = timedelta(seconds=60)) -> Callable[[StageFunction], StageFunction]:
        """Register a function as the next stage; each parameter but `context` names an earlier stage whose output it takes.

        `attempts` counts calls, the first among them (`engine/pipeline/retry.py`). Raises `UsageError` for a name taken twice, an input
        that no earlier stage has, a missing return type, no attempt at all, or a coroutine, whose errors nobody would see.
        """

        def register(function: StageFunction) -> StageFunction:
            name = function.__name__
            if name in self.stages:
                raise UsageError(f"pipeline {self.name} has two stages called {name}")
            if attempts < 1 or inspect.iscoroutinefunction(function):
                raise UsageError(f"stage {self.name}.{name} must be a plain function with at least one attempt")
            hints = typing.get_type_hints(function)
            parameters = tuple(inspect.signature(function).parameters)
            inputs = tuple(parameter for parameter in parameters if parameter != CONTEXT)
            unknown = [needed for needed in inputs if needed not in self.stages]
            if unknown:
                known = ", ".join(self.stages) or "none"
                raise UsageError(
                    f"stage {self.name}.{name} takes {', '.join(unknown)}, which no earlier stage gives (earlier stages: {known})"
                )
            if "return" not in hints:
                raise UsageError(f"stage {self.name}.{name} needs a return type: it says how its checkpoint is stored")
            summary = (function.__doc__ or "").strip().splitlines()[0] if function.__doc__ else ""
            stored = TypeAdapter(hints["return"])
            self.stages[name] = Stage(name, function, inputs, CONTEXT in parameters, stored, attempts, timeout, summary)
            return function

        return register

    @property
    def order(self) -> tuple[Stage, ...]:
        """The stages in the order in which they run; an input always stands before the stage that takes it."""
        return tuple(self.stages.values())

    def position(self, stage: str) -> int:
        """Return the place of a stage in the order; `UnknownName` lists the stages there are."""
        names = list(self.stages)
        if stage not in names:
            raise UnknownName(f"pipeline {self.name} has no stage {stage!r}; its stages are {', '.join(names)}")
        return names.index(stage)


def find(pipelines: Mapping[str, Pipeline], name: str) -> Pipeline:
    """Return the pipeline of that name; `UnknownName` lists those there are."""
    if name not in pipelines:
        raise UnknownName(f"no pipeline is called {name!r}; there are {', '.join(pipelines) or 'none'}")
    return pipelines[name]
