"""Takes a customer's answer in, and lets them change it for a while.

What may be rated is passed in (`Purchase`): who bought it and what was sent is the caller's to know. Everything that
one request says is stored, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, transaction

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.feedback.models import (
    RATINGS,
    SCORES,
    TEXT_MAX_LENGTH,
    OrderFeedback,
    ProductReview,
    ReviewState,
)
from saleor_crm_plugin.profiles.privacy.erasing import deleted_ones
from saleor_crm_plugin.texts import can_be_stored
from saleor_crm_plugin.waiting import wait_for_erasures

# Lines of one order that one request may rate.
REVIEWS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Rating:
    """What the customer says about one line. In a change, None leaves a value as it is."""

    line_id: UUID
    rating: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the customer says about an order and its lines. In a change, None leaves a value as it is."""

    score: int | None = None
    comment: str | None = None
    ratings: Sequence[Rating] = ()


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order as its buyer may rate it.

    Attributes:
        open_until: until when an answer is taken.
        products: line id -> id of the product; the lines that were sent and whose product is still known.
    """

    order_id: UUID
    channel_id: int
    open_until: datetime
    products: Mapping[UUID, int] = field(default_factory=dict)


def give(profile_id: int, purchase: Purchase, answer: Answer, *, moderated: bool, now: datetime) -> OrderFeedback:
    """Store an answer. A second one for the same order adds what the first left out.

    Args:
        moderated: whether texts about products wait until staff have approved them.

    Raises:
        CustomerInputError: `INVALID`, `REQUIRED`; `NOT_APPLICABLE` once it is too late, or for who was deleted on
            request; `NOT_FOUND` for a line that is none of the order's or was not sent; `UNIQUE` if this was rated
            before.
    """
    _check(answer)
    comment = (answer.comment or "").strip()
    if answer.score is None and not comment and not answer.ratings:
        raise CustomerInputError("Give a score, or rate at least one product.", "REQUIRED", "score")
    if now > purchase.open_until:
        raise CustomerInputError("It is too late to rate this order.", "NOT_APPLICABLE", "orderId")
    reviews = [_review(each, purchase, moderated, now) for each in answer.ratings]
    with transaction.atomic():
        # Before the answer is locked, as an erasure does it.
        wait_for_erasures([profile_id], DEFAULT_DB_ALIAS)
        _refuse_deleted(profile_id)
        OrderFeedback.objects.bulk_create(
            [
                OrderFeedback(
                    order_id=purchase.order_id, profile_id=profile_id, channel_id=purchase.channel_id, created_at=now
                )
            ],
            ignore_conflicts=True,
        )
        kept = OrderFeedback.objects.select_for_update().get(order_id=purchase.order_id)
        _give_to(kept, profile_id)
        if answer.score is not None or comment:
            _add_to(kept, answer.score, comment, now)
        if ProductReview.objects.filter(order_line_id__in=[each.line_id for each in answer.ratings]).exists():
            raise _given_before("orderLineId")
        for review in reviews:
            review.feedback = kept
        ProductReview.objects.bulk_create(reviews)
    return kept


def change(
    order_id: UUID, profile_id: int, answer: Answer, *, edit_days: int, moderated: bool, now: datetime
) -> OrderFeedback:
    """Change an answer; texts that change are looked at by staff again.

    A review that staff have rejected counts for nothing whatever its writer makes of it, until they decide again.

    Args:
        profile_id: whose order it is.
        edit_days: for how long after it was given.

    Raises:
        CustomerInputError: `INVALID`; `NOT_FOUND`: the order has no answer; `NOT_APPLICABLE`: too late, or they were
            deleted on request.
    """
    _check(answer)
    with transaction.atomic():
        wait_for_erasures([profile_id], DEFAULT_DB_ALIAS)
        kept = OrderFeedback.objects.select_for_update().filter(order_id=order_id).first()
        if kept is None:
            raise not_rated()
        _refuse_deleted(profile_id)
        _give_to(kept, profile_id)
        within = timedelta(days=edit_days)
        if answer.score is not None or answer.comment is not None:
            given_at = kept.score_given_at
            if given_at is None:
                raise CustomerInputError("You have given no score for this order.", "NOT_FOUND", "score")
            _require_open(given_at, within, now, "score")
            kept.score = kept.score if answer.score is None else answer.score
            kept.comment = kept.comment if answer.comment is None else answer.comment.strip()
            kept.edited_at = now
            kept.save(update_fields=["score", "comment", "edited_at"])
        # Staff who decide about a review lock it alone: the lock of the answer does not keep them out.
        rows = kept.reviews.select_for_update().order_by("pk")
        rows = rows.filter(order_line_id__in=[each.line_id for each in answer.ratings])
        reviews = {review.order_line_id: review for review in rows}
        reworded = []
        for each in answer.ratings:
            review = reviews.get(each.line_id)
            if review is None:
                raise CustomerInputError("You have not rated this line.", "NOT_FOUND", "orderLineId")
            _require_open(review.created_at, within, now, "orderLineId")
            review.rating = review.rating if each.rating is None else each.rating
            if each.comment is not None and each.comment.strip() != review.comment:
                review.comment = each.comment.strip()
                if review.is_rejected:
                    # Back to staff, who have rejected it before: until they decide again, it counts for nothing.
                    review.state = ReviewState.PENDING
                else:
                    review.state = _first_state(review.comment, moderated)
                    # Whoever has decided decided about another text.
                    review.moderated_at = review.actor_id = None
                    review.actor_type = SYSTEM.type
                reworded.append(review)
            review.edited_at = now
        ProductReview.objects.bulk_update(reviews.values(), ["rating", "edited_at"])
        ProductReview.objects.bulk_update(reworded, ["comment", "state", "moderated_at", "actor_type", "actor_id"])
    return kept


def not_rated() -> CustomerInputError:
    return CustomerInputError("You have not rated this order.", "NOT_FOUND", "orderId")


def _refuse_deleted(profile_id: int) -> None:
    if deleted_ones([profile_id], DEFAULT_DB_ALIAS):
        raise CustomerInputError(
            "Your data was deleted: nothing is written down about you any more.", "NOT_APPLICABLE", "orderId"
        )


def _give_to(kept: OrderFeedback, profile_id: int) -> None:
    """The answer is with whoever has the order: it passes on where an account is deleted and registered again."""
    if kept.profile_id != profile_id:
        kept.profile_id = profile_id
        kept.save(update_fields=["profile"])


def _add_to(kept: OrderFeedback, score: int | None, comment: str, now: datetime) -> None:
    """
    Raises:
        CustomerInputError: `UNIQUE` if it was said before; `REQUIRED` for a text without a score.
    """
    if score is not None:
        if kept.score is not None:
            raise _given_before("score")
        kept.score, kept.scored_at = score, now
    if comment:
        if kept.score is None:
            raise CustomerInputError("Give a score with the comment.", "REQUIRED", "score")
        if kept.comment:
            raise _given_before("comment")
        kept.comment = comment
    kept.save(update_fields=["score", "comment", "scored_at"])


def _review(said: Rating, purchase: Purchase, moderated: bool, now: datetime) -> ProductReview:
    if said.line_id not in purchase.products:
        raise CustomerInputError("The order has no such line that was sent.", "NOT_FOUND", "orderLineId")
    if said.rating is None:
        raise CustomerInputError("Give each product a rating.", "REQUIRED", "rating")
    comment = (said.comment or "").strip()
    return ProductReview(
        order_line_id=said.line_id,
        product_id=purchase.products[said.line_id],
        rating=said.rating,
        comment=comment,
        state=_first_state(comment, moderated),
        created_at=now,
    )


def _first_state(comment: str, moderated: bool) -> ReviewState:
    return ReviewState.PENDING if moderated and comment else ReviewState.APPROVED


def _check(answer: Answer) -> None:
    if answer.score is not None and answer.score not in SCORES:
        raise CustomerInputError(f"From {SCORES[0]} to {SCORES[-1]}.", "INVALID", "score")
    _check_text(answer.comment)
    if len(answer.ratings) > REVIEWS_LIMIT:
        raise CustomerInputError(f"At most {REVIEWS_LIMIT} products at once.", "INVALID", "products")
    if len({each.line_id for each in answer.ratings}) < len(answer.ratings):
        raise CustomerInputError("Name each line once.", "INVALID", "orderLineId")
    for each in answer.ratings:
        if each.rating is not None and each.rating not in RATINGS:
            raise CustomerInputError(f"From {RATINGS[0]} to {RATINGS[-1]}.", "INVALID", "rating")
        _check_text(each.comment)


def _check_text(text: str | None) -> None:
    if text is None:
        return
    if len(text.strip()) > TEXT_MAX_LENGTH:
        raise CustomerInputError(f"At most {TEXT_MAX_LENGTH} characters.", "INVALID", "comment")
    if not can_be_stored(text):
        raise CustomerInputError("The text has a character that cannot be stored.", "INVALID", "comment")


def _require_open(given_at: datetime, within: timedelta, now: datetime, field_name: str) -> None:
    if now > given_at + within:
        raise CustomerInputError(
            f"It can be changed for {within.days} days after it was given.", "NOT_APPLICABLE", field_name
        )


def _given_before(field_name: str) -> CustomerInputError:
    return CustomerInputError(
        "You have rated this before. Use customerFeedbackUpdate to change it.", "UNIQUE", field_name
    )
