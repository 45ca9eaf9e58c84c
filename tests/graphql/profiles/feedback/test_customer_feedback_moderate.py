"""`customerFeedbackModerate` and what it means for readers."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.feedback.models import ProductReview
from tests.graphql.client import global_id
from tests.graphql.profiles.feedback.requests import create, update

pytestmark = pytest.mark.django_db

MODERATE = """
mutation ($id: ID!, $state: ProductReviewStateEnum!, $seen: String) {
  customerFeedbackModerate(reviewId: $id, state: $state, seenComment: $seen) { review { state } errors { field code } }
}
"""
READ = """
query ($id: ID!) { product(id: $id, channel: "default-channel") {
  customerRating { average count counts }
  customerReviews(first: 5) { totalCount edges { node { rating comment state author { email } product { name } } } }
} }
"""


@pytest.fixture
def review_id(as_ann, order_id, line_id) -> str:
    create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 4, "comment": "Crisp"}])
    return global_id("ProductReview", ProductReview.objects.get().pk)


def moderate(api, review_id, state, **seen):
    return api.data(MODERATE, id=review_id, state=state, **seen)["customerFeedbackModerate"]


def test_what_others_read(anonymous, staff_with, review_id, sent):
    staff = staff_with("MANAGE_PRODUCTS")
    apple = global_id("Product", sent.apple.pk)
    rated = {"average": 4.0, "count": 1, "counts": [0, 0, 0, 1, 0]}
    waiting = anonymous.data(READ, id=apple)["product"]
    assert waiting == {"customerRating": rated, "customerReviews": {"totalCount": 0, "edges": []}}

    assert moderate(staff, review_id, "APPROVED") == {"review": {"state": "APPROVED"}, "errors": []}
    shown = {"rating": 4, "comment": "Crisp", "state": None, "author": None, "product": None}
    assert anonymous.data(READ, id=apple)["product"]["customerReviews"] == {
        "totalCount": 1,
        "edges": [{"node": shown}],
    }

    assert moderate(staff, review_id, "REJECTED")["review"] == {"state": "REJECTED"}
    assert anonymous.data(READ, id=apple)["product"] == {
        "customerRating": {"average": None, "count": 0, "counts": [0, 0, 0, 0, 0]},
        "customerReviews": {"totalCount": 0, "edges": []},
    }


def test_who_decided_is_kept(staff_with, review_id):
    staff = staff_with("MANAGE_PRODUCTS")
    moderate(staff, review_id, "APPROVED")
    review = ProductReview.objects.get()
    assert (review.actor_type, review.actor_id) == ("staff", staff.user.pk)
    assert review.moderated_at is not None


@pytest.mark.parametrize("state", ["APPROVED", "REJECTED"])
def test_nothing_is_decided_about_a_text_that_staff_have_not_seen(
    staff_with, as_ann, order_id, line_id, review_id, state
):
    staff = staff_with("MANAGE_PRODUCTS")
    moderate(staff, review_id, "REJECTED", seen="Crisp")
    update(as_ann, order_id, products=[{"orderLineId": line_id, "comment": " Sweet\n"}])
    for seen in ("Crisp", ""):
        refused = moderate(staff, review_id, state, seen=seen)
        assert refused == {"review": None, "errors": [{"field": "seenComment", "code": "NOT_APPLICABLE"}]}
        review = ProductReview.objects.get()
        assert (review.comment, review.state) == ("Sweet", "pending")
    assert moderate(staff, review_id, state, seen="Sweet ") == {"review": {"state": state}, "errors": []}


def test_a_rating_that_changes_is_no_other_text(staff_with, as_ann, order_id, line_id, review_id):
    update(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 1}])
    assert moderate(staff_with("MANAGE_PRODUCTS"), review_id, "APPROVED", seen="Crisp")["errors"] == []


def test_without_the_text_that_was_seen_the_decision_is_about_what_is_there(
    staff_with, as_ann, order_id, line_id, review_id
):
    update(as_ann, order_id, products=[{"orderLineId": line_id, "comment": "Sweet"}])
    assert moderate(staff_with("MANAGE_PRODUCTS"), review_id, "APPROVED", seen=None)["errors"] == []


def test_a_review_without_a_text_was_seen_as_one(staff_with, as_ann, order_id, line_id):
    create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 1}])
    review_id = global_id("ProductReview", ProductReview.objects.get().pk)
    assert moderate(staff_with("MANAGE_PRODUCTS"), review_id, "REJECTED", seen="")["errors"] == []


def test_bad_input(staff_with, review_id):
    staff = staff_with("MANAGE_PRODUCTS")
    assert moderate(staff, review_id, "PENDING")["errors"] == [{"field": "state", "code": "INVALID"}]
    unknown = global_id("ProductReview", 10**9)
    assert moderate(staff, unknown, "APPROVED")["errors"] == [{"field": "reviewId", "code": "NOT_FOUND"}]
    other = global_id("Order", 1)
    assert moderate(staff, other, "APPROVED")["errors"] == [{"field": "reviewId", "code": "GRAPHQL_ERROR"}]
    assert ProductReview.objects.get().state == "pending"


def test_who_may(anonymous, as_ann, staff_with, app_with, review_id):
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert api.denied(MODERATE, id=review_id, state="APPROVED") == {"MANAGE_PRODUCTS"}
    assert moderate(app_with("MANAGE_PRODUCTS"), review_id, "APPROVED")["errors"] == []
    assert ProductReview.objects.get().actor_type == "app"
