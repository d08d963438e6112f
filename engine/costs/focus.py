"""Cost lines as rows of FOCUS 1.2, the open format for bills (https://focus.finops.org/focus-specification/v1-2/).

All 21 mandatory columns are there, then those that a usage charge with a unit price also has, then our own (`x_`). Amounts are text, so
that they stay exact; nulls are empty. EffectiveCost, BilledCost and ContractedCost are equal: there are no commitments and no contract.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from engine.costs.line import Category, CostLine
from engine.errors import UsageError

MANDATORY = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
)

ALSO = (
    "ChargeFrequency",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCategory",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "Tags",
    "x_Formula",
    "x_PriceAsOf",
    "x_PriceSource",
)
COLUMNS = MANDATORY + ALSO

_SERVICES = {  # the service's name, category and subcategory, of those that FOCUS allows
    Category.COMPUTE: ("Virtual machines", "Compute", "Virtual Machines"),
    Category.STORAGE: ("Object storage", "Storage", "Object Storage"),
    Category.REQUESTS: ("Object storage", "Storage", "Object Storage"),
    Category.RETRIEVAL: ("Object storage", "Storage", "Object Storage"),
    Category.TRANSITION: ("Object storage", "Storage", "Object Storage"),
    Category.EARLY_DELETE: ("Object storage", "Storage", "Object Storage"),
    Category.QUERY: ("Query engine", "Analytics", "Analytics Platforms"),
    Category.TRANSFER: ("Data transfer", "Networking", "Network Connectivity"),
    Category.NOTIFICATION: ("Notifications", "Integration", "Messaging"),
}
_UNITS = {  # as FOCUS writes them; our GB is 2^30 bytes, which it calls GiB
    "GB-month": "GiB-Months",
    "GB": "GiB",
    "GB-hour": "GiB-Hours",
    "TB": "TiB",
    "vCPU-hour": "vCPU-Hours",
    "request": "Requests",
    "message": "Messages",
    "object-month": "Object-Months",
}


@dataclass(frozen=True, slots=True)
class Charged:
    """When and for whom lines were used: a charge period (its end exclusive, aware times), an account, a price book, a resource, tags.

    Months are those of the zone of its begin.
    """

    start: datetime
    end: datetime
    account: str
    book: str
    resource: str = ""
    resource_type: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise UsageError(f"a charge period ends after it begins, not {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}")


def focus_rows(lines: Iterable[CostLine], charged: Charged) -> list[dict[str, str]]:
    """Return one FOCUS row a line, in `COLUMNS`; BilledCost summed over the rows is the total of the lines."""
    return [_row(line, charged) for line in lines]


def focus_csv(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the rows as CSV with a header, UTF-8 text."""
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _row(line: CostLine, charged: Charged) -> dict[str, str]:
    service, category, subcategory = _SERVICES[line.category]
    unit = _UNITS.get(line.unit, line.unit)
    began, ended = _billing_period(charged)
    return {
        "BilledCost": number(line.amount),
        "BillingAccountId": charged.account,
        "BillingAccountName": charged.account,
        "BillingCurrency": line.currency,
        "BillingPeriodEnd": moment(ended),
        "BillingPeriodStart": moment(began),
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": line.what,
        "ChargePeriodEnd": moment(charged.end),
        "ChargePeriodStart": moment(charged.start),
        "ContractedCost": number(line.amount),
        "EffectiveCost": number(line.amount),
        "InvoiceIssuerName": "estimated, not invoiced",
        "ListCost": number(line.list_amount),
        "PricingQuantity": number(line.quantity / line.per),
        "PricingUnit": unit if line.per == 1 else f"{number(line.per)} {unit}",
        "ProviderName": charged.book,
        "PublisherName": charged.book,
        "ServiceCategory": category,
        "ServiceName": service,
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": number(line.quantity),
        "ConsumedUnit": unit,
        "ContractedUnitPrice": number(line.unit_price * line.per * (1 - line.discount)),
        "ListUnitPrice": number(line.unit_price * line.per),
        "PricingCategory": "Dynamic" if line.discount else "Standard",
        "ResourceId": charged.resource,
        "ResourceName": charged.resource,
        "ResourceType": charged.resource_type,
        "ServiceSubcategory": subcategory,
        "SkuId": line.price_key,
        "SkuMeter": line.category.replace("_", " ").capitalize(),
        "SkuPriceId": f"{line.price_key}@{number(line.unit_price * line.per)}",
        "Tags": json.dumps(dict(charged.tags), sort_keys=True) if charged.tags else "",
        "x_Formula": line.formula,
        "x_PriceAsOf": line.price_as_of.isoformat() if line.price_as_of else "",
        "x_PriceSource": line.price_source,
    }


def _billing_period(charged: Charged) -> tuple[datetime, datetime]:
    """Return the calendar months that hold the charge period, in the zone of its begin: days of Nepal are billed in its months."""
    began = _month_of(charged.start)
    last = charged.end.astimezone(charged.start.tzinfo)
    return began, last if last == _month_of(last) else _later(_month_of(last), 1)


def months_after(at: datetime, months: int) -> tuple[datetime, datetime]:
    """Return the begin and the end of so many calendar months from the next on, in the zone of `at`: a charge period of whole months."""
    begin = _later(_month_of(at), 1)
    return begin, _later(begin, months)


def _month_of(at: datetime) -> datetime:
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _later(month: datetime, months: int) -> datetime:
    number = month.year * 12 + month.month - 1 + months  # of months since the year 0
    return month.replace(year=number // 12, month=number % 12 + 1)


def number(value: Decimal) -> str:
    """Return a number as FOCUS wants it: no exponent, no thousands, no trailing zeros."""
    text = f"{value.normalize():f}"
    return "0" if text == "-0" else text


def moment(at: datetime) -> str:
    """Return a time as FOCUS wants it: UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
