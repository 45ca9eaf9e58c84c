"""What a friend's orders mean for a referral. Writes the referral only: `settling` posts what follows from it.

Level-triggered like the orders themselves: the friend's first purchase as it is now decides, whatever was seen before.
A refusal is for good. Once rewarded, it is about the order it was rewarded for, until that is undone. One that waits
for its reward keeps the date that it was given while its order is kept and earns, whatever is set meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections

from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralStatus, RefusalReason

WRITTEN = ("status", "refusal", "order_id", "channel_id", "placed_at", "reward_at", "decided_at")


@dataclass(frozen=True, slots=True)
class FriendOrder:
    """A friend's purchase as it is now.

    Attributes:
        profile_id: whose it is.
        is_kept: it is paid, and something of it was neither refunded nor returned.
        is_met: it is what it had to be for its own points, paid or fulfilled; if it has none, by today's settings.
        reward_at: when its return window is over, by today's settings; None while it does not qualify by them, is not
            met, or if nothing of it is kept.
        is_same_household: it went to the referrer's address and last name.
    """

    order_id: UUID
    profile_id: int | None
    channel_id: int
    placed_at: datetime
    is_kept: bool
    is_met: bool
    reward_at: datetime | None
    is_same_household: bool = False


# Not one condition with OR, which would read the whole table. The second: friends whose profile was merged into one.
_CONCERNED = """
SELECT referral.id FROM crm_referral AS referral JOIN crm_loyalty_account AS friend ON friend.id = referral.friend_id
WHERE friend.profile_id = ANY(%(profiles)s::bigint[])
UNION
SELECT referral.id FROM crm_referral AS referral JOIN crm_loyalty_account AS friend ON friend.id = referral.friend_id
JOIN crm_customer_profile AS profile ON profile.id = friend.profile_id
WHERE profile.merged_into_id = ANY(%(profiles)s::bigint[])
UNION
SELECT id FROM crm_referral WHERE order_id = ANY(%(orders)s::uuid[])
"""


def referrals_of(profile_ids: Collection[int], order_ids: Collection[UUID], using: str) -> list[Referral]:
    """Referrals of friends with these profiles, or for these orders; without refused ones.

    One statement where there are none, and two otherwise.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_CONCERNED, {"profiles": list(profile_ids), "orders": list(order_ids)})
        found = [pk for (pk,) in cursor.fetchall()]
    if not found:
        return []
    return list(
        Referral.objects.using(using)
        .filter(pk__in=found)
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
    rows = Referral.objects.using(using).select_for_update(of=("self",)).select_related("friend__profile")
    changed = []
    for referral in rows.filter(pk__in=referral_ids).exclude(status=ReferralStatus.REFUSED).order_by("pk"):
        before = [getattr(referral, name) for name in WRITTEN]
        status = referral.status
        if referral.status == ReferralStatus.REWARDED:
            _follow_own_order(referral, known)
        if referral.status != ReferralStatus.REWARDED:
            _follow_first_order(referral, first.get(referral.pk))
        if [getattr(referral, name) for name in WRITTEN] != before:
            referral.decided_at = now if referral.status != status else referral.decided_at
            changed.append(referral)
    if changed:
        Referral.objects.using(using).bulk_update(changed, WRITTEN)


def _follow_own_order(referral: Referral, known: Mapping[UUID, FriendOrder]) -> None:
    """What the shop's settings are by now takes nothing back."""
    assert referral.order_id is not None
    order = known.get(referral.order_id)
    if order is not None and not _is_kept_by_friend(referral, order):
        referral.status = ReferralStatus.UNDONE


def _follow_first_order(referral: Referral, order: FriendOrder | None) -> None:
    if referral.status == ReferralStatus.UNDONE and _is_own_and_kept(referral, order):
        referral.status = ReferralStatus.REWARDED
        return
    # These stay what they are, with the order that they were rewarded for, until another one qualifies.
    was_rewarded = referral.status in (ReferralStatus.UNDONE, ReferralStatus.REVERSED)
    refusal = _refusal(referral, order)
    if order is None or refusal is not None:
        referral.reward_at = None
        if not was_rewarded:
            referral.order_id, referral.channel_id, referral.placed_at = None, None, None
            referral.status = ReferralStatus.REFUSED if refusal else ReferralStatus.APPLIED
            referral.refusal = refusal or ""
        return
    if referral.status == ReferralStatus.QUALIFIED and order.is_met and _is_own_and_kept(referral, order):
        referral.channel_id = order.channel_id
        return
    referral.order_id, referral.channel_id = order.order_id, order.channel_id
    referral.placed_at, referral.reward_at = order.placed_at, order.reward_at
    # Points that are to be taken back come first.
    if referral.status != ReferralStatus.UNDONE and order.reward_at is not None:
        referral.status = ReferralStatus.QUALIFIED
    elif not was_rewarded:
        referral.status = ReferralStatus.APPLIED


def _refusal(referral: Referral, order: FriendOrder | None) -> RefusalReason | None:
    if order is not None and order.placed_at < referral.applied_at:
        return RefusalReason.ALREADY_CUSTOMER
    if order is not None and order.is_same_household:
        return RefusalReason.SAME_HOUSEHOLD
    return None


def _is_own_and_kept(referral: Referral, order: FriendOrder | None) -> bool:
    return order is not None and order.order_id == referral.order_id and _is_kept_by_friend(referral, order)


def _is_kept_by_friend(referral: Referral, order: FriendOrder) -> bool:
    """An order that has become somebody else's is not the friend's any more."""
    friend = referral.friend.profile
    return order.is_kept and order.profile_id == (friend.merged_into_id or friend.pk)
