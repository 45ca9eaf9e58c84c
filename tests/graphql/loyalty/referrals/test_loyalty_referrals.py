"""`loyaltyReferrals`: what staff see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from saleor_crm_plugin.ingestion.referrals import settle
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.referrals.models import Referral
from tests.devshop.factories import make_address, make_customer, make_order
from tests.graphql.client import Api, global_id
from tests.graphql.loyalty.referrals.test_referral_code_apply import apply
from tests.graphql.loyalty.referrals.test_referral_code_create import create

pytestmark = pytest.mark.django_db

REFERRALS = """
query ($first: Int, $last: Int, $after: String, $before: String, $status: ReferralStatusEnum) {
  loyaltyReferrals(first: $first, last: $last, after: $after, before: $before, status: $status) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor startCursor }
    edges {
      node {
        id status refusal appliedAt rewardAt decidedAt referrerPoints friendPoints
        referrer { user { email } } friend { user { email } } order { id }
      }
    }
  }
}
"""


def listed(api, **variables):
    return api.data(REFERRALS, **{"first": 10, **variables})["loyaltyReferrals"]


@pytest.fixture
def staff(staff_with):
    return staff_with("MANAGE_USERS")


@pytest.fixture
def code(rules, as_ann) -> str:
    return create(as_ann)["code"]


def bring(code: str, shop) -> Api:
    """A friend who has bought."""
    friend = make_customer()
    apply(Api(friend), code)
    order = make_order(
        friend, lines=[(shop.apple, 1)], billing_address=make_address(last_name=friend.email), created_at=timezone.now()
    )
    sync_orders([order.pk])
    return order


def test_staff_see_who_brought_whom_and_what_was_refused(code, shop, as_ben, staff, staff_with):
    assert apply(as_ben, "nonsense")["appliedAt"] is None
    apply(as_ben, code)
    order = make_order(
        shop.ben, lines=[(shop.apple, 1)], billing_address=make_address(last_name="Baker"), created_at=timezone.now()
    )
    sync_orders([order.pk])
    assert settle(load_settings(), timezone.now() + timedelta(days=1)) == 1
    referral = Referral.objects.get(status="rewarded")
    page = listed(staff_with("MANAGE_USERS", "MANAGE_ORDERS"))
    assert page["totalCount"] == 2
    rewarded, refused = (edge["node"] for edge in page["edges"])
    assert rewarded == {
        "id": global_id("LoyaltyReferral", referral.pk),
        "status": "REWARDED",
        "refusal": None,
        "appliedAt": referral.applied_at.isoformat(),
        "rewardAt": referral.reward_at.isoformat(),
        "decidedAt": referral.decided_at.isoformat(),
        "referrerPoints": 500,
        "friendPoints": 200,
        "referrer": {"user": {"email": "ann@example.com"}},
        "friend": {"user": {"email": "ben@example.com"}},
        "order": {"id": global_id("Order", order.pk)},
    }
    assert (refused["status"], refused["refusal"], refused["referrer"]) == ("REFUSED", "NOT_FOUND", None)
    assert (refused["friend"], refused["friendPoints"]) == ({"user": {"email": "ben@example.com"}}, 0)
    # Orders are another permission.
    assert [edge["node"]["order"] for edge in listed(staff)["edges"]] == [None, None]


def test_by_status_and_in_pages(code, shop, as_ben, staff):
    for wrong in ("one", "two", "three"):
        apply(as_ben, wrong)
    apply(as_ben, code)
    page = listed(staff, status="REFUSED", first=2)
    assert (page["totalCount"], len(page["edges"]), page["pageInfo"]["hasNextPage"]) == (3, 2, True)
    rest = listed(staff, status="REFUSED", first=2, after=page["pageInfo"]["endCursor"])
    assert (len(rest["edges"]), rest["pageInfo"]["hasNextPage"]) == (1, False)
    ids = [edge["node"]["id"] for edge in page["edges"] + rest["edges"]]
    assert ids == [
        global_id("LoyaltyReferral", pk)
        for pk in Referral.objects.filter(status="refused").order_by("-pk").values_list("pk", flat=True)
    ]
    back = listed(staff, first=None, last=1)
    assert [edge["node"]["id"] for edge in back["edges"]] == ids[-1:]
    assert listed(staff, status="QUALIFIED")["edges"] == []


def test_only_staff_and_apps_that_may_see_customers(code, as_ann, anonymous, staff_with, app_with):
    assert listed(app_with("MANAGE_USERS"))["totalCount"] == 0
    for api in (as_ann, anonymous, staff_with("MANAGE_DISCOUNTS"), app_with("MANAGE_DISCOUNTS")):
        assert api.denied(REFERRALS, first=1) == {"MANAGE_USERS"}


def test_a_page_is_asked_for(rules, staff):
    for wrong in ({"first": None}, {"first": 0}, {"first": 101}, {"first": 1, "last": 1}):
        assert "errors" in staff.post(REFERRALS, **wrong)


def test_a_list_is_a_constant_number_of_statements(code, shop, staff):
    def rewarded(number: int) -> None:
        for _ in range(number):
            bring(code, shop)
        settle(load_settings(), timezone.now() + timedelta(days=1))

    rewarded(2)
    few = staff.statements(REFERRALS, first=10)
    rewarded(4)
    assert staff.statements(REFERRALS, first=10) == few
    assert listed(staff)["totalCount"] == 6
