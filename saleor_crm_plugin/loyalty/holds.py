"""Points set aside for a checkout, and what becomes of them.

HELD -> COMMITTED when an order carries the voucher or the gift card; HELD -> RELEASED when the checkout gives the
points up or time runs out. A released hold whose carrier turns up on an order all the same is committed: an order that
something was taken off by it always debits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil
from uuid import UUID

from django.db.models import Q

from saleor_crm_plugin.loyalty.awards import EarningOrder
from saleor_crm_plugin.loyalty.models import Carrier, HoldForm, HoldStatus, PointsHold

# Status, and the order that carries it.
Fate = tuple[str, UUID | None]


def by_carrier(
    carriers: Collection[Carrier], using: str, *, and_ids: Collection[str] = (), lock: bool = False
) -> dict[Carrier, PointsHold]:
    """Holds by voucher code or gift card. One statement, or none for no carriers.

    Args:
        and_ids: primary keys of further ones.
    """
    if not carriers and not and_ids:
        return {}
    codes = [carrier for carrier in carriers if isinstance(carrier, str)]
    cards = [carrier for carrier in carriers if isinstance(carrier, int)]
    rows = PointsHold.objects.using(using)
    rows = (
        (rows.select_for_update() if lock else rows)
        .filter(Q(code__in=codes) | Q(gift_card_id__in=cards) | Q(pk__in=and_ids))
        .order_by("pk")
    )
    return {hold.carrier: hold for hold in rows}


def commit(hold: PointsHold, order_id: UUID) -> bool:
    """Tie a hold to the first order that carries it; True if its points are still counted as held."""
    was_held = hold.status == HoldStatus.HELD
    hold.status = HoldStatus.COMMITTED
    hold.order_id = hold.order_id or order_id
    return was_held


def with_points(
    order: EarningOrder, carried: Mapping[Carrier, Decimal | None], holds: Mapping[Carrier, PointsHold]
) -> EarningOrder:
    """The order with what points paid told apart from what vouchers and gift cards of the customer's own did.

    Args:
        carried: what each voucher and gift card took off, as in `OrderFacts`.
        holds: by carrier; those of others may be among them.
    """
    off = paid = Decimal(0)
    for carrier, amount in carried.items():
        hold = holds.get(carrier)
        if hold is None:
            continue
        took = took_off(hold, amount)
        if hold.form == HoldForm.VOUCHER:
            off += took
        else:
            paid += took
    if not off and not paid:
        return order
    return replace(order, points_off=off, points_paid=paid, gift_cards_gross=order.gift_cards_gross - paid)


def paid_by(hold: PointsHold, points: int) -> Decimal:
    """What the hold's carrier paid of an order that has spent so many of its points on it."""
    if points >= hold.points:
        return hold.amount
    return hold.amount * points / hold.points


def took_off(hold: PointsHold, amount: Decimal | None) -> Decimal:
    """What the hold's carrier took off an order.

    Args:
        amount: what Saleor says; None: nothing, so all that the points are worth.
    """
    if amount is not None:
        return amount
    return Decimal(0) if was_given_back_meanwhile(hold, amount) else hold.amount


def was_given_back_meanwhile(hold: PointsHold, amount: Decimal | None) -> bool:
    """Whether an order has nothing but the code of the hold, whose points were released while it was being made.

    Saleor's completion counts the code in one transaction and makes the order in the next. Whoever takes the points
    off between the two takes off their worth, and Saleor writes the code into the order all the same.
    """
    return amount is None and hold.status == HoldStatus.RELEASED


def points_used(hold: PointsHold, amount: Decimal | None) -> int:
    """Points of the hold that its order needs for what was taken off, rounded up."""
    took = took_off(hold, amount)
    if took >= hold.amount:
        return hold.points
    return ceil(hold.points * Fraction(max(took, Decimal(0))) / Fraction(hold.amount))


def fates(holds: Iterable[PointsHold]) -> dict[UUID, Fate]:
    """What has become of holds, by primary key."""
    return {hold.pk: _fate(hold) for hold in holds}


def save(holds: Iterable[PointsHold], before: Mapping[UUID, Fate], using: str) -> None:
    """Write what has become of holds since `before`, their `fates` of then. One statement; none if nothing has."""
    changed = {hold.pk: hold for hold in holds if _fate(hold) != before[hold.pk]}
    PointsHold.objects.using(using).bulk_update(changed.values(), ["status", "order_id"])


def _fate(hold: PointsHold) -> Fate:
    return hold.status, hold.order_id
