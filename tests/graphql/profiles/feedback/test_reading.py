"""Lists of what customers say, for those who may read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from tests.devshop.factories import make_order, make_product
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

REPORT = """
query ($interval: FeedbackIntervalEnum, $since: DateTime, $until: DateTime, $channel: String, $segment: ID) {
  customerFeedbackReport(
    interval: $interval, since: $since, until: $until, channel: $channel, segmentId: $segment
  ) {
    total { responses promoters passives detractors netPromoterScore }
    overTime { beginsAt responses netPromoterScore }
  }
}
"""
YEAR = {"since": "2026-01-01T00:00:00+00:00", "until": "2027-01-01T00:00:00+00:00"}


def day(month: int, of_month: int) -> datetime:
    return datetime(2026, month, of_month, 12, tzinfo=UTC)


def answered(shop, score, at, user=None, rating=None, comment="", product=None, scored_at=None) -> OrderFeedback:
    order = make_order(user or shop.ann, channel=shop.channel, lines=[(product or shop.apple, 1)])
    profile = CustomerProfile.objects.get_or_create(user=user or shop.ann)[0]
    given = OrderFeedback.objects.create(
        order_id=order.pk,
        profile=profile,
        channel_id=shop.channel.pk,
        score=score,
        comment=comment,
        created_at=at,
        scored_at=None if score is None else scored_at or at,
    )
    if rating:
        ProductReview.objects.create(
            feedback=given,
            order_line_id=order.lines.get().pk,
            product=product or shop.apple,
            rating=rating,
            comment=comment,
            state="approved",
            created_at=at,
        )
    return given


@pytest.fixture
def scores(shop):
    """January: 10, 9, 6. February, of Ben: 8. And one without a score."""
    for score, at in ((10, day(1, 5)), (9, day(1, 12)), (6, day(1, 31))):
        answered(shop, score, at)
    answered(shop, 8, day(2, 1), user=shop.ben)
    answered(shop, None, day(1, 6), rating=5)


def report(api, **arguments):
    found = api.data(REPORT, **{**YEAR, **arguments})["customerFeedbackReport"]
    return found["total"], [
        (each["beginsAt"][:10], each["responses"], each["netPromoterScore"]) for each in found["overTime"]
    ]


class TestNetPromoterScore:
    def test_by_month(self, staff_with, scores):
        total, months = report(staff_with("MANAGE_USERS"))
        assert total == {"responses": 4, "promoters": 2, "passives": 1, "detractors": 1, "netPromoterScore": 25.0}
        assert months == [("2026-01-01", 3, pytest.approx(100 / 3)), ("2026-02-01", 1, 0.0)]

    def test_a_score_counts_when_it_was_given_and_not_with_the_rating_before_it(self, staff_with, shop):
        answered(shop, 9, day(1, 5), rating=5, scored_at=day(2, 3))
        staff = staff_with("MANAGE_USERS")
        assert report(staff)[1] == [("2026-02-01", 1, 100.0)]
        assert report(staff, until="2026-02-01T00:00:00+00:00")[0]["responses"] == 0
        assert report(staff, since="2026-02-01T00:00:00+00:00", interval="WEEK")[1] == [("2026-02-02", 1, 100.0)]

    def test_by_week(self, staff_with, scores):
        _, weeks = report(staff_with("MANAGE_USERS"), interval="WEEK")
        assert weeks == [("2026-01-05", 1, 100.0), ("2026-01-12", 1, 100.0), ("2026-01-26", 2, -50.0)]

    def test_of_a_segment_and_a_channel(self, staff_with, scores, shop):
        staff = staff_with("MANAGE_USERS")
        segment = CustomerSegment.objects.create(name="Bens", slug="bens", query="x")
        ben = CustomerProfile.objects.get(user=shop.ben)
        SegmentMembership.objects.create(segment=segment, profile=ben, entered_at=day(1, 1))
        chosen = global_id("CustomerSegment", segment.pk)
        assert report(staff, segment=chosen)[0]["responses"] == 1
        # An answer stays with the profile that gave it, and counts for the person.
        ann = CustomerProfile.objects.get(user=shop.ann)
        CustomerProfile.objects.filter(pk=ann.pk).update(merged_into=ben)
        assert report(staff, segment=chosen)[0]["responses"] == 4
        assert report(staff, channel=shop.channel.slug)[0]["responses"] == 4
        assert report(staff, channel="nowhere")[0]["responses"] == 0

    def test_of_a_channel_that_sells_no_longer(self, staff_with, scores, shop):
        staff = staff_with("MANAGE_USERS")
        type(shop.channel).objects.update(is_active=False)
        assert report(staff, channel=shop.channel.slug)[0]["responses"] == 4
        listed = "query ($channel: String) { customerFeedback(first: 10, channel: $channel) { totalCount } }"
        assert staff.data(listed, channel=shop.channel.slug)["customerFeedback"]["totalCount"] == 5
        assert staff.data(listed, channel="no\0where")["customerFeedback"]["totalCount"] == 0

    def test_nothing_to_report(self, staff_with, shop):
        total, months = report(staff_with("MANAGE_USERS"))
        assert (total["responses"], total["netPromoterScore"], months) == (0, None, [])

    def test_bad_input(self, staff_with, shop):
        staff = staff_with("MANAGE_USERS")
        assert "before" in staff.error(REPORT, since=YEAR["until"], until=YEAR["since"])[1]
        assert "1100 days" in staff.error(REPORT, since="2020-01-01T00:00:00Z", until=YEAR["until"])[1]
        assert "CustomerSegment" in staff.error(REPORT, segment=global_id("Order", 1))[1]

    def test_who_may(self, anonymous, as_ann, staff_with, app_with, shop):
        for api in (anonymous, as_ann, staff_with("MANAGE_PRODUCTS"), app_with("MANAGE_ORDERS")):
            assert api.denied(REPORT, **YEAR) == {"MANAGE_USERS"}
        assert report(app_with("MANAGE_USERS"))[0]["responses"] == 0


FEEDBACK = """
query ($first: Int, $last: Int, $after: String, $upTo: Int, $channel: String) {
  customerFeedback(first: $first, last: $last, after: $after, scoreUpTo: $upTo, channel: $channel) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { score customer { email } } }
  }
}
"""
REVIEWS = """
query ($state: ProductReviewStateEnum, $product: ID) {
  customerReviews(first: 10, state: $state, productId: $product) {
    totalCount edges { node { rating state product { name } author { email } } }
  }
}
"""


class TestLists:
    def scores(self, api, **arguments):
        found = api.data(FEEDBACK, **{"first": 10, **arguments})["customerFeedback"]
        return [edge["node"]["score"] for edge in found["edges"]]

    def test_answers_newest_first(self, staff_with, scores, shop):
        staff = staff_with("MANAGE_USERS")
        assert self.scores(staff) == [None, 8, 6, 9, 10]
        assert self.scores(staff, upTo=6) == [6]
        assert self.scores(staff, channel=shop.channel.slug, first=1) == [None]
        assert self.scores(staff, channel="nowhere") == []
        assert self.scores(staff, first=None, last=2) == [9, 10]
        first = staff.data(FEEDBACK, first=2)["customerFeedback"]
        assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (5, True)
        assert self.scores(staff, first=2, after=first["pageInfo"]["endCursor"]) == [6, 9]

    def test_who_may_read_answers(self, anonymous, as_ann, staff_with, scores):
        for api in (anonymous, as_ann, staff_with("MANAGE_PRODUCTS", "MANAGE_ORDERS")):
            assert api.denied(FEEDBACK, first=1) == {"MANAGE_USERS"}

    def test_reviews(self, staff_with, shop):
        answered(shop, 1, day(1, 1), rating=1, comment="Rotten")
        answered(shop, 9, day(1, 2), rating=5, product=shop.pear)
        ProductReview.objects.filter(rating=1).update(state="pending")
        staff = staff_with("MANAGE_PRODUCTS")
        both = staff.data(REVIEWS)["customerReviews"]
        assert [edge["node"]["rating"] for edge in both["edges"]] == [5, 1]
        waiting = staff.data(REVIEWS, state="PENDING")["customerReviews"]["edges"]
        assert [edge["node"] for edge in waiting] == [
            {"rating": 1, "state": "PENDING", "product": {"name": "Apple"}, "author": None}
        ]
        of_pear = staff.data(REVIEWS, product=global_id("Product", shop.pear.pk))["customerReviews"]
        assert of_pear["totalCount"] == 1

    def test_who_may_read_reviews(self, anonymous, as_ann, staff_with, shop):
        for api in (anonymous, as_ann, staff_with("MANAGE_USERS", "MANAGE_ORDERS")):
            assert api.denied(REVIEWS) == {"MANAGE_PRODUCTS"}


OF_ORDER = "query ($id: ID!) { order(id: $id) { customerFeedback { score customer { email } } } }"
OF_CUSTOMER = """
query ($user: ID!, $first: Int!) { customerProfile(userId: $user) {
  feedback(first: $first) { totalCount edges { node { score comment reviews { rating orderLineId } } } }
} }
"""


class TestOnOtherTypes:
    def test_on_an_order(self, as_ann, staff_with, shop):
        given = answered(shop, 7, day(1, 1))
        order = global_id("Order", given.order_id)
        own = {"customerFeedback": {"score": 7, "customer": {"email": "ann@example.com"}}}
        assert as_ann.data(OF_ORDER, id=order)["order"] == own
        of_orders = staff_with("MANAGE_ORDERS").data(OF_ORDER, id=order)["order"]
        assert of_orders == {"customerFeedback": {"score": 7, "customer": None}}

    def test_on_a_customer(self, as_ann, as_ben, staff_with, shop):
        answered(shop, 7, day(1, 1), comment="So so")
        answered(shop, 9, day(1, 2), rating=5)
        ann = global_id("User", shop.ann.pk)
        for api in (as_ann, staff_with("MANAGE_USERS")):
            found = api.data(OF_CUSTOMER, user=ann, first=1)["customerProfile"]["feedback"]
            assert found["totalCount"] == 2
            (node,) = [edge["node"] for edge in found["edges"]]
            assert (node["score"], [review["rating"] for review in node["reviews"]]) == (9, [5])
        assert as_ben.denied(OF_CUSTOMER, user=ann, first=1) == {"OWNER", "MANAGE_USERS"}

    def test_what_was_said_under_another_profile_is_the_persons_too(self, as_ann, shop):
        answered(shop, 7, day(1, 1), comment="So so")
        answered(shop, 9, day(1, 2), user=shop.ben)
        ann = CustomerProfile.objects.get(user=shop.ann)
        CustomerProfile.objects.filter(user=shop.ben).update(merged_into=ann)
        found = as_ann.data(OF_CUSTOMER, user=global_id("User", shop.ann.pk), first=5)["customerProfile"]["feedback"]
        assert found["totalCount"] == 2
        assert [edge["node"]["score"] for edge in found["edges"]] == [9, 7]

    def test_a_constant_number_of_statements(self, anonymous, staff_with, shop):
        listing = """
        query ($first: Int!) { products(first: 10, channel: "default-channel") { edges { node {
          customerRating { average count } customerReviews(first: $first) { totalCount edges { node { comment } } }
        } } } }
        """
        answered(shop, 7, day(1, 1), rating=4, comment="Good")
        one = anonymous.statements(listing, first=1)
        for number in range(5):
            product = make_product(f"Product {number}", 1, shop.channel, stock=None)
            for _ in range(3):
                answered(shop, 7, day(1, 2), rating=4, comment="Good", product=product)
        assert anonymous.statements(listing, first=50) == one

        profiles = """
        query ($first: Int!) { customerProfiles(first: 10) { edges { node {
          feedback(first: $first) { totalCount edges { node { score editableUntil order { id } reviews { rating } } } }
        } } } }
        """
        staff = staff_with("MANAGE_USERS", "MANAGE_ORDERS")
        few = staff.statements(profiles, first=1)
        answered(shop, 3, day(1, 3), user=shop.ben, rating=1)
        assert staff.statements(profiles, first=50) == few
