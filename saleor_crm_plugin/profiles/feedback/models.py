"""What customers say about what they bought: one answer for an order, and one review for each of its lines.

The text is the customer's own, and can be blanked. A rating counts as soon as it is given; what others may read of a
review, staff decide.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models.functions import Coalesce

from saleor_crm_plugin.actors import actor_type_field
from saleor_crm_plugin.fields import saleor_key
from saleor_crm_plugin.profiles.models import CustomerProfile

SCORES = range(11)
RATINGS = range(1, 6)
TEXT_MAX_LENGTH = 2000


class ReviewState(models.TextChoices):
    # It has a text that nobody has looked at.
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


# Staff have rejected it; that its text was changed since does not make it count.
REJECTED = models.Q(state=ReviewState.REJECTED) | models.Q(state=ReviewState.PENDING, moderated_at__isnull=False)


SCORE_GIVEN_AT = Coalesce("scored_at", "created_at")


class OrderFeedback(models.Model):
    """A customer's answer for an order. `score`: how likely they are to recommend the shop, 0 to 10."""

    id = models.BigAutoField(primary_key=True)
    order_id = models.UUIDField(unique=True)
    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="feedback", db_index=False)
    channel_id = models.IntegerField()
    # None: only products were rated.
    score = models.SmallIntegerField(null=True)
    comment = models.CharField(max_length=TEXT_MAX_LENGTH, blank=True, default="")
    # Of the first answer, whatever it was about.
    created_at = models.DateTimeField()
    # A score may follow the ratings, long after the first answer. None also for one that a process of an earlier
    # version wrote: read `score_given_at`.
    scored_at = models.DateTimeField(null=True)
    # When it was last changed; None: never.
    edited_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_order_feedback"
        constraints = [
            models.CheckConstraint(
                name="crm_feedback_score_is_0_to_10",
                condition=models.Q(score__isnull=True) | models.Q(score__gte=SCORES[0], score__lte=SCORES[-1]),
            ),
            models.CheckConstraint(
                name="crm_feedback_moment_is_of_a_score",
                condition=models.Q(scored_at__isnull=True) | models.Q(score__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="crm_feedback_of_profile", fields=["profile", "-id"]),
            models.Index(SCORE_GIVEN_AT, name="crm_feedback_score_given", condition=models.Q(score__isnull=False)),
        ]

    @property
    def score_given_at(self) -> datetime | None:
        """None without a score."""
        return None if self.score is None else self.scored_at or self.created_at


class ProductReview(models.Model):
    """A customer's rating of a line of an order, 1 to 5, which counts for the line's product."""

    id = models.BigAutoField(primary_key=True)
    feedback = models.ForeignKey(OrderFeedback, on_delete=models.CASCADE, related_name="reviews")
    order_line_id = models.UUIDField(unique=True)
    product = saleor_key("product.Product", db_index=False)
    rating = models.SmallIntegerField()
    comment = models.CharField(max_length=TEXT_MAX_LENGTH, blank=True, default="")
    state = models.CharField(max_length=16, choices=ReviewState.choices)
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    # When staff decided. Of one that waits: when they rejected what it was before; null if they never did.
    moderated_at = models.DateTimeField(null=True)
    # Who moderated it.
    actor_type = actor_type_field()
    actor_id = models.IntegerField(null=True)

    class Meta:
        db_table = "crm_product_review"
        constraints = [
            models.CheckConstraint(
                name="crm_review_rating_is_1_to_5",
                condition=models.Q(rating__gte=RATINGS[0], rating__lte=RATINGS[-1]),
            ),
        ]
        indexes = [
            models.Index(name="crm_review_of_product", fields=["product", "state", "-id"]),
            models.Index(name="crm_review_to_moderate", fields=["-id"], condition=models.Q(state=ReviewState.PENDING)),
        ]

    @property
    def is_rejected(self) -> bool:
        """As `REJECTED`."""
        return self.state == ReviewState.REJECTED or (
            self.state == ReviewState.PENDING and self.moderated_at is not None
        )
