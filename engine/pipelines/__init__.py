"""One file a pipeline; schedules, pages and tests read `PIPELINES`."""

from engine.pipeline.graph import Pipeline
from engine.pipelines.daily_prices import daily_prices

PIPELINES: dict[str, Pipeline] = {pipeline.name: pipeline for pipeline in (daily_prices,)}
