"""What moving bytes over a border costs: out of the cloud, between regions, between zones; by a month's tiers."""

from decimal import Decimal

from engine.costs.line import ONE, Category, CostLine, tiered_lines
from engine.costs.price_book import GB, PriceBook, plain


def transfer_lines(book: PriceBook, route: str, size: Decimal, *, what: str = "transfer", months: Decimal = ONE) -> tuple[CostLine, ...]:
    """Price `size` bytes a month over a route (`in`, `out`, `cross_zone`, `cross_region`) for some months: tiers begin anew each month."""
    book.named("route", "transfer.", route)
    how = f"{plain(size)} B a month / 2^30 x {plain(months)} months"
    return tiered_lines(
        Category.TRANSFER, f"{what}: {route.replace('_', ' ')}", size / GB, book.tiers(f"transfer.{route}"), how=how, times=months
    )
