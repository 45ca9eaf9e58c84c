"""Points: whole numbers, signed from the customer's side (an award is positive, a redemption negative).

For every account, after every step:

    sum(transactions.points) = active + pending - deficit
    active  = sum(remaining) of its ACTIVE lots          pending = sum(remaining) of its PENDING lots
    remaining of a lot = amount - sum(consumptions.points)
    held    = sum(points) of its open holds, and held <= active

`loyalty.ledger` is the only writer. `PointsTransaction` and `LotConsumption` are append-only: database triggers (first
migration) refuse every update and delete, but for blanking a reason, which erasure needs.
"""

from __future__ import annotations

import uuid

from django.db import models

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.fields import money_field, saleor_key

# What an order carries the worth of spent points by: a voucher's code, or the primary key of a gift card.
Carrier = str | int


class LoyaltyProgram(models.Model):
    """The channels that share one wallet. A channel that is in no other program belongs to the default one."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=128)
    is_default = models.BooleanField(default=False)

    class Meta:
        db_table = "crm_loyalty_program"
        constraints = [
            models.UniqueConstraint(
                name="crm_program_only_one_default", fields=["is_default"], condition=models.Q(is_default=True)
            ),
        ]


class LoyaltyAccount(models.Model):
    """A person's wallet in a program. The sums are caches of the ledger, provable by replay."""

    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="accounts", db_index=False)
    profile = models.ForeignKey("saleor_crm_plugin.CustomerProfile", on_delete=models.PROTECT, related_name="accounts")
    active = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    deficit = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    # All points ever awarded, less reversals; spending does not lower it.
    lifetime = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)
    # The account of the same person that has its points now (`loyalty.merging`).
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged")

    class Meta:
        db_table = "crm_loyalty_account"
        constraints = [
            models.UniqueConstraint(name="crm_account_one_per_person_and_program", fields=["program", "profile"]),
            models.CheckConstraint(name="crm_account_active_never_negative", condition=models.Q(active__gte=0)),
            models.CheckConstraint(name="crm_account_pending_never_negative", condition=models.Q(pending__gte=0)),
            models.CheckConstraint(name="crm_account_deficit_never_negative", condition=models.Q(deficit__gte=0)),
            models.CheckConstraint(
                name="crm_account_holds_only_active_points",
                condition=models.Q(held__gte=0, held__lte=models.F("active")),
            ),
            models.CheckConstraint(
                name="crm_account_merged_means_closed_and_empty",
                condition=models.Q(merged_into__isnull=True)
                | models.Q(closed_at__isnull=False, active=0, pending=0, deficit=0, held=0, lifetime=0),
            ),
        ]

    @property
    def spendable(self) -> int:
        """Points that can be spent now: active, and not held by a checkout."""
        return self.active - self.held

    @property
    def balance(self) -> int:
        """The ledger's sum."""
        return self.active + self.pending - self.deficit


class TransactionType(models.TextChoices):
    EARN = "earn"
    EARN_REVERSAL = "earn_reversal"
    # Earned by something other than an order: signing up, a birthday.
    EARN_ACTION = "earn_action"
    # For bringing a friend, or for being brought.
    REFERRAL = "referral"
    # For reaching a tier.
    TIER_GIFT = "tier_gift"
    REDEEM = "redeem"
    REDEEM_REVERSAL = "redeem_reversal"
    EXPIRE = "expire"
    # Expired points given back by staff.
    REINSTATE = "reinstate"
    ADJUST = "adjust"
    # Takes an ADJUST or REINSTATE back.
    VOID = "void"
    # The shop forgives a deficit that a reversal left, because the channel's policy says so; below 0, what was forgiven
    # before of points that are awarded again, or that come back from what they were spent on.
    WAIVER = "waiver"
    # Two accounts of one person become one: out of the one, into the other.
    MERGE_OUT = "merge_out"
    MERGE_IN = "merge_in"
    # Brought along from another loyalty system.
    IMPORT = "import"


