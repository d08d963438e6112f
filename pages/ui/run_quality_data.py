"""Reads of what the gate said of one run: the report, what each check found, the limits that it was judged by."""

from collections.abc import Mapping
from types import MappingProxyType

import engine.runtime
from pages.ui import data, quality_data
from pages.ui.quality_views import ReportView, ResultView
from pages.ui.shared import shared
from storage import quality
from storage.status import CheckStatus

_ORDER = (CheckStatus.FAILED, CheckStatus.WARNED, CheckStatus.PASSED, CheckStatus.NOT_APPLICABLE, CheckStatus.OFF)
_NONE: Mapping[str, float] = MappingProxyType({})


@shared(seconds=data.LIVE, entries=200)
def report(run_id: int) -> ReportView | None:
    """Return the report of a run, or of the run whose gate it took over; or None."""
    with engine.runtime.runtime().database.reading() as connection:
        row = quality.report_of(connection, run_id)
    return None if row is None else ReportView.of(row)


def results(run_id: int) -> tuple[ResultView, ...]:
    """Return what each check found in a run, what failed first."""
    return tuple(sorted(quality_data.results(run_id), key=lambda row: (_ORDER.index(row.status), -row.failed, -row.warned, row.check_id)))


def limits(run_id: int) -> Mapping[str, float]:
    """Return the thresholds that a run was judged by, by key; none where it was not judged."""
    found = report(run_id)
    return _NONE if found is None else quality_data.thresholds_at(found.threshold_version).values
