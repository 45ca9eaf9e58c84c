"""Two customers become one and two again: profile, points and what hangs on them, in one transaction.

The domains do not know each other, so this is where they meet. What follows from the numbers (stages, segments, tiers,
points of orders that go back) is brought in line after the commit, as after any sync.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import CustomerInputError, LoyaltyInputError
from saleor_crm_plugin.ingestion.hooks import orders_changed
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.standing import bring_customers_in_line
from saleor_crm_plugin.ingestion.tier_facts import review_customers
from saleor_crm_plugin.loyalty import merging as accounts
from saleor_crm_plugin.loyalty import separating
from saleor_crm_plugin.loyalty.models import PointsTransaction, TransactionType
from saleor_crm_plugin.profiles.merging import merging as profiles
from saleor_crm_plugin.profiles.merging.family import families, unless_busy
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import ProfileOrder
from saleor_crm_plugin.recommendations.storage import forget_personal

UNDO_DAYS: Final = 30
# A quarter: long enough for a complaint to arrive, short enough that the two can still be told apart.
UNDO_DAYS_LIMIT: Final = 90


@dataclass(frozen=True, slots=True)
class Separated:
    """The merge that was undone, the points that went back to the source, and the debt that it owes again."""

    merge: ProfileMerge
    points: int
    debt: int


def undo_until(now: datetime, days: int) -> datetime:
    """
    Raises:
        CustomerInputError: `INVALID`: not between 1 and `UNDO_DAYS_LIMIT`.
    """
    if not 1 <= days <= UNDO_DAYS_LIMIT:
        raise CustomerInputError(f"Give a number of days from 1 to {UNDO_DAYS_LIMIT}.", "INVALID", "undoDays")
    return now + timedelta(days=days)


@allow_writer()
def merge_customers(
    source_id: int, target_id: int, actor: Actor, now: datetime, *, undo_days: int = UNDO_DAYS, using: str = "default"
) -> ProfileMerge:
    """Merge a customer into another one, who has from then on the orders and the points of both.

    Raises:
        CustomerInputError: as `profiles.merging.merge`; or `NOT_APPLICABLE`, because a points account is closed or a
            checkout holds points of the source, or something else is being written about the two; or `INVALID`. Nothing
            has been changed then.
    """
    until = undo_until(now, undo_days)
    with unless_busy(), transaction.atomic(using=using), as_customer_errors():
        done = profiles.merge(source_id, target_id, actor, now, undo_until=until, using=using)
        accounts.merge_profiles({done.source_id: done.target_id}, now, using, actor=actor, undo_until=until)
    bring_customers_in_line({done.target_id}, now, using)
    review_customers({done.target_id}, now, using)
    return done


@allow_writer()
def separate_customers(merge_id: int, actor: Actor, now: datetime, *, using: str = "default") -> Separated:
    """Take a merge apart: each has the own orders, and what is left of the own points.

    Raises:
        CustomerInputError: as `profiles.merging.unmerge`; or `NOT_APPLICABLE`, because a checkout holds points of the
            two, or something else is being written about them. Nothing has been changed then.
    """
    with unless_busy(), transaction.atomic(using=using), as_customer_errors():
        done = profiles.unmerge(merge_id, actor, now, using=using)
        merge = done.merge
        back = separating.unmerge_profiles(merge.source_id, merge.target_id, actor, now, using)
        orders = [*done.orders, *_awarded_without_the_order(merge.source_id, using)]
        _out_of_line(orders, using)
        # Learnt from what both have bought: each would see the other's purchases until the next training.
        forget_personal([merge.source_id, merge.target_id], using)
    orders_changed(orders)
    bring_customers_in_line({merge.source_id, merge.target_id}, now, using)
    review_customers({merge.source_id, merge.target_id}, now, using)
    return Separated(merge, back.points, back.debt)


@contextmanager
def as_customer_errors() -> Iterator[None]:
    """Points that cannot be moved are a reason why the customers cannot be."""
    try:
        yield
    except LoyaltyInputError as error:
        raise customer_error(error) from error


def customer_error(error: LoyaltyInputError) -> CustomerInputError:
    return CustomerInputError(str(error), "NOT_APPLICABLE", error.field)


def _awarded_without_the_order(profile_id: int, using: str) -> list[UUID]:
    """Orders that stay with somebody else, and whose points are with the profile or those merged into it: those of a
    guest whose address has become the target's own meanwhile.
    """
    family = families([profile_id], using)[profile_id]
    awarded = PointsTransaction.objects.filter(account__profile__in=family, type=TransactionType.EARN)
    elsewhere = ProfileOrder.objects.using(using).filter(pk__in=awarded.values("order_id")).exclude(profile=profile_id)
    return list(elsewhere.values_list("pk", flat=True))


def _out_of_line(order_ids: list[UUID], using: str) -> None:
    """Points of orders placed while the two were one follow when the orders are synced: now, or by reconciliation."""
    OrderSync.objects.using(using).filter(order_id__in=order_ids).update(seen_updated_at=None)