# What counts as earned: in `LoyaltyAccount.lifetime`, and towards a tier. The audit's check "balances" names the same.
EARNINGS = (
    TransactionType.EARN,
    TransactionType.EARN_REVERSAL,
    TransactionType.EARN_ACTION,
    TransactionType.REFERRAL,
)


class PointsTransaction(models.Model):
    """An entry of the ledger. Never changed; a correction is another entry that points at it."""

    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="transactions", db_index=False)
    type = models.CharField(max_length=24, choices=TransactionType.choices)
    points = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=128)
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="reversed_by")
    # The order that caused it. No key into Saleor's table: the ledger must not hinder it.
    order_id = models.UUIDField(null=True)
    actor_type = actor_type_field()
    # Primary key of the user or app, by actor_type.
    actor_id = models.IntegerField(null=True)
    reason = models.CharField(max_length=255, blank=True, default="")
    # What the points were computed from: the terms and amounts as they were (`awards.Award.as_breakdown`).
    breakdown = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    # The moment from which points earned count towards a tier; a reversal has that of its award. Null for all others.
    earned_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_points_transaction"
        indexes = [
            models.Index(name="crm_transaction_statement", fields=["account", "-id"]),
            # A customer's timeline goes by time, which imported entries have of their own.
            models.Index(name="crm_transaction_timeline", fields=["account", "-created_at", "-id"]),
            models.Index(
                name="crm_transaction_of_order", fields=["order_id"], condition=models.Q(order_id__isnull=False)
            ),
            models.Index(
                name="crm_transaction_earned",
                fields=["account", "earned_at"],
                condition=models.Q(earned_at__isnull=False),
            ),
            # What has happened since a moment (`loyalty.liability`).
            models.Index(name="crm_transaction_since", fields=["created_at"]),
        ]
        constraints = [
            # By bytes, so that one index also finds keys that begin alike.
            models.UniqueConstraint(
                name="crm_transaction_is_posted_once", fields=["idempotency_key"], opclasses=["varchar_pattern_ops"]
            ),
            models.CheckConstraint(name="crm_transaction_moves_points", condition=~models.Q(points=0)),
            models.CheckConstraint(
                name="crm_transaction_earnings_say_when",
                condition=models.Q(type__in=EARNINGS, earned_at__isnull=False)
                | (~models.Q(type__in=EARNINGS) & models.Q(earned_at__isnull=True)),
            ),
        ]


