"""Who brought whom. A code belongs to an account; a friend applies it before their first order.

The order's sync writes what is so (`order_id`, `reward_at`); the periodic task compares that with the status and posts
to the ledger. A refused attempt stays, for staff, and hinders nothing.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Upper

from saleor_crm_plugin.loyalty.models import LoyaltyAccount


class ReferralCode(models.Model):
    account = models.OneToOneField(LoyaltyAccount, on_delete=models.PROTECT, related_name="referral_code")
    # Upper case, so that there is one for all spellings (`codes.normalize`).
    code = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "crm_referral_code"
        constraints = [
            models.UniqueConstraint(name="crm_referral_code_is_of_one_account", fields=["code"]),
            models.CheckConstraint(name="crm_referral_code_is_upper_case", condition=models.Q(code=Upper("code"))),
        ]


class ReferralStatus(models.TextChoices):
    # The friend has not bought yet, or nothing of it is left.
    APPLIED = "applied"
    # The first order is there; its return window is not over.
    QUALIFIED = "qualified"
    # Both got what the rules give.
    REWARDED = "rewarded"
    # The order was undone after that; the points are still to be taken back.
    UNDONE = "undone"
    # They were.
    REVERSED = "reversed"
    REFUSED = "refused"


class RefusalReason(models.TextChoices):
    NOT_FOUND = "not_found"
    SELF_REFERRAL = "self_referral"
    ALREADY_CUSTOMER = "already_customer"
    ALREADY_REFERRED = "already_referred"
    # The friend's first order went to an address and a last name that are the referrer's.
    SAME_HOUSEHOLD = "same_household"


class Referral(models.Model):
    """A friend who applied a code, or tried to."""

    # Null where what was entered is nobody's code.
    code = models.ForeignKey(ReferralCode, on_delete=models.PROTECT, null=True, related_name="referrals")
    # Its index is "attempts".
    friend = models.ForeignKey(
        LoyaltyAccount, on_delete=models.PROTECT, related_name="referrals_applied", db_index=False
    )
    status = models.CharField(max_length=16, choices=ReferralStatus.choices)
    refusal = models.CharField(max_length=24, choices=RefusalReason.choices, blank=True, default="")
    applied_at = models.DateTimeField()
    # The friend's first order. No key into Saleor's table, as in the ledger.
    order_id = models.UUIDField(null=True)
    channel_id = models.IntegerField(null=True)
    placed_at = models.DateTimeField(null=True)
    # When the order's return window is over; null while it does not qualify, or once nothing of it is kept.
    reward_at = models.DateTimeField(null=True)
    # When the status became what it is.
    decided_at = models.DateTimeField()
    # How often it was rewarded; more than once if a refund was itself undone. Tells the entries' keys apart.
    rewards = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "crm_referral"
        indexes = [
            models.Index(name="crm_referral_of_order", fields=["order_id"], condition=models.Q(order_id__isnull=False)),
            models.Index(
                name="crm_referral_to_reward",
                fields=["reward_at"],
                condition=models.Q(status=ReferralStatus.QUALIFIED),
            ),
            models.Index(
                name="crm_referral_to_take_back",
                fields=["id"],
                condition=models.Q(status=ReferralStatus.UNDONE),
            ),
            models.Index(name="crm_referral_attempts", fields=["friend", "applied_at"]),
        ]
        constraints = [
            models.UniqueConstraint(
                name="crm_referral_one_per_friend",
                fields=["friend"],
                condition=~models.Q(status=ReferralStatus.REFUSED),
            ),
            models.CheckConstraint(
                name="crm_referral_refused_with_a_reason",
                condition=models.Q(status=ReferralStatus.REFUSED, refusal__gt="")
                | (~models.Q(status=ReferralStatus.REFUSED) & models.Q(refusal="", code__isnull=False)),
            ),
            models.CheckConstraint(
                name="crm_referral_qualifies_with_an_order",
                condition=~models.Q(
                    status__in=[ReferralStatus.QUALIFIED, ReferralStatus.REWARDED, ReferralStatus.UNDONE]
                )
                | models.Q(order_id__isnull=False, channel_id__isnull=False, placed_at__isnull=False),
            ),
        ]
