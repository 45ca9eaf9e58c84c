"""Reminders that went out: what keeps each from going out twice."""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.loyalty.models import LoyaltyAccount


class ReminderKind(models.TextChoices):
    # Points are about to expire; the subject is the day, as 2027-03-31.
    EXPIRY = "expiry"
    # A tier is about to be lost; the subject is the tier and the day, as 4:2027-03-31.
    TIER_LOSS = "tier_loss"


class LoyaltyReminder(models.Model):
    """Written before the reminder is sent: whoever writes the row sends it."""

    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="reminders", db_index=False)
    kind = models.CharField(max_length=16, choices=ReminderKind.choices)
    subject = models.CharField(max_length=64)
    sent_at = models.DateTimeField()

    class Meta:
        db_table = "crm_loyalty_reminder"
        constraints = [
            models.UniqueConstraint(name="crm_reminder_goes_out_once", fields=["account", "kind", "subject"]),
        ]