class LotStatus(models.TextChoices):
    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class PointsLot(models.Model):
    """Points that were awarded together and expire together. Spent soonest expiry first, never-expiring last."""

    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="lots")
    transaction = models.OneToOneField(PointsTransaction, on_delete=models.PROTECT, related_name="lot")
    status = models.CharField(max_length=16, choices=LotStatus.choices)
    amount = models.BigIntegerField()
    remaining = models.BigIntegerField()
    available_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    # The lot of a merged account that the points came from, to which they return.
    origin = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="moved_to")

    class Meta:
        db_table = "crm_points_lot"
        indexes = [
            models.Index(
                name="crm_lot_spending_order",
                fields=["account", "expires_at", "id"],
                condition=models.Q(remaining__gt=0),
            ),
            models.Index(name="crm_lot_waiting", fields=["available_at"], condition=models.Q(status=LotStatus.PENDING)),
            models.Index(
                name="crm_lot_expiring",
                fields=["expires_at"],
                condition=models.Q(status=LotStatus.ACTIVE, remaining__gt=0, expires_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="crm_lot_remaining_within_amount",
                condition=models.Q(amount__gt=0, remaining__gte=0, remaining__lte=models.F("amount")),
            ),
            models.CheckConstraint(
                name="crm_lot_closed_means_empty",
                condition=models.Q(status__in=[LotStatus.PENDING, LotStatus.ACTIVE]) | models.Q(remaining=0),
            ),
        ]


class LotConsumption(models.Model):
    """How many points of a lot an entry used up (positive) or gave back (negative). Append-only."""

    transaction = models.ForeignKey(PointsTransaction, on_delete=models.PROTECT, related_name="consumptions")
    lot = models.ForeignKey(PointsLot, on_delete=models.PROTECT, related_name="consumptions")
    points = models.BigIntegerField()
    # When points that a checkout gave up paid what the account owed: no entry is posted then, and this belongs to the
    # one that opened the lot. Null: when the entry was made, or the lot became active.
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_lot_consumption"
        indexes = [
            # What has happened since a moment (`loyalty.liability`).
            models.Index(
                name="crm_consumption_settled", fields=["settled_at"], condition=models.Q(settled_at__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(name="crm_consumption_moves_points", condition=~models.Q(points=0)),
        ]


class HoldStatus(models.TextChoices):
    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"


class HoldForm(models.TextChoices):
    VOUCHER = "voucher"
    GIFT_CARD = "gift_card"


class PointsHold(models.Model):
    """Points set aside for a checkout, and the voucher or gift card that carries their worth into the order."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="holds")
    # Primary key of the checkout, which Saleor deletes when it becomes an order.
    checkout_token = models.UUIDField()
    # What the customer asked for. A checkout that shrinks takes fewer, one that grows again takes more, up to these.
    requested = models.BigIntegerField()
    points = models.BigIntegerField()
    amount = money_field()
    currency = models.CharField(max_length=3)
    form = models.CharField(max_length=16, choices=HoldForm.choices, default=HoldForm.VOUCHER)
    # Of the voucher. That of a gift card is as good as money, and kept nowhere but on the card.
    code = models.CharField(max_length=64, null=True)
    gift_card = saleor_key("giftcard.GiftCard", unique=True, null=True)
    status = models.CharField(max_length=16, choices=HoldStatus.choices, default=HoldStatus.HELD)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # The first one that carried it. Of one checkout with a voucher and a gift card of points, both have the same.
    order_id = models.UUIDField(null=True)

    class Meta:
        db_table = "crm_points_hold"
        indexes = [
            models.Index(name="crm_hold_timing_out", fields=["expires_at"], condition=models.Q(status=HoldStatus.HELD)),
        ]
        constraints = [
            models.UniqueConstraint(
                name="crm_hold_one_open_per_checkout",
                fields=["checkout_token"],
                condition=models.Q(status=HoldStatus.HELD),
            ),
            models.UniqueConstraint(name="crm_hold_has_its_own_code", fields=["code"]),
            models.CheckConstraint(name="crm_hold_holds_points", condition=models.Q(points__gt=0, amount__gt=0)),
            models.CheckConstraint(
                name="crm_hold_never_more_than_asked_for", condition=models.Q(points__lte=models.F("requested"))
            ),
            models.CheckConstraint(
                name="crm_hold_has_one_carrier",
                condition=models.Q(form=HoldForm.VOUCHER, code__isnull=False, gift_card__isnull=True)
                | models.Q(form=HoldForm.GIFT_CARD, code__isnull=True, gift_card__isnull=False),
            ),
        ]

    @property
    def carrier(self) -> Carrier:
        """How an order names it: the code of the voucher, or the primary key of the gift card."""
        carrier: Carrier | None = self.code if self.form == HoldForm.VOUCHER else self.gift_card_id
        assert carrier is not None
        return carrier


class AccountMerge(models.Model):
    """Two accounts of one person became one; undone, they are two again (`loyalty.separating`)."""

    source = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="merges")
    target = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="merges_in")
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    merged_at = models.DateTimeField()
    # The newest entry of the target before it; 0 if there was none.
    after_entry_id = models.BigIntegerField()
    # None: cannot be undone.
    undo_until = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_account_merge"
        constraints = [
            models.UniqueConstraint(
                name="crm_merge_one_at_a_time", fields=["source"], condition=models.Q(undone_at__isnull=True)
            ),
            models.CheckConstraint(name="crm_merge_of_two_accounts", condition=~models.Q(source=models.F("target"))),
        ]
