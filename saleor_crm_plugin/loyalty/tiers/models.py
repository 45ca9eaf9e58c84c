"""Tiers of a program, how they are won and lost, which one each account is in, and how that came about.

`tiers.review`, `tiers.assignment` and `tiers.carrying` are the only writers of memberships. `TierChange` is append-only
(by trigger, but for blanking a reason), and its last row for an account names the tier of the membership.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, LoyaltyProgram
from saleor_crm_plugin.loyalty.tiers.standing import Basis, Downgrade
from saleor_crm_plugin.loyalty.tiers.windows import WindowKind


class TierPolicy(models.Model):
    """How the tiers of a program are won and lost. No row: the defaults."""

    program = models.OneToOneField(LoyaltyProgram, on_delete=models.PROTECT, related_name="tier_policy")
    basis = models.CharField(
        max_length=16, choices=[(b.value, b.name) for b in Basis], default=Basis.POINTS_EARNED.value
    )
    # Of the thresholds, where the basis is money; else empty.
    currency = models.CharField(max_length=3, blank=True, default="")
    window = models.CharField(
        max_length=16, choices=[(w.value, w.name) for w in WindowKind], default=WindowKind.ROLLING.value
    )
    window_days = models.PositiveIntegerField(null=True)
    window_months = models.PositiveIntegerField(null=True, default=12)
    grace_days = models.PositiveIntegerField(default=0)
    downgrade = models.CharField(
        max_length=16, choices=[(d.value, d.name) for d in Downgrade], default=Downgrade.TO_QUALIFIED.value
    )
    # Goes up with each edit of the policy or a tier; `reviewed_version` follows once all accounts have been looked at.
    version = models.PositiveIntegerField(default=1)
    reviewed_version = models.PositiveIntegerField(default=0)
    reviewed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_tier_policy"
        constraints = [
            models.CheckConstraint(
                name="crm_tier_policy_only_a_rolling_window_has_a_length",
                condition=models.Q(
                    models.Q(window="rolling", window_days__gt=0, window_months__isnull=True)
                    | models.Q(window="rolling", window_days__isnull=True, window_months__gt=0)
                    | (~models.Q(window="rolling") & models.Q(window_days__isnull=True, window_months__isnull=True))
                ),
            ),
            models.CheckConstraint(
                name="crm_tier_policy_only_money_has_a_currency",
                condition=(models.Q(basis="net_spend") & ~models.Q(currency=""))
                | models.Q(basis="points_earned", currency=""),
            ),
        ]


class LoyaltyTier(models.Model):
    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="tiers")
    name = models.CharField(max_length=128)
    description = models.CharField(max_length=1000, blank=True, default="")
    # From 1; a higher level is a better tier.
    level = models.PositiveSmallIntegerField()
    # Points, or an amount in the policy's currency.
    threshold = models.DecimalField(max_digits=20, decimal_places=3, default=Decimal(0))
    # Times the base points of an order.
    earning_multiplier = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(1))
    # Points for reaching it, once.
    entry_points = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # Tiers are never removed, since entries and rules name them.
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_loyalty_tier"
        constraints = [
            models.UniqueConstraint(
                name="crm_tier_one_per_level",
                fields=["program", "level"],
                condition=models.Q(deleted_at__isnull=True),
            ),
            models.UniqueConstraint(
                name="crm_tier_one_per_threshold",
                fields=["program", "threshold"],
                condition=models.Q(deleted_at__isnull=True),
            ),
            models.CheckConstraint(
                name="crm_tier_never_worse_than_none",
                condition=models.Q(level__gte=1, threshold__gte=0, earning_multiplier__gte=1),
            ),
        ]


class TierMembership(models.Model):
    """The tier that an account is in now; no row: none."""

    account = models.OneToOneField(LoyaltyAccount, on_delete=models.PROTECT, related_name="tier_membership")
    # The higher one of the two below.
    tier = models.ForeignKey(LoyaltyTier, on_delete=models.PROTECT, related_name="memberships")
    earned_tier = models.ForeignKey(LoyaltyTier, on_delete=models.PROTECT, null=True, related_name="+")
    # When the earned tier's threshold ceases to count if nothing more is earned; null: never.
    lost_at = models.DateTimeField(null=True)
    # The earned tier is what a higher one went down to, and kept until then.
    protected_until = models.DateTimeField(null=True)
    assigned_tier = models.ForeignKey(LoyaltyTier, on_delete=models.PROTECT, null=True, related_name="+")
    assigned_until = models.DateTimeField(null=True)
    # When `tier` ends if nothing more is earned; null: for good.
    keep_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_tier_membership"
        indexes = [
            models.Index(
                name="crm_membership_ending", fields=["keep_until"], condition=models.Q(keep_until__isnull=False)
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="crm_membership_is_earned_or_assigned",
                condition=models.Q(earned_tier__isnull=False, tier=models.F("earned_tier"))
                | models.Q(assigned_tier__isnull=False, tier=models.F("assigned_tier")),
            ),
            models.CheckConstraint(
                name="crm_membership_assigned_tier_has_an_end",
                condition=models.Q(assigned_tier__isnull=True, assigned_until__isnull=True)
                | models.Q(assigned_tier__isnull=False, assigned_until__isnull=False),
            ),
        ]


class TierChangeCause(models.TextChoices):
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    # Staff assigned a tier, or took the assigned one away.
    ASSIGNED = "assigned"
    # The time of an assigned tier was over.
    ASSIGNMENT_ENDED = "assignment_ended"
    POLICY_CHANGED = "policy_changed"


class TierChange(models.Model):
    """Append-only. Null: no tier."""

    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="tier_changes", db_index=False)
    from_tier = models.ForeignKey(LoyaltyTier, on_delete=models.PROTECT, null=True, related_name="+")
    to_tier = models.ForeignKey(LoyaltyTier, on_delete=models.PROTECT, null=True, related_name="+")
    cause = models.CharField(max_length=24, choices=TierChangeCause.choices)
    # When it took effect, for the API and for orders placed from then on.
    at = models.DateTimeField()
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    reason = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        db_table = "crm_tier_change"
        indexes = [models.Index(name="crm_tier_change_of_account", fields=["account", "-id"])]
