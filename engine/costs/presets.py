"""The price books that come with the product: the textbook's constants and what AWS published in 2026. Neither is a quotation for anybody.

A storage class is one key `storage.<class>` and the keys below it that its price list has; a query engine is `query.<engine>`.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from engine.costs.price_book import FX, Currency, Price, PriceBook, near
from engine.errors import UnknownName

TEXTBOOK, AWS_2026 = "textbook", "aws-2026"
DEFAULT_BOOK = AWS_2026

_CHAPTER = "the textbook's chapter 9.10, which gives no date"
_NRB = "Nepal Rastra Bank, selling rate, as published by its API"
_STORAGE = ("usage.ai, S3 Glacier and Deep Archive pricing, us-east-1; costnimbus.com", date(2026, 6, 5))
_REQUESTS = ("Infracost, s3_bucket_test.golden at 068dadf (unit = total / quantity), us-east-1", date(2026, 6, 5))
_RESTORE_REQUESTS = ("AWS re:Post, s3-manage-data-retrieval: 15 million requests = 750 USD", date(2026, 6, 5))
_RULES = ("AWS S3 user guide: storage classes, lifecycle transitions, archive retrieval options", date(2026, 6, 5))
_SPLIT = (
    "derived, not published: m7g.large (2 vCPU, 8 GB, 0.0816 an hour) split as Fargate on ARM is (0.03238 a vCPU-hour, 0.00356 a GB-hour)",
    date(2026, 6, 17),
)
_SPOT = ("typical 50 to 70 %: dev.to/alonshrestha; AWS's own example is 47 %", date(2026, 6, 5))
_ATHENA = ("athena.guide, 2020-10-15; awsnegotiations", date(2020, 10, 15))
_BIGQUERY = ("adriennevermorel.com, BigQuery on-demand analysis", date(2026, 6, 5))
_TRANSFER = ("usage.ai, AWS data transfer pricing, us-east-1", date(2026, 6, 2))
_MAIL = ("acecloudinterviews.com, Amazon SES: 0.10 per 1,000 emails", date(2026, 6, 5))

Sourced = tuple[str, date | None]


def _usd(key: str, amount: str, unit: str, sourced: Sourced, *, per: int = 1, above: str = "0") -> Price:
    return Price(key, Decimal(amount), unit, Currency.USD, *sourced, per=Decimal(per), above=Decimal(above))


def _term(key: str, amount: str, unit: str, sourced: Sourced) -> Price:
    return Price(key, Decimal(amount), unit, None, *sourced)


def _storage_class(  # noqa: PLR0913, the columns of the price list
    name: str,
    gb_month: str,
    *,
    put: str,
    get: str,
    retrieval: str | None = None,
    transition: str | None = None,
    minimum_days: str = "0",
    minimum_bytes: str = "0",
) -> tuple[Price, ...]:
    below = f"storage.{name}."
    rows = [
        _usd(f"storage.{name}", gb_month, "GB-month", _STORAGE),
        _usd(below + "put", put, "request", _REQUESTS, per=1000),
        _usd(below + "get", get, "request", _REQUESTS, per=1000),
        _term(below + "minimum_days", minimum_days, "day", _STORAGE),
        _term(below + "minimum_bytes", minimum_bytes, "byte", _STORAGE),
    ]
    if retrieval is not None:
        rows.append(_usd(below + "retrieval.standard", retrieval, "GB", _STORAGE))
    if transition is not None:
        rows.append(_usd(below + "transition", transition, "request", _REQUESTS, per=1000))
        rows.append(_term(below + "transition_minimum_bytes", "131072", "byte", _RULES))
    return tuple(rows)


def _archive(name: str, speeds: Mapping[str, tuple[str, str, str]]) -> tuple[Price, ...]:
    """Return what only the archive classes have: overhead an object, and restores by speed (retrieval a GB, requests a 1,000, hours)."""
    below = f"storage.{name}."
    rows = [
        _term(below + "overhead_bytes", "32768", "byte", _STORAGE),
        _term(below + "overhead_standard_bytes", "8192", "byte", _STORAGE),
    ]
    for speed, (retrieval, requests, hours) in speeds.items():
        rows += [
            _usd(f"{below}retrieval.{speed}", retrieval, "GB", _STORAGE),
            _usd(f"{below}restore.{speed}", requests, "request", _RESTORE_REQUESTS, per=1000),
            _term(f"{below}restore_hours.{speed}", hours, "hour", _RULES),
        ]
    return tuple(rows)


def _query(name: str, tb: str, sourced: Sourced, **terms: str) -> tuple[Price, ...]:
    return (
        _usd(f"query.{name}", tb, "TB", sourced),
        *(_term(f"query.{name}.{term}", value, "byte", sourced) for term, value in terms.items()),
    )


MIB, TIB = str(2**20), str(2**40)
FEWEST_SCANNED = str(10 * 2**20)
KIB_128 = str(128 * 2**10)

_AWS = (
    *_storage_class("standard", "0.023", put="0.005", get="0.0004"),
    _usd("storage.standard", "0.022", "GB-month", _STORAGE, above="51200"),
    _usd("storage.standard", "0.021", "GB-month", _STORAGE, above="512000"),
    *_storage_class(
        "standard_ia", "0.0125", put="0.01", get="0.001", retrieval="0.01", transition="0.01", minimum_days="30", minimum_bytes=KIB_128
    ),
    *_storage_class(
        "one_zone_ia", "0.01", put="0.01", get="0.001", retrieval="0.01", transition="0.01", minimum_days="30", minimum_bytes=KIB_128
    ),
    *_storage_class(
        "glacier_instant", "0.004", put="0.02", get="0.01", retrieval="0.03", transition="0.02", minimum_days="90", minimum_bytes=KIB_128
    ),
    *_storage_class("glacier_flexible", "0.0036", put="0.03", get="0.0004", transition="0.03", minimum_days="90"),
    *_archive("glacier_flexible", {"expedited": ("0.03", "10", "0.083"), "standard": ("0.01", "0.05", "5"), "bulk": ("0", "0", "12")}),
    *_storage_class("deep_archive", "0.00099", put="0.05", get="0.0004", transition="0.05", minimum_days="180"),
    *_archive("deep_archive", {"standard": ("0.02", "0.10", "12"), "bulk": ("0.0025", "0.025", "48")}),
    _usd("monitoring.intelligent_tiering", "0.0025", "object-month", _STORAGE, per=1000),
    _usd("compute.vcpu_hour", "0.028338", "vCPU-hour", _SPLIT),
    _usd("compute.memory_gb_hour", "0.0031155", "GB-hour", _SPLIT),
    _term("compute.minimum_seconds", "60", "second", ("amnic.com: by the second, 60 seconds at least", date(2026, 6, 5))),
    _term("compute.spot_discount", "0.6", "share", _SPOT),
    _term(
        "compute.interrupted_a_month",
        "0.05",
        "share",
        ("nops.io: fewer than 5 % of spot instances are interrupted a month", date(2026, 6, 5)),
    ),
    *_query("athena", "5", _ATHENA, minimum_bytes=FEWEST_SCANNED, rounding_bytes=MIB),
    *_query("bigquery", "6.25", _BIGQUERY, minimum_bytes=FEWEST_SCANNED, free_bytes_a_month=TIB),
    _usd("transfer.in", "0", "GB", _TRANSFER),
    _usd("transfer.out", "0", "GB", _TRANSFER),
    _usd("transfer.out", "0.09", "GB", _TRANSFER, above="100"),
    _usd("transfer.out", "0.085", "GB", _TRANSFER, above="10240"),
    _usd("transfer.out", "0.07", "GB", _TRANSFER, above="51200"),
    _usd("transfer.out", "0.05", "GB", _TRANSFER, above="153600"),
    _usd("transfer.cross_zone", "0.02", "GB", ("0.01 each way: " + _TRANSFER[0], _TRANSFER[1])),
    _usd("transfer.cross_region", "0.02", "GB", _TRANSFER),
    _usd("notification.mail", "0.10", "message", _MAIL, per=1000),
    _term(FX, "133.16", "NPR per USD", (_NRB, date(2024, 2, 10))),
)

_BOOK = (
    _usd("storage.standard", "0.023", "GB-month", (_CHAPTER, None)),
    _usd("storage.infrequent", "0.0125", "GB-month", (_CHAPTER, None)),
    _usd("storage.glacier", "0.004", "GB-month", (_CHAPTER, None)),
    _usd("requests.api_call", "0.001", "request", (_CHAPTER, None), per=1000),
    _usd("compute.vcpu_hour", "0.05", "vCPU-hour", (_CHAPTER + "; called a spot price there, and discounted again", None)),
    _term("compute.spot_discount", "0.7", "share", (_CHAPTER, None)),
    _usd("query.bigquery", "5", "TB", (_CHAPTER, None)),
    _term(FX, "133.16", "NPR per USD", (_NRB, date(2024, 2, 10))),
)

PRESETS: Mapping[str, PriceBook] = MappingProxyType(
    {
        TEXTBOOK: PriceBook(
            TEXTBOOK, 1, _BOOK, "The constants of the textbook's chapter 9.10: no requests, no retrieval, no memory, no minimums"
        ),
        AWS_2026: PriceBook(AWS_2026, 1, _AWS, "Published prices of AWS in us-east-1 (N. Virginia), mid 2026, and BigQuery's"),
    }
)


def preset(name: str) -> PriceBook:
    """Return the price book of that name; `UnknownName` lists near ones."""
    if name not in PRESETS:
        raise UnknownName(f"no price book is called {name!r}; {near(name, PRESETS)}")
    return PRESETS[name]
