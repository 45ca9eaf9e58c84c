"""What others read of loyalty: each function one statement, for any number of persons or orders."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models

from saleor_crm_plugin.loyalty.models import (
    LotStatus,
    PointsLot,
    PointsTransaction,
    TransactionType,
)


@dataclass(frozen=True, slots=True)
class OrderPoints:
    """Points of one order, all as positive numbers.

    Attributes:
        earned: awarded, less reversals.
        pending: the part of `earned` that cannot be spent yet.
        reversed: taken back after refunds and cancellation.
        redeemed: spent on the order, less what was given back.
        available_at: when the pending part can be spent.
    """

    earned: int = 0
    pending: int = 0
    reversed: int = 0
    redeemed: int = 0
    available_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PointsAt:
    """A number of points and the moment that something happens to them."""

    points: int
    at: datetime


def order_points(order_ids: Collection[UUID], using: str) -> dict[UUID, OrderPoints]:
    """Points by order id; orders that moved no points are missing."""

    def total(*types: TransactionType) -> models.Sum:
        return models.Sum("points", filter=models.Q(type__in=types), default=0)

    waiting = models.Q(lot__status=LotStatus.PENDING)
    rows = (
        PointsTransaction.objects.using(using)
        .filter(order_id__in=order_ids)
        .values("order_id")
        .annotate(
            earned=total(TransactionType.EARN, TransactionType.EARN_REVERSAL),
            reversed=-total(TransactionType.EARN_REVERSAL),
            redeemed=-total(TransactionType.REDEEM, TransactionType.REDEEM_REVERSAL),
            pending=models.Sum("lot__remaining", filter=waiting, default=0),
            available_at=models.Max("lot__available_at", filter=waiting),
        )
    )
    return {
        row["order_id"]: OrderPoints(
            earned=row["earned"],
            pending=row["pending"],
            reversed=row["reversed"],
            redeemed=row["redeemed"],
            available_at=row["available_at"],
        )
        for row in rows
        if row["order_id"] is not None
    }


def next_expiry(account_ids: Collection[int], now: datetime, using: str) -> dict[int, PointsAt]:
    """The points of each account that expire first, by account id."""
    lots = PointsLot.objects.using(using).filter(
        account_id__in=account_ids, status=LotStatus.ACTIVE, remaining__gt=0, expires_at__gt=now
    )
    return _soonest(lots, "expires_at")


def next_activation(account_ids: Collection[int], using: str) -> dict[int, PointsAt]:
    """The pending points of each account that become spendable first, by account id."""
    lots = PointsLot.objects.using(using).filter(account_id__in=account_ids, status=LotStatus.PENDING, remaining__gt=0)
    return _soonest(lots, "available_at")


def _soonest(lots: models.QuerySet[PointsLot], moment: str) -> dict[int, PointsAt]:
    rows = lots.values("account_id", moment).annotate(points=models.Sum("remaining"))
    first = rows.order_by("account_id", moment).distinct()
    soonest: dict[int, PointsAt] = {}
    for row in first:
        soonest.setdefault(row["account_id"], PointsAt(row["points"], row[moment]))
    return soonest
