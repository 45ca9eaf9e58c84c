"""A guest who turns out to be a user brings the tier along.

What was earned the next review would find again. What staff have assigned, and until when a tier is protected, stands
in the membership alone. A merge by staff carries nothing over: it can be taken apart, and then each has the own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from saleor_crm_plugin.loyalty.tiers import memberships
from saleor_crm_plugin.loyalty.tiers.models import TierChange, TierChangeCause, TierMembership
from saleor_crm_plugin.loyalty.tiers.scheme import load_scheme
from saleor_crm_plugin.loyalty.tiers.standing import Standing, together

BROUGHT: Final = "Brought along by the guest"


def carry_over(program_id: int, pairs: Collection[tuple[int, int]], now: datetime, using: str) -> None:
    """Let the second account of each pair hold what the first one held, where that is higher or lasts longer.

    In the transaction that has merged the first into the second, and has locked both. A constant number of statements;
    one where no guest is in a tier.
    """
    rows = TierMembership.objects.using(using).filter(account_id__in={pk for pair in pairs for pk in pair})
    tiers = rows.select_related("account", "tier", "earned_tier", "assigned_tier")
    found = {membership.account_id: membership for membership in tiers}
    brought = [
        (found[source_id], target_id)
        for source_id, target_id in pairs
        if source_id in found and found[source_id].account.merged_into_id == target_id
    ]
    scheme = load_scheme(program_id, using) if brought else None
    if scheme is None:
        return
    held: dict[int, Standing] = {}
    for source, target_id in brought:
        own = held.get(target_id) or memberships.standing_before(found.get(target_id))
        held[target_id] = together(scheme.rules, own, memberships.standing_before(source), now)
    kept, changes = [], []
    for target_id, standing in held.items():
        before, after = found.get(target_id), memberships.membership_after(target_id, scheme, standing)
        if after is None or memberships.are_the_same(before, after):
            continue
        kept.append(after)
        if before is None or before.tier_id != after.tier_id:
            changes.append(_change(before, after, now))
    memberships.write(kept, [], changes, using)


def _change(before: TierMembership | None, after: TierMembership, now: datetime) -> TierChange:
    is_earned = after.earned_tier_id == after.tier_id
    return TierChange(
        account_id=after.account_id,
        from_tier=before.tier if before else None,
        to_tier=after.tier,
        cause=TierChangeCause.UPGRADE if is_earned else TierChangeCause.ASSIGNED,
        at=now,
        reason=BROUGHT,
    )
