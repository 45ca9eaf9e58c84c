"""A customer rates while staff decide about reviews, or forget the customer, on real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion import feedback
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.feedback.giving import Answer, Purchase, Rating, change, give
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview, ReviewState
from saleor_crm_plugin.profiles.feedback.moderation import moderate
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel
from tests.concurrently import JOIN_SECONDS, at_once, behind, no_errors, others_who_wait
from tests.devshop.factories import fulfill_order, make_channel, make_customer, make_order, make_product

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
STAFF = Actor(ActorType.STAFF, 7)
APPROVED, PENDING, REJECTED = ReviewState.APPROVED, ReviewState.PENDING, ReviewState.REJECTED
ROUNDS = 20


@pytest.fixture
def reviews() -> tuple[ProductReview, ProductReview]:
    """Of two lines of one order."""
    channel = make_channel()
    apple = make_product("Apple", 20, channel, stock=None)
    feedback = OrderFeedback.objects.create(
        order_id=uuid4(), profile=CustomerProfile.objects.create(), channel_id=channel.pk, created_at=NOW
    )
    first, second = (
        feedback.reviews.create(
            order_line_id=uuid4(), product=apple, rating=4, comment="Crisp", state=PENDING, created_at=NOW
        )
        for _ in range(2)
    )
    return first, second


def edit(feedback: OrderFeedback, *ratings: Rating) -> OrderFeedback:
    answer = Answer(ratings=ratings)
    return change(feedback.order_id, feedback.profile_id, answer, edit_days=14, moderated=True, now=NOW)


def rate_first(profile: CustomerProfile) -> OrderFeedback:
    purchase = Purchase(uuid4(), make_channel().pk, open_until=NOW + timedelta(days=1))
    return give(profile.pk, purchase, Answer(9, "I am Ann"), moderated=True, now=NOW)


def erase(profile: CustomerProfile, level: ErasureLevel) -> None:
    erase_customer(profile.pk, level, STAFF)


def decided(review: ProductReview) -> tuple[int, str, str, datetime | None]:
    review.refresh_from_db()
    return review.rating, review.comment, review.state, review.moderated_at


def test_what_staff_decide_meanwhile_stays_unless_the_text_changes(reviews):
    reworded, rated = reviews

    def reject_both() -> None:
        for review in reviews:
            moderate(review.pk, REJECTED, STAFF, NOW)

    behind(
        reject_both,
        lambda: edit(
            rated.feedback,
            Rating(rated.order_line_id, rating=1, comment="Crisp"),
            Rating(reworded.order_line_id, comment="Sweet"),
        ),
    )
    assert decided(rated) == (1, "Crisp", REJECTED, NOW)
    # With the moment of the rejection, it waits and does not count.
    assert decided(reworded) == (4, "Sweet", PENDING, NOW)


def test_a_text_that_changes_meanwhile_is_not_approved(reviews):
    review, _ = reviews
    with pytest.raises(CustomerInputError) as refused:
        behind(
            lambda: edit(review.feedback, Rating(review.order_line_id, comment="Sweet")),
            lambda: moderate(review.pk, APPROVED, STAFF, NOW, seen_comment="Crisp"),
        )
    assert (refused.value.code, refused.value.field) == ("NOT_APPLICABLE", "seenComment")
    assert decided(review) == (4, "Sweet", PENDING, None)


def test_whoever_comes_first_nobody_reads_what_staff_have_not(reviews):
    first, second = reviews
    for number in range(ROUNDS):
        ProductReview.objects.update(comment="Crisp", state=PENDING, moderated_at=None)
        texts = [Rating(review.order_line_id, comment=f"Sweet {number}") for review in (second, first)]
        *edits, one, other = at_once(
            [
                partial(edit, first.feedback, *texts),
                partial(edit, first.feedback, *reversed(texts)),
                *(partial(moderate, review.pk, APPROVED, STAFF, NOW, seen_comment="Crisp") for review in reviews),
            ]
        )
        no_errors(edits)
        for outcome in (one, other):
            if isinstance(outcome, Exception):
                assert isinstance(outcome, CustomerInputError), outcome
        assert [decided(review) for review in reviews] == [(4, f"Sweet {number}", PENDING, None)] * 2


def test_who_is_being_deleted_rates_nothing_for_the_first_time():
    ann = CustomerProfile.objects.create()
    with pytest.raises(CustomerInputError) as refused:
        behind(partial(erase, ann, ErasureLevel.DELETE), partial(rate_first, ann))
    assert refused.value.code == "NOT_APPLICABLE"
    assert not OrderFeedback.objects.exists()


@pytest.mark.parametrize(("level", "left"), [(ErasureLevel.ANONYMISE, [(9, "")]), (ErasureLevel.DELETE, [])])
def test_a_first_rating_that_is_being_stored_is_forgotten(level, left):
    ann = CustomerProfile.objects.create()
    behind(partial(rate_first, ann), partial(erase, ann, level))
    assert list(OrderFeedback.objects.values_list("score", "comment")) == left


def test_who_is_forgotten_while_they_rate_is_so_once_they_have_got_points_for_it(monkeypatch):
    """The answer is with Ann, the points are with Ben, into whom she was merged."""
    ben, ann = make_customer("ben@example.com"), make_customer("ann@example.com")
    head, own = (resolve_profiles([person])[person] for person in (UserPerson(ben.pk), UserPerson(ann.pk)))
    merge_customers(own, head, STAFF, NOW)
    order = make_order(ann, lines=[(make_product(), 1)])
    fulfill_order(order)
    give_points, erasures = feedback._award, []
    with others_who_wait() as let_wait:

        def once_the_erasure_has_begun(profile_id: int, *args: object) -> None:
            erasures.append(let_wait(partial(erase_customer, head, ErasureLevel.DELETE, STAFF)))
            ensure(default_program_id(), [profile_id], "default")
            give_points(profile_id, *args)

        monkeypatch.setattr(feedback, "_award", once_the_erasure_has_begun)
        feedback.give_feedback(ann, order.pk, Answer(score=9))
        erasures[0].result(JOIN_SECONDS)
    assert not OrderFeedback.objects.exists()
    assert LoyaltyAccount.objects.get().closed_at is not None
