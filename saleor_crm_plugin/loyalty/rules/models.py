"""Earning rules as data: what is in force, every version that ever was, and how much each has given.

A rule's terms are `rules.definition.RuleDefinition` as JSON. An edit makes a new version; entries of the ledger name
the version that they were made on, so an edit changes no past entry.
"""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, LoyaltyProgram


class RuleStatus(models.TextChoices):
    LIVE = "live"
    # Computed and recorded, but nobody gets the points.
    DRY_RUN = "dry_run"
    OFF = "off"


class EarningRule(models.Model):
    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="earning_rules")
    name = models.CharField(max_length=128)
    status = models.CharField(max_length=16, choices=RuleStatus.choices, default=RuleStatus.OFF)
    # Number of the newest version, from 1; `definition` is its definition.
    version = models.PositiveIntegerField(default=1)
    definition = models.JSONField()
    # Since when it has been LIVE (or on DRY_RUN) with its trigger; null while it is OFF. It gives nothing for an action
    # that happened before. Orders go by the channel's own date.
    in_force_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # Rules are never removed, since entries name them.
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_earning_rule"


class EarningRuleVersion(models.Model):
    """Append-only."""

    rule = models.ForeignKey(EarningRule, on_delete=models.PROTECT, related_name="versions", db_index=False)
    version = models.PositiveIntegerField()
    definition = models.JSONField()
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "crm_earning_rule_version"
        constraints = [
            models.UniqueConstraint(name="crm_rule_version_is_written_once", fields=["rule", "version"]),
        ]


class EarningRuleUse(models.Model):
    """Points that a rule has given for one thing: what limits are counted from.

    Follows the ledger: after a refund it holds what is left, after a cancellation 0; and what was forgiven of either.
    """

    rule = models.ForeignKey(EarningRule, on_delete=models.PROTECT, related_name="uses", db_index=False)
    version = models.PositiveIntegerField()
    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="rule_uses", db_index=False)
    # What it was given for, as "order:<id>", "sign_up", "birthday:<year>" or "referral:<id>".
    occasion = models.CharField(max_length=128)
    points = models.BigIntegerField()
    # True: the rule was on trial, and the points were not given.
    is_dry_run = models.BooleanField(default=False)
    # When the order was placed, or the action happened: the day that periods count.
    used_at = models.DateTimeField()

    class Meta:
        db_table = "crm_earning_rule_use"
        indexes = [models.Index(name="crm_rule_use_of_account", fields=["account", "rule", "used_at"])]
        constraints = [
            models.UniqueConstraint(name="crm_rule_used_once_per_occasion", fields=["rule", "account", "occasion"]),
            models.CheckConstraint(name="crm_rule_use_never_negative", condition=models.Q(points__gte=0)),
        ]
