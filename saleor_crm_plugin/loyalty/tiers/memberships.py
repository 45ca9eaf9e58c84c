"""Memberships in the database, and as standings that the calculator goes on from."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierChange, TierMembership
from saleor_crm_plugin.loyalty.tiers.scheme import Scheme
from saleor_crm_plugin.loyalty.tiers.standing import Assigned, Earned, Standing, keep_until
from saleor_crm_plugin.loyalty.tiers.windows import FOREVER, NEVER

FIELDS = (
    "tier_id",
    "earned_tier_id",
    "lost_at",
    "protected_until",
    "assigned_tier_id",
    "assigned_until",
    "keep_until",
)


def open_accounts(account_ids: Collection[int], using: str) -> list[LoyaltyAccount]:
    """Those of the accounts that are not closed, each with its membership and tiers. One statement."""
    return list(
        LoyaltyAccount.objects.using(using)
        .filter(pk__in=account_ids, closed_at__isnull=True)
        .select_related("tier_membership__tier", "tier_membership__earned_tier", "tier_membership__assigned_tier")
        .order_by("pk")
    )


def membership_of(account: LoyaltyAccount) -> TierMembership | None:
    """The membership of an account that was read with it."""
    return getattr(account, "tier_membership", None)


def standing_before(membership: TierMembership | None) -> Standing:
    if membership is None:
        return Standing()
    earned, assigned = membership.earned_tier, membership.assigned_tier
    return Standing(
        Earned(earned.level, membership.lost_at or FOREVER, membership.protected_until or NEVER) if earned else None,
        Assigned(assigned.level, membership.assigned_until) if assigned and membership.assigned_until else None,
    )


def membership_after(account_id: int, scheme: Scheme, standing: Standing) -> TierMembership | None:
    """The row that says what the standing says; None for no tier."""
    tier = scheme.tier(standing.level)
    if tier is None:
        return None
    earned, assigned = standing.earned, standing.assigned
    return TierMembership(
        account_id=account_id,
        tier=tier,
        earned_tier=scheme.tier(earned.level) if earned else None,
        lost_at=_moment(earned.lost_at) if earned else None,
        protected_until=_moment(earned.protected_until) if earned else None,
        assigned_tier=scheme.tier(assigned.level) if assigned else None,
        assigned_until=assigned.until if assigned else None,
        keep_until=_moment(keep_until(scheme.rules, standing)),
    )


def are_the_same(one: TierMembership | None, other: TierMembership | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(getattr(one, name) == getattr(other, name) for name in FIELDS)


def write(kept: Collection[TierMembership], ended: Collection[int], changes: Iterable[TierChange], using: str) -> None:
    """Store memberships, remove those of the accounts in `ended`, and add to the history. Three statements at most."""
    if kept:
        TierMembership.objects.using(using).bulk_create(
            kept,
            update_conflicts=True,
            unique_fields=["account"],
            update_fields=[name.removesuffix("_id") for name in FIELDS],
        )
    if ended:
        TierMembership.objects.using(using).filter(account_id__in=ended).delete()
    TierChange.objects.using(using).bulk_create(changes)


def level_of(tier: LoyaltyTier | None) -> int:
    """0 for no tier."""
    return tier.level if tier else 0


def _moment(moment: datetime) -> datetime | None:
    return None if moment in (FOREVER, NEVER) else moment
