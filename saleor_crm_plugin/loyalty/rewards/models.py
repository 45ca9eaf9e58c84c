"""The catalogue of rewards, and what customers took from it.

A redemption is ISSUED with a code; it becomes USED when an order carries the code, RETURNED when it is given back
before that, EXPIRED when its time is over. For every redemption, after every step:

    ISSUED, USED, EXPIRED: `entry` is a REDEEM of exactly `cost`, and nothing reverses it
    RETURNED:              `entry` is a REDEEM of exactly `cost`, and a REDEEM_REVERSAL of as many points reverses it
    redeemed_count of a reward = its redemptions that are not RETURNED <= stock

An order that carries the code of a redemption makes it USED, whatever it was: if its points had come back, they are
taken again, and `entry` is the new REDEEM.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from saleor_crm_plugin.fields import money_field
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, LoyaltyProgram, PointsTransaction
from saleor_crm_plugin.loyalty.rewards.definition import COUNT_LIMIT, PERCENT_LIMIT, Reward, RewardKind
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier

KIND_LENGTH = 24
NAME_LENGTH = 128
CODE_LENGTH = 64
KEY_LENGTH = 64
CURRENCY_LENGTH = 3
SEGMENT_LENGTH = 128
KINDS = [(kind.value, kind.name) for kind in RewardKind]


class LoyaltyReward(models.Model):
    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="rewards")
    name = models.CharField(max_length=NAME_LENGTH)
    description = models.TextField(blank=True, default="")
    kind = models.CharField(max_length=KIND_LENGTH, choices=KINDS)
    cost = models.BigIntegerField()
    percentage = models.DecimalField(max_digits=6, decimal_places=3, null=True)
    amount = money_field(null=True)
    # The only currency that it is for; "" where it does not matter.
    currency = models.CharField(max_length=CURRENCY_LENGTH, blank=True, default="")
    minimum_spend = money_field(null=True)
    # Of Saleor's. No key: a variant that is gone makes the reward unredeemable, nothing more.
    variant_id = models.IntegerField(null=True)
    # Empty: all.
    channel_ids = ArrayField(models.IntegerField(), default=list)
    # Names of RFM groups, and slugs of customer segments.
    segments = ArrayField(models.CharField(max_length=SEGMENT_LENGTH), default=list)
    # Null: any number.
    stock = models.BigIntegerField(null=True)
    # Taken and not given back.
    redeemed_count = models.BigIntegerField(default=0)
    limit_per_customer = models.BigIntegerField(null=True)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    tier = models.ForeignKey(LoyaltyTier, on_delete=models.PROTECT, null=True, related_name="rewards")
    valid_days = models.PositiveIntegerField(null=True)
    is_active = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # Rewards are never removed, since redemptions name them.
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_loyalty_reward"
        constraints = [
            models.CheckConstraint(
                name="crm_reward_costs_points", condition=models.Q(cost__gt=0, cost__lte=COUNT_LIMIT)
            ),
            models.CheckConstraint(
                name="crm_reward_never_taken_more_often_than_in_stock",
                condition=models.Q(redeemed_count__gte=0)
                & (models.Q(stock__isnull=True) | models.Q(redeemed_count__lte=models.F("stock"))),
            ),
            models.CheckConstraint(
                name="crm_reward_ends_after_it_starts",
                condition=models.Q(starts_at__isnull=True)
                | models.Q(ends_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
            ),
            models.CheckConstraint(
                name="crm_reward_is_worth_what_its_kind_says",
                condition=models.Q(
                    kind=RewardKind.VOUCHER_PERCENTAGE.value,
                    percentage__isnull=False,
                    percentage__gt=0,
                    percentage__lte=PERCENT_LIMIT,
                    amount__isnull=True,
                    variant_id__isnull=True,
                )
                | models.Q(
                    ~models.Q(currency=""),
                    kind__in=[RewardKind.VOUCHER_FIXED.value, RewardKind.GIFT_CARD.value],
                    percentage__isnull=True,
                    amount__isnull=False,
                    amount__gt=0,
                    variant_id__isnull=True,
                )
                | models.Q(
                    kind=RewardKind.FREE_SHIPPING.value,
                    percentage__isnull=True,
                    amount__isnull=True,
                    variant_id__isnull=True,
                )
                | models.Q(
                    kind=RewardKind.PRODUCT.value,
                    percentage__isnull=True,
                    amount__isnull=True,
                    variant_id__isnull=False,
                ),
            ),
        ]

    @property
    def left(self) -> int | None:
        """How many can still be taken; None for any number."""
        return None if self.stock is None else self.stock - self.redeemed_count

    @property
    def definition(self) -> Reward:
        """The reward as the pure code knows it."""
        return Reward(
            name=self.name,
            kind=RewardKind(self.kind),
            cost=self.cost,
            description=self.description,
            percentage=self.percentage,
            amount=self.amount,
            currency=self.currency,
            minimum_spend=self.minimum_spend,
            variant_id=self.variant_id,
            channel_ids=frozenset(self.channel_ids),
            stock=self.stock,
            limit_per_customer=self.limit_per_customer,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            tier_id=self.tier_id,
            segments=frozenset(self.segments),
            valid_days=self.valid_days,
            is_active=self.is_active,
        )

    def define(self, reward: Reward) -> None:
        """Take over a valid definition."""
        self.name = reward.name.strip()
        self.kind = reward.kind.value
        self.cost = reward.cost
        self.description = reward.description
        self.percentage = reward.percentage
        self.amount = reward.amount
        self.currency = reward.currency
        self.minimum_spend = reward.minimum_spend
        self.variant_id = reward.variant_id
        self.channel_ids = sorted(reward.channel_ids)
        self.segments = sorted(reward.segments)
        self.stock = reward.stock
        self.limit_per_customer = reward.limit_per_customer
        self.starts_at = reward.starts_at
        self.ends_at = reward.ends_at
        self.tier_id = reward.tier_id
        self.valid_days = reward.valid_days
        self.is_active = reward.is_active


class RedemptionStatus(models.TextChoices):
    ISSUED = "issued"
    USED = "used"
    RETURNED = "returned"
    EXPIRED = "expired"


class RewardRedemption(models.Model):
    """A reward that a customer took, as it was then, and the code that carries it into the shop."""

    reward = models.ForeignKey(LoyaltyReward, on_delete=models.PROTECT, related_name="redemptions", db_index=False)
    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="redemptions", db_index=False)
    # The REDEEM that pays for it.
    entry = models.OneToOneField(PointsTransaction, on_delete=models.PROTECT, related_name="redemption")
    status = models.CharField(max_length=16, choices=RedemptionStatus.choices, default=RedemptionStatus.ISSUED)
    name = models.CharField(max_length=NAME_LENGTH)
    kind = models.CharField(max_length=KIND_LENGTH, choices=KINDS)
    cost = models.BigIntegerField()
    percentage = models.DecimalField(max_digits=6, decimal_places=3, null=True)
    amount = money_field(null=True)
    currency = models.CharField(max_length=CURRENCY_LENGTH)
    minimum_spend = money_field(null=True)
    variant_id = models.IntegerField(null=True)
    # Where the code can be used. No key into Saleor's table.
    channel_id = models.IntegerField()
    # Of the voucher or gift card.
    code = models.CharField(max_length=CODE_LENGTH)
    # The customer's own key, by which a repeated request is known.
    idempotency_key = models.CharField(max_length=KEY_LENGTH, null=True)
    created_at = models.DateTimeField()
    # From this moment on the code is worth nothing; null: never.
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    # The first order that carried the code.
    order_id = models.UUIDField(null=True)
    returned_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_reward_redemption"
        indexes = [
            models.Index(name="crm_redemption_of_account", fields=["account", "-id"]),
            models.Index(name="crm_redemption_of_reward", fields=["reward", "account"]),
            models.Index(
                name="crm_redemption_expiring",
                fields=["expires_at"],
                condition=models.Q(status=RedemptionStatus.ISSUED, expires_at__isnull=False),
            ),
            models.Index(
                name="crm_redemption_of_order", fields=["order_id"], condition=models.Q(order_id__isnull=False)
            ),
        ]
        constraints = [
            models.UniqueConstraint(name="crm_redemption_has_its_own_code", fields=["code"]),
            models.UniqueConstraint(
                name="crm_redemption_once_for_each_key",
                fields=["account", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
            ),
            models.CheckConstraint(
                name="crm_redemption_used_on_an_order",
                condition=~models.Q(status=RedemptionStatus.USED)
                | models.Q(order_id__isnull=False, used_at__isnull=False),
            ),
            models.CheckConstraint(
                name="crm_redemption_returned_at_a_time",
                condition=~models.Q(status=RedemptionStatus.RETURNED) | models.Q(returned_at__isnull=False),
            ),
            models.CheckConstraint(name="crm_redemption_cost_points", condition=models.Q(cost__gt=0)),
        ]
