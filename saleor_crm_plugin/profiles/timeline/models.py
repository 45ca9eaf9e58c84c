"""What happened to a customer, and has no row of its own elsewhere. Rows are added, never changed.

Three things may be done to a row: its details are blanked (retention, erasure), it moves to another profile of the
same person (merge), and it goes with its profile.
"""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.profiles.models import CustomerProfile


class EventKind(models.TextChoices):
    ACCOUNT_CREATED = "account_created"
    ACCOUNT_CONFIRMED = "account_confirmed"
    CHECKOUT_STARTED = "checkout_started"
    CHECKOUT_CHANGED = "checkout_changed"
    CHECKOUT_ABANDONED = "checkout_abandoned"
    ORDER_PLACED = "order_placed"
    ORDER_PAID = "order_paid"
    # Goods were sent. That they arrived, no version of Saleor says.
    ORDER_FULFILLED = "order_fulfilled"
    ORDER_RETURNED = "order_returned"
    ORDER_REFUNDED = "order_refunded"
    ORDER_CANCELLED = "order_cancelled"
    SEGMENT_ENTERED = "segment_entered"
    SEGMENT_LEFT = "segment_left"
    LIFECYCLE_CHANGED = "lifecycle_changed"
    CUSTOMER_TYPE_CHANGED = "customer_type_changed"
    TAG_ASSIGNED = "tag_assigned"
    TAG_UNASSIGNED = "tag_unassigned"
    PROFILE_MERGED = "profile_merged"
    PROFILE_SEPARATED = "profile_separated"
    DATA_EXPORTED = "data_exported"
    DATA_ERASED = "data_erased"


class SubjectType(models.TextChoices):
    """What an event is about; `subject_id` is its primary key as text."""

    NONE = ""
    USER = "user"
    ORDER = "order"
    CHECKOUT = "checkout"
    SEGMENT = "segment"
    PROFILE = "profile"


class ProfileEvent(models.Model):
    id = models.BigAutoField(primary_key=True)
    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=32, choices=EventKind.choices)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    # Names the happening: recording it again changes nothing. Never holds personal data.
    key = models.CharField(max_length=128)
    subject_type = models.CharField(max_length=16, choices=SubjectType.choices, blank=True, default=SubjectType.NONE)
    subject_id = models.CharField(max_length=64, blank=True, default="")
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)
    # What else there is to say, for example an amount; blanked after the days that the shop keeps details.
    details = models.JSONField(default=dict)

    class Meta:
        db_table = "crm_profile_event"
        indexes = [
            models.Index(name="crm_event_timeline", fields=["profile", "-happened_at", "-id"]),
            # What retention has still to blank, oldest first: it shrinks as it is worked off.
            models.Index(name="crm_event_with_details", fields=["happened_at"], condition=~models.Q(details={})),
        ]
        constraints = [
            # By bytes, so that it also finds all events whose keys begin alike: Django's unique=True would take two
            # indexes for that, the largest that there are.
            models.UniqueConstraint(
                name="crm_event_is_recorded_once", fields=["key"], opclasses=["varchar_pattern_ops"]
            ),
        ]
