"""What the stream has received, and how far its newest session has come."""

from collections.abc import Iterator

from engine.monitoring.family import Facts, Sample, family


@family("nepse_stream_records_total")
def _records(facts: Facts) -> Iterator[Sample]:
    """Records that sessions of the stream have received."""
    yield (), facts.streams["records"]


@family("nepse_stream_accepted_total")
def _accepted(facts: Facts) -> Iterator[Sample]:
    """Trades that sessions of the stream have accepted."""
    yield (), facts.streams["accepted"]


@family("nepse_stream_alerts_total")
def _alerts(facts: Facts) -> Iterator[Sample]:
    """Alerts that rules of the stream have raised."""
    yield (), facts.streams["alerts"]


@family("nepse_stream_missing_trades")
def _missing(facts: Facts) -> Iterator[Sample]:
    """Trades of the newest session of the stream that the holes in its contract ids stand for."""
    yield from (((), row["missing"]) for row in facts.stream)


@family("nepse_stream_watermark_timestamp_seconds")
def _watermark(facts: Facts) -> Iterator[Sample]:
    """Up to which time of the market the newest session of the stream has come."""
    yield from (((), row["watermark_us"] / 1e6) for row in facts.stream if row["watermark_us"] is not None)


@family("nepse_stream_updated_timestamp_seconds")
def _updated(facts: Facts) -> Iterator[Sample]:
    """When the stream committed last."""
    yield from (((), row["updated_at"].timestamp()) for row in facts.stream)


@family("nepse_stream_active")
def _working(facts: Facts) -> Iterator[Sample]:
    """Sessions of the stream that are not over."""
    yield (), facts.streams["active"]
