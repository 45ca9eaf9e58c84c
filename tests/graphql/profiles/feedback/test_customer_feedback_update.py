"""`customerFeedbackUpdate`: a customer changes their mind, for a while."""

from __future__ import annotations

from datetime import timedelta
from json import dumps

import pytest

from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.graphql.client import global_id
from tests.graphql.profiles.feedback.conftest import MAY
from tests.graphql.profiles.feedback.requests import UPDATE, create, refusal, update
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

LATER = MAY + timedelta(days=3)


def test_a_score_that_followed_can_be_changed_as_long_after_it(as_ann, order_id, line_id):
    create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 4}])
    scored = MAY + timedelta(days=100)
    create(as_ann, order_id, score=1, at=scored)
    assert update(as_ann, order_id, score=9, at=scored + timedelta(days=14))["feedback"]["score"] == 9
    late = update(as_ann, order_id, score=2, at=scored + timedelta(days=14, seconds=1))
    assert refusal(late) == ("score", "NOT_APPLICABLE")
    of_the_rating = update(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 1}], at=scored)
    assert refusal(of_the_rating) == ("orderLineId", "NOT_APPLICABLE")


@pytest.fixture
def said(as_ann, order_id, line_id):
    return create(
        as_ann, order_id, score=9, comment="Fine", products=[{"orderLineId": line_id, "rating": 4, "comment": "Crisp"}]
    )


def test_what_is_left_out_stays(as_ann, order_id, line_id, said):
    ProductReview.objects.update(state="approved")
    changed = update(as_ann, order_id, at=LATER, score=2, products=[{"orderLineId": line_id, "rating": 1}])["feedback"]
    assert (changed["score"], changed["comment"], changed["editedAt"]) == (2, "Fine", LATER.isoformat())
    assert changed["editableUntil"] == (MAY + timedelta(days=14)).isoformat()
    (review,) = changed["reviews"]
    assert (review["rating"], review["comment"], review["state"]) == (1, "Crisp", "APPROVED")


def test_a_text_that_changes_waits_again(as_ann, order_id, line_id, said):
    ProductReview.objects.update(state="approved", moderated_at=MAY, actor_type="staff", actor_id=7)
    changed = update(as_ann, order_id, products=[{"orderLineId": line_id, "comment": "Crisp and sweet"}])
    assert changed["feedback"]["reviews"][0]["state"] == "PENDING"
    review = ProductReview.objects.get()
    assert (review.moderated_at, review.actor_type, review.actor_id) == (None, "system", None)
    emptied = update(as_ann, order_id, products=[{"orderLineId": line_id, "comment": ""}])
    assert emptied["feedback"]["reviews"][0]["state"] == "APPROVED"


RATING = """query ($id: ID!) { product(id: $id, channel: "default-channel") {
  customerRating { count } customerReviews(first: 5) { totalCount } } }"""


@pytest.mark.parametrize("moderated", [True, False])
@pytest.mark.parametrize("edits", [[""], ["Rotten!"], ["Rotten!", "", "Rotten."]], ids=["emptied", "reworded", "often"])
def test_a_rejected_review_counts_for_nothing_until_staff_decide_again(
    as_ann, anonymous, staff_with, sent, order_id, line_id, said, moderated, edits
):
    """Whatever its writer makes of it; staff find it among those that wait."""
    crm_settings(reviews_moderated=moderated)
    decide = """mutation ($id: ID!, $state: ProductReviewStateEnum!) {
      customerFeedbackModerate(reviewId: $id, state: $state) { errors { code } } }"""
    waiting = "{ customerReviews(first: 5, state: PENDING) { edges { node { id comment editedAt } } } }"
    staff = staff_with("MANAGE_PRODUCTS")
    review_id = global_id("ProductReview", ProductReview.objects.get().pk)

    def counted() -> tuple[int, int]:
        found = anonymous.data(RATING, id=global_id("Product", sent.apple.pk))["product"]
        return found["customerRating"]["count"], found["customerReviews"]["totalCount"]

    staff.data(decide, id=review_id, state="REJECTED")
    update(as_ann, order_id, at=LATER, products=[{"orderLineId": line_id, "rating": 1}])
    assert (counted(), staff.data(waiting)["customerReviews"]["edges"]) == ((0, 0), [])
    for text in edits:
        changed = update(as_ann, order_id, at=LATER, products=[{"orderLineId": line_id, "comment": text}])
        assert changed["feedback"]["reviews"][0]["state"] == "PENDING"
        assert counted() == (0, 0)
    (edge,) = staff.data(waiting)["customerReviews"]["edges"]
    assert edge["node"] == {"id": review_id, "comment": edits[-1], "editedAt": LATER.isoformat()}
    staff.data(decide, id=review_id, state="APPROVED")
    assert counted() == (1, 1 if edits[-1] else 0)


def test_for_as_long_as_the_shop_says(as_ann, order_id, line_id, said):
    crm_settings(feedback_edit_days="3")
    assert update(as_ann, order_id, at=LATER, comment="")["feedback"]["comment"] == ""
    late = LATER + timedelta(seconds=1)
    assert refusal(update(as_ann, order_id, at=late, score=1)) == ("score", "NOT_APPLICABLE")
    rating = [{"orderLineId": line_id, "rating": 1}]
    assert refusal(update(as_ann, order_id, at=late, products=rating)) == ("orderLineId", "NOT_APPLICABLE")
    assert (OrderFeedback.objects.get().score, ProductReview.objects.get().rating) == (9, 4)


def test_what_was_never_said(as_ann, as_ben, order_id, line_id, sent):
    assert refusal(update(as_ann, order_id, score=1)) == ("orderId", "NOT_FOUND")
    create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 4}])
    assert refusal(update(as_ann, order_id, score=1)) == ("score", "NOT_FOUND")
    assert refusal(update(as_ben, order_id, products=[{"orderLineId": line_id, "rating": 1}])) == (
        "orderId",
        "NOT_FOUND",
    )
    ProductReview.objects.all().delete()
    assert refusal(update(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 1}])) == (
        "orderLineId",
        "NOT_FOUND",
    )


def test_being_refused_makes_nobody_a_customer(staff_with, order_id):
    staff = staff_with("MANAGE_ORDERS")
    assert refusal(update(staff, order_id, score=1)) == ("orderId", "NOT_FOUND")
    assert not CustomerProfile.objects.filter(user=staff.user).exists()


@pytest.mark.parametrize("character", ["\0", "\ud800"], ids=["NUL", "half a character"])
def test_a_text_that_cannot_be_stored(as_ann, order_id, said, character):
    # In the query itself: half a character in a variable, Saleor refuses from 3.23 on.
    call = f'customerFeedbackUpdate(orderId: "{order_id}", comment: {dumps(f"so{character}so")})'
    answer = as_ann.data(f"mutation {{ {call} {{ errors {{ field code }} }} }}")["customerFeedbackUpdate"]
    assert answer["errors"] == [{"field": "comment", "code": "INVALID"}]
    assert OrderFeedback.objects.get().comment == "Fine"


def test_bad_input(as_ann, order_id, said):
    assert refusal(update(as_ann, order_id, score=11)) == ("score", "INVALID")
    assert OrderFeedback.objects.get().score == 9


def test_only_a_customer_can(anonymous, app_with, order_id):
    for api in (anonymous, app_with("MANAGE_USERS", "MANAGE_ORDERS", "MANAGE_PRODUCTS")):
        assert api.denied(UPDATE, order=order_id, score=9) == {"AUTHENTICATED_USER"}
