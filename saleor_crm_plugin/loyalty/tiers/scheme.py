"""The tiers of a program and how they are won, as the calculator takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierPolicy
from saleor_crm_plugin.loyalty.tiers.standing import Basis, Downgrade, Rules, Rung
from saleor_crm_plugin.loyalty.tiers.windows import Window, WindowKind


@dataclass(frozen=True, slots=True)
class Scheme:
    """
    Attributes:
        tiers: those that there are now, lowest level first.
    """

    policy: TierPolicy
    tiers: Sequence[LoyaltyTier]

    @property
    def basis(self) -> Basis:
        return Basis(self.policy.basis)

    @property
    def rules(self) -> Rules:
        policy = self.policy
        return Rules(
            window=Window(WindowKind(policy.window), policy.window_days, policy.window_months),
            ladder=tuple(Rung(tier.level, tier.threshold) for tier in self.tiers),
            grace_days=policy.grace_days,
            downgrade=Downgrade(policy.downgrade),
        )

    def tier(self, level: int | None) -> LoyaltyTier | None:
        return next((tier for tier in self.tiers if tier.level == level), None)


def load_scheme(program_id: int, using: str) -> Scheme | None:
    """The scheme of a program; None if it never had a tier. One statement."""
    rows = list(
        LoyaltyTier.objects.using(using)
        .filter(program_id=program_id)
        .select_related("program__tier_policy")
        .order_by("level")
    )
    if not rows:
        return None
    policy = getattr(rows[0].program, "tier_policy", None) or TierPolicy(program_id=program_id)
    return Scheme(policy, tuple(row for row in rows if row.deleted_at is None))


def policy_of(program_id: int, using: str) -> TierPolicy:
    """The policy of a program; the defaults, unsaved, if nobody has set one."""
    return TierPolicy.objects.using(using).filter(program_id=program_id).first() or TierPolicy(program_id=program_id)
