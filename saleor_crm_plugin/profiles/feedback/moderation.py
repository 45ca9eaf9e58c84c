"""Staff decide which reviews others may read."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.feedback.models import ProductReview, ReviewState


def moderate(
    review_id: int, state: ReviewState, actor: Actor, now: datetime, *, seen_comment: str | None = None
) -> ProductReview:
    """Approve or reject a review. A rejected one counts for nothing and is shown to nobody but its writer and staff.

    Args:
        seen_comment: the text that was decided about; None: whatever it is now.

    Raises:
        CustomerInputError: `NOT_FOUND`; `INVALID`: a review cannot be sent back to the queue; `NOT_APPLICABLE`: its
            text is another one by now.
    """
    if state == ReviewState.PENDING:
        raise CustomerInputError("Approve it or reject it.", "INVALID", "state")
    with transaction.atomic():
        review = (
            ProductReview.objects.select_for_update(of=("self",))
            .select_related("feedback__profile")
            .filter(pk=review_id)
            .first()
        )
        if review is None:
            raise CustomerInputError("There is no such review.", "NOT_FOUND", "reviewId")
        if seen_comment is not None and seen_comment.strip() != review.comment:
            raise CustomerInputError(
                "The customer has changed the text since. Read it again, then decide.", "NOT_APPLICABLE", "seenComment"
            )
        review.state, review.moderated_at = state, now
        review.actor_type, review.actor_id = actor.type, actor.id
        review.save(update_fields=["state", "moderated_at", "actor_type", "actor_id"])
    return review
