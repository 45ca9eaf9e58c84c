"""Events as rows. Rows are added and, when they are old, deleted; the one change is that a row forgets whose it is.

There is no text of anybody's in them, no address and no device. A visitor is a digest of an id that the storefront made
up, a customer is the id of the profile.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

# A list is shown in part: nobody scrolls further.
POSITION_LIMIT = 1_000


class EventType(models.TextChoices):
    SHOWN = "shown"
    CLICKED = "clicked"
    ADDED = "added"
    # A product page, whatever led there.
    VIEWED = "viewed"


class RecommendationEvent(models.Model):
    # Names the event: recording it again changes nothing (`identity.event_key`).
    id = models.UUIDField(primary_key=True)
    type = models.CharField(max_length=8, choices=EventType.choices)
    # Of the list, a value of `RecommendationKind`; empty for a product page.
    kind = models.CharField(max_length=32, blank=True, default="", db_default="")
    product_id = models.IntegerField()
    channel_id = models.IntegerField()
    # In the list, from 1.
    position = models.SmallIntegerField(null=True)
    # The model in use when the event was recorded. No key: old models are deleted, events tell of them for longer.
    model_id = models.BigIntegerField(null=True)
    profile = models.ForeignKey(
        "saleor_crm_plugin.CustomerProfile", on_delete=models.CASCADE, related_name="+", null=True, db_index=False
    )
    # `identity.session_digest`.
    session = models.UUIDField(null=True)
    # Whether the customer was in the hold-out then (`holdout`).
    held_out = models.BooleanField(default=False, db_default=False)
    occurred_at = models.DateTimeField()

    class Meta:
        db_table = "crm_recommendation_event"
        indexes = [
            models.Index(name="crm_rec_event_age", fields=["occurred_at"]),
            models.Index(
                name="crm_rec_event_of_profile", fields=["profile", "occurred_at"], condition=Q(profile__isnull=False)
            ),
            models.Index(
                name="crm_rec_event_of_session", fields=["session", "occurred_at"], condition=Q(session__isnull=False)
            ),
            # Of views alone, few among the events: what somebody looked at last is asked for with every page.
            models.Index(
                name="crm_rec_view_of_profile",
                fields=["profile", "-occurred_at"],
                condition=Q(type="viewed", profile__isnull=False),
            ),
            models.Index(
                name="crm_rec_view_of_session",
                fields=["session", "-occurred_at"],
                condition=Q(type="viewed", profile__isnull=True, session__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="crm_rec_event_has_a_list_unless_it_is_a_view",
                condition=Q(type=EventType.VIEWED, kind="", position__isnull=True)
                | ~Q(type=EventType.VIEWED) & ~Q(kind=""),
            ),
            models.CheckConstraint(
                name="crm_rec_event_position_is_in_the_list",
                condition=Q(position__isnull=True) | Q(position__gte=1, position__lte=POSITION_LIMIT),
            ),
        ]


class EventQuota(models.Model):
    """How many events somebody, or the whole shop, has sent in a minute. Deleted soon after."""

    # A digest of who and of which minute: two minutes of the same visitor cannot be put together.
    id = models.UUIDField(primary_key=True)
    minute = models.DateTimeField()
    events = models.IntegerField()

    class Meta:
        db_table = "crm_recommendation_quota"
        indexes = [models.Index(name="crm_rec_quota_age", fields=["minute"])]
