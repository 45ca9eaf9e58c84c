"""Tiers of a program, lowest level first, and which one each account is in."""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.loyalty.models import LoyaltyAccount, LoyaltyProgram


class LoyaltyTier(models.Model):
    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="tiers")
    name = models.CharField(max_length=128)
    # From 1; a higher level is a better tier.
    level = models.PositiveSmallIntegerField()
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
        ]


class TierMembership(models.Model):
    """The tier that an account is in now; no row: none."""

    account = models.OneToOneField(LoyaltyAccount, on_delete=models.PROTECT, related_name="tier_membership")
    tier = models.ForeignKey(LoyaltyTier, on_delete=models.PROTECT, related_name="memberships")

    class Meta:
        db_table = "crm_tier_membership"
