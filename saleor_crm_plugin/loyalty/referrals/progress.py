"""What a friend's orders mean for a referral. Writes the referral only: `settling` posts what follows from it.

Level-triggered like the orders themselves: the friend's first purchase as it is now decides, whatever was seen before.
Two things are decided for good: a refusal, and, once rewarded, which order it was for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralStatus, RefusalReason

WRITTEN = ("status", "refusal", "order_id", "channel_id", "placed_at", "reward_at", "decided_at")


@dataclass(frozen=True, slots=True)
class FriendOrder:
    """A friend's purchase as it is now.

    Attributes:
        profile_id: whose it is.
        is_kept: it is paid (or fulfilled, where that counts), and something of it was neither refunded nor returned.
        reward_at: when its return window is over; None while it does not qualify, or if nothing of it is kept.
        is_same_household: it went to the referrer's address and last name.
    """

    order_id: UUID
    profile_id: int | None
    channel_id: int
    placed_at: datetime
    is_kept: bool
    reward_at: datetime | None
    is_same_household: bool = False


def referrals_of(profile_ids: Collection[int], order_ids: Collection[UUID], using: str) -> list[Referral]:
    """Referrals of friends with these profiles, or for these orders; without refused ones. One statement."""
    rows = Referral.objects.using(using)
    # Not one condition with OR, which would read the whole table.
    found = (
        rows.filter(friend__profile__in=profile_ids)
        .values("pk")
        .union(rows.filter(order_id__in=order_ids).values("pk"), all=True)
    )
    return list(
        rows.filter(pk__in=found)
        .exclude(status=ReferralStatus.REFUSED)
        .select_related("friend__profile", "code__account__profile")
        .order_by("pk")
    )


def bring_in_line(
    referral_ids: Sequence[int],
    first: Mapping[int, FriendOrder],
    known: Mapping[UUID, FriendOrder],
    now: datetime,
    using: str,
) -> None:
    """Two statements, or one if nothing changes. The caller has a transaction; accounts are locked before referrals.

    Args:
        first: the friend's first purchase by referral id; missing if there is none.
        known: orders as they are now. A rewarded referral stays as it is if its order is not among them.
    """
    rows = Referral.objects.using(using).select_for_update(of=("self",)).select_related("friend")
    changed = []
    for referral in rows.filter(pk__in=referral_ids).exclude(status=ReferralStatus.REFUSED).order_by("pk"):
        before = [getattr(referral, name) for name in WRITTEN]
        status = referral.status
        if referral.status == ReferralStatus.REWARDED:
            _follow_own_order(referral, known)
        else:
            _follow_first_order(referral, first.get(referral.pk))
        if [getattr(referral, name) for name in WRITTEN] != before:
            referral.decided_at = now if referral.status != status else referral.decided_at
            changed.append(referral)
    if changed:
        Referral.objects.using(using).bulk_update(changed, WRITTEN)


def _follow_own_order(referral: Referral, known: Mapping[UUID, FriendOrder]) -> None:
    assert referral.order_id is not None
    order = known.get(referral.order_id)
    if order is None:
        return
    # An order that has become somebody else's is not the friend's any more. What the shop's settings are by now takes
    # nothing back.
    if not order.is_kept or order.profile_id != referral.friend.profile_id:
        referral.reward_at = None
    elif referral.reward_at is None:
        referral.reward_at = order.reward_at or order.placed_at


def _follow_first_order(referral: Referral, order: FriendOrder | None) -> None:
    was_rewarded = referral.status == ReferralStatus.REVERSED
    refusal = None
    if order is not None and order.placed_at < referral.applied_at:
        refusal = RefusalReason.ALREADY_CUSTOMER
    elif order is not None and order.is_same_household:
        refusal = RefusalReason.SAME_HOUSEHOLD
    if refusal is not None or order is None:
        referral.reward_at = None
        if was_rewarded:
            # It stays with the order that it was rewarded for.
            return
        referral.order_id, referral.channel_id, referral.placed_at = None, None, None
        referral.status = ReferralStatus.REFUSED if refusal else ReferralStatus.APPLIED
        referral.refusal = refusal or ""
        return
    referral.order_id, referral.channel_id = order.order_id, order.channel_id
    referral.placed_at, referral.reward_at = order.placed_at, order.reward_at
    if order.reward_at is not None:
        referral.status = ReferralStatus.QUALIFIED
    else:
        referral.status = ReferralStatus.REVERSED if was_rewarded else ReferralStatus.APPLIED
