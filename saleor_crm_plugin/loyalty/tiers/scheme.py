"""The tiers of a program and how they are won, as the calculator takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import QuerySet

from saleor_crm_plugin.compiled import CompiledLookup, CompiledQuery, column_names
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


def _tiers_with_policies() -> QuerySet[Any, Any]:
    policy = (f"program__tier_policy__{name}" for name in column_names(TierPolicy))
    return LoyaltyTier.objects.order_by("level").values_list(*column_names(LoyaltyTier), *policy)


_schemes = CompiledQuery("program_id", _tiers_with_policies)
_default_schemes = CompiledQuery("program__is_default", _tiers_with_policies)


@partial(CompiledLookup, "program_id")
def _policies_of_programs() -> QuerySet[TierPolicy]:
    return TierPolicy.objects.all()


def load_scheme(program_id: int, using: str) -> Scheme | None:
    """The scheme of a program; None if it never had a tier. One statement."""
    return _scheme(_schemes([program_id], using), using)


def load_default_scheme(using: str) -> Scheme | None:
    """The same of the program that every channel belongs to. One statement."""
    return _scheme(_default_schemes([True], using), using)


def _scheme(rows: Sequence[tuple[Any, ...]], using: str) -> Scheme | None:
    if not rows:
        return None
    names = column_names(LoyaltyTier)
    tiers = [LoyaltyTier.from_db(using, names, row[: len(names)]) for row in rows]
    policy_id, *_ = values = rows[0][len(names) :]
    policy = TierPolicy(program_id=tiers[0].program_id)
    if policy_id is not None:
        policy = TierPolicy.from_db(using, column_names(TierPolicy), values)
    return Scheme(policy, tuple(tier for tier in tiers if tier.deleted_at is None))


def policy_of(program_id: int, using: str) -> TierPolicy:
    """The policy of a program; the defaults, unsaved, if nobody has set one."""
    found = _policies_of_programs.instances([program_id], using)
    return found[0] if found else TierPolicy(program_id=program_id)
