"""What our tables hold, in terms of Saleor's facts: comparable between two ways of getting there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import transaction
from saleor.account.models import User
from saleor.channel.models import Channel
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.config import LOYALTY_PLUGIN_ID
from saleor_crm_plugin.ingestion.models import OrderSync, SyncState
from saleor_crm_plugin.loyalty.models import LotConsumption, LoyaltyAccount, PointsLot, PointsTransaction
from saleor_crm_plugin.profiles.models import (
    CustomerProfile,
    IdentityKind,
    ProfileIdentity,
    ProfileMetrics,
    ProfileOrder,
)

METRICS = [field.name for field in ProfileMetrics._meta.fields if field.name not in ("id", "profile", "currency")]


def configure_loyalty(channel: Channel, **values: Any) -> None:
    """As the Dashboard stores it."""
    PluginConfiguration.objects.update_or_create(
        identifier=LOYALTY_PLUGIN_ID,
        channel=channel,
        defaults={
            "name": "Loyalty points",
            "active": True,
            "configuration": [{"name": name, "value": value} for name, value in values.items()],
        },
    )


def owners() -> dict[int, str]:
    """Profile id -> a name that does not depend on the order in which profiles were made."""
    emails = _emails()
    names = {
        profile_id: f"user {emails[user_id]}"
        for profile_id, user_id in CustomerProfile.objects.values_list("pk", "user_id")
        if user_id in emails
    }
    guests = ProfileIdentity.objects.filter(kind=IdentityKind.UNVERIFIED_EMAIL)
    names |= dict(guests.values_list("profile_id", "value"))
    return defaultdict(lambda: "no name", names)


def owner_of(order_id: UUID) -> str | None:
    profile_id = ProfileOrder.objects.filter(pk=order_id).values_list("profile_id", flat=True).first()
    return None if profile_id is None else owners()[profile_id]


def state() -> dict[str, Any]:
    """Everything that must not depend on which hints came, in what order, and how often."""
    name, emails = owners(), _emails()
    return {
        "orders": {
            order_id: (name[profile_id], *rest)
            for order_id, profile_id, *rest in ProfileOrder.objects.values_list(
                "pk", "profile_id", "channel_id", "currency", "placed_at", "counts", "gross_amount", "refunded_amount"
            )
        },
        "metrics": {
            (name[profile_id], currency): tuple(rest)
            for profile_id, currency, *rest in ProfileMetrics.objects.values_list("profile_id", "currency", *METRICS)
        },
        "seen": dict(OrderSync.objects.values_list("pk", "seen_updated_at")),
        "seen users": {
            order_id: emails.get(user_id) for order_id, user_id in OrderSync.objects.values_list("pk", "seen_user_id")
        },
        "errors": set(OrderSync.objects.exclude(error="").values_list("pk", flat=True)),
        "points": _points(),
        "accounts": {
            name[profile_id]: tuple(rest)
            for profile_id, *rest in LoyaltyAccount.objects.values_list(
                "profile_id", "active", "pending", "deficit", "held", "lifetime"
            )
        },
    }


def points_of(order_id: UUID) -> dict[str, int]:
    return {kind: points for (of_order, kind), points in _points().items() if of_order == order_id}


def count_rows() -> dict[str, int]:
    tables = (
        CustomerProfile, ProfileIdentity, ProfileOrder, ProfileMetrics, OrderSync, SyncState, LoyaltyAccount,
        PointsTransaction, PointsLot, LotConsumption,
    )  # fmt: skip
    return {table.__name__: table._default_manager.count() for table in tables}


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside is rolled back."""
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


def _emails() -> dict[int, str]:
    return dict(User.objects.values_list("pk", "email"))


def _points() -> dict[tuple[UUID | None, str], int]:
    points: defaultdict[tuple[UUID | None, str], int] = defaultdict(int)
    for order_id, kind, number in PointsTransaction.objects.values_list("order_id", "type", "points"):
        points[order_id, kind] += number
    return dict(points)
