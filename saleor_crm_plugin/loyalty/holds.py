"""Points set aside for a checkout, and what becomes of them.

HELD -> COMMITTED when an order carries the code; HELD -> RELEASED when the checkout gives the points up or time runs
out. A released hold whose code turns up on an order all the same is committed: an order that carries the code always
debits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from fractions import Fraction
from math import ceil
from uuid import UUID

from saleor_crm_plugin.loyalty.models import HoldStatus, PointsHold


def by_code(codes: Collection[str], using: str) -> dict[str, PointsHold]:
    """Holds by voucher code, locked."""
    if not codes:
        return {}
    rows = PointsHold.objects.using(using).select_for_update().filter(code__in=codes).order_by("pk")
    return {hold.code: hold for hold in rows}


def commit(hold: PointsHold, order_id: UUID) -> bool:
    """Tie a hold to the order; True if its points are still counted as held."""
    was_held = hold.status == HoldStatus.HELD
    hold.status = HoldStatus.COMMITTED
    hold.order_id = order_id
    return was_held


def points_used(hold: PointsHold, amount: Decimal | None) -> int:
    """Points of the hold that a discount of `amount` needs, rounded up; all of them if the amount is unknown."""
    if amount is None or amount >= hold.amount:
        return hold.points
    return ceil(hold.points * Fraction(max(amount, Decimal(0))) / Fraction(hold.amount))


def save(changed: Iterable[PointsHold], using: str) -> None:
    for hold in changed:
        hold.save(using=using, update_fields=["status", "order_id"])
