"""What came out of the history, and whether it is what the purchases say."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import floor

from django.db.models import Count, F, Q, Sum
from saleor.core.db.connection import allow_writer

from demo.client import StoryError
from demo.journey import Journey
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics
from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel


def lines_of(journey: Journey) -> Iterator[str]:
    """The summary, line by line.

    Raises:
        StoryError: profiles or points differ from what the purchases say.
    """
    with allow_writer():
        yield from _profiles(journey)
        yield from _points(journey)
        yield from _model()


def _profiles(journey: Journey) -> Iterator[str]:
    profiles = CustomerProfile.objects.aggregate(all=Count("pk"), guests=Count("pk", filter=Q(user=None)))
    yield f"profiles        {profiles['all']:,}, {profiles['guests']:,} of them guests"
    sums = ProfileMetrics.objects.aggregate(orders=Sum("orders_count"), net=Sum("net_spent"))
    bought = journey.orders[~journey.orders["canceled"]]
    _must_equal("profiles", profiles["all"], len(journey.customers))
    _must_equal("orders", sums["orders"], len(bought))
    _must_equal("spent, less refunds", sums["net"], Decimal(int((bought["total"] - bought["refunded"]).sum())) / 100)
    yield f"orders          {sums['orders']:,} for {sums['net']:,.2f}, less refunds; cancelled ones do not count"
    groups = ProfileMetrics.objects.values_list("rfm_group").annotate(Count("pk")).order_by("-pk__count")
    yield "RFM groups      " + ", ".join(f"{name.replace('_', ' ') or 'none'} {count}" for name, count in groups)


def _points(journey: Journey) -> Iterator[str]:
    accounts = LoyaltyAccount.objects.aggregate(
        all=Count("pk"), points=Sum(F("active") + F("pending") - F("deficit"), default=0)
    )
    entries = PointsTransaction.objects.aggregate(
        moved=Sum("points", default=0),
        earned=Sum("points", filter=Q(type=TransactionType.EARN), default=0),
        taken_back=Sum("points", filter=Q(type=TransactionType.EARN_REVERSAL), default=0),
    )
    _must_equal("sum of all entries, and of all balances", entries["moved"], accounts["points"])
    _must_equal("points", accounts["points"], _points_of(journey))
    yield (
        f"points          {entries['earned']:,} earned, {-entries['taken_back']:,} taken back after refunds, "
        f"{accounts['points']:,} outstanding on {accounts['all']:,} accounts"
    )


def _points_of(journey: Journey) -> int:
    """A point for each unit of currency, rounded down by order, less the refunded share. Imported orders earn none."""
    earning = journey.orders[~journey.orders["canceled"] & ~journey.orders["imported"]]
    return sum(
        floor(Fraction(total, 100) * (1 - Fraction(refunded, total)))
        for total, refunded in zip(earning["total"].tolist(), earning["refunded"].tolist(), strict=True)
    )


def _model() -> Iterator[str]:
    model = RecommendationModel.objects.get(status=ModelStatus.PUBLISHED)
    data = model.training_data
    yield (
        f"recommendations from {data['lines']:,} order lines of {data['orders']:,} orders, "
        f"{data['products']:,} products and {data['customers']:,} customers"
    )


def _must_equal(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise StoryError(f"{what}: {actual} in the plugin's tables, but {expected} by the purchases.")
