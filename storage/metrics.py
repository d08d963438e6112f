"""Measured values of runs: a series names what is measured, a row is one value."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, insert, select

from storage.prepared import Prepared
from storage.tables import Metric, MetricSeries
from storage.upsert import insert_of

series = MetricSeries.__table__
metrics = Metric.__table__

_add = Prepared(insert(metrics))


class Measure(NamedTuple):
    """One value with its name and unit."""

    stage: str
    name: str
    unit: str
    value: float


def record(
    connection: Connection, pipeline: str, run_id: int, measures: Sequence[Measure], *, at: datetime, known: dict[tuple[str, ...], int]
) -> None:
    """Write the measures of a run; `known` remembers the ids of series between calls."""
    if not measures:
        return
    for measure in measures:
        if (pipeline, measure.stage, measure.name) not in known:
            known[pipeline, measure.stage, measure.name] = _series_id(connection, pipeline, measure)
    rows = [{"series_id": known[pipeline, m.stage, m.name], "at": at, "run_id": run_id, "value": float(m.value)} for m in measures]
    _add.write_many(connection, rows)


def _series_id(connection: Connection, pipeline: str, measure: Measure) -> int:
    named = {"pipeline": pipeline, "stage": measure.stage, "name": measure.name}
    connection.execute(insert_of(connection.dialect.name, series).values(**named, unit=measure.unit).on_conflict_do_nothing())
    series_id: int = connection.execute(select(series.c.id).filter_by(**named)).scalar_one()
    return series_id


def of_run(connection: Connection, run_id: int) -> Sequence[RowMapping]:
    """Return the measures of a run with their names and units."""
    query = select(series.c.stage, series.c.name, series.c.unit, metrics.c.value).join(series, series.c.id == metrics.c.series_id)
    return connection.execute(query.where(metrics.c.run_id == run_id).order_by(series.c.id)).mappings().all()


def newest(connection: Connection, pipeline: str, stage: str, name: str, *, limit: int) -> Sequence[RowMapping]:
    """Return the newest values of a series, oldest first."""
    series_id = select(series.c.id).where(series.c.pipeline == pipeline, series.c.stage == stage, series.c.name == name).scalar_subquery()
    query = select(metrics.c.at, metrics.c.run_id, metrics.c.value).where(metrics.c.series_id == series_id)
    return connection.execute(query.order_by(metrics.c.at.desc()).limit(limit)).mappings().all()[::-1]


def names(connection: Connection) -> Mapping[tuple[str, str, str], str]:
    """Return the unit of every series, by (pipeline, stage, name)."""
    return {(row.pipeline, row.stage, row.name): row.unit for row in connection.execute(select(series))}
