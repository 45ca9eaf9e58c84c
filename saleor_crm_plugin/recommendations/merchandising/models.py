"""Merchandising rules as rows: what each says now, and every version that ever was.

Ids of Saleor's products, categories, collections and channels, and of customer segments, are kept as numbers: what is
deleted there matches nothing from then on, and nothing has to be cleared away here.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.recommendations.merchandising.definition import RuleAction
from saleor_crm_plugin.recommendations.merchandising.limits import (
    FACTOR_LIMIT,
    NAME_MAX_LENGTH,
    POSITION_LIMIT,
    PRIORITY_LIMIT,
)

_PLACED = Q(action=RuleAction.PIN.value)
_WEIGHED = Q(action__in=[RuleAction.BOOST.value, RuleAction.BURY.value])


class MerchandisingRule(models.Model):
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    is_active = models.BooleanField(default=False)
    # Number of the newest version, from 1.
    version = models.PositiveIntegerField(default=1)
    # From here to `priority` as in `definition.RuleDefinition`.
    action = models.CharField(max_length=16, choices=[(action.value, action.value) for action in RuleAction])
    position = models.PositiveSmallIntegerField(null=True)
    places = models.PositiveSmallIntegerField(null=True)
    factor = models.FloatField(null=True)
    product_ids = ArrayField(models.IntegerField(), default=list)
    category_ids = ArrayField(models.IntegerField(), default=list)
    collection_ids = ArrayField(models.IntegerField(), default=list)
    attribute_values = models.JSONField(default=dict)
    channel_ids = ArrayField(models.IntegerField(), default=list)
    kinds = ArrayField(models.CharField(max_length=32), default=list)
    segment_ids = ArrayField(models.BigIntegerField(), default=list)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    priority = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # Rules are never removed, so that their versions stay readable.
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_merchandising_rule"
        indexes = [
            # The few that a request may have to look at, whatever was deleted or has ended before.
            models.Index(
                name="crm_merchandising_in_force",
                fields=["ends_at"],
                condition=Q(is_active=True, deleted_at__isnull=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="crm_merchandising_only_a_pin_has_a_place_and_each_has_one",
                condition=Q(_PLACED, position__isnull=False, places__isnull=False)
                | Q(~_PLACED, position__isnull=True, places__isnull=True),
            ),
            models.CheckConstraint(
                name="crm_merchandising_pin_stays_among_the_first_places",
                condition=Q(position__isnull=True)
                | Q(position__gte=1, places__gte=1, position__lte=POSITION_LIMIT + 1 - models.F("places")),
            ),
            models.CheckConstraint(
                name="crm_merchandising_boost_and_bury_have_a_factor_others_none",
                condition=Q(_WEIGHED, factor__gt=1, factor__lte=FACTOR_LIMIT) | Q(~_WEIGHED, factor__isnull=True),
            ),
            models.CheckConstraint(
                name="crm_merchandising_rule_is_for_some_products",
                condition=~Q(product_ids=[], category_ids=[], collection_ids=[], attribute_values={}),
            ),
            models.CheckConstraint(
                name="crm_merchandising_rule_ends_after_it_starts",
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gt=models.F("starts_at")),
            ),
            models.CheckConstraint(
                name="crm_merchandising_priority_within_limits",
                condition=Q(priority__gte=-PRIORITY_LIMIT, priority__lte=PRIORITY_LIMIT),
            ),
        ]


class MerchandisingRuleVersion(models.Model):
    """What a rule said, and who said so. Append-only."""

    rule = models.ForeignKey(MerchandisingRule, on_delete=models.PROTECT, related_name="versions", db_index=False)
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    is_active = models.BooleanField()
    # Whether the rule was deleted with this version.
    is_deletion = models.BooleanField(default=False)
    # `RuleDefinition.as_columns`, with moments as text.
    definition = models.JSONField()
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "crm_merchandising_rule_version"
        constraints = [
            models.UniqueConstraint(name="crm_merchandising_version_is_written_once", fields=["rule", "version"]),
        ]
