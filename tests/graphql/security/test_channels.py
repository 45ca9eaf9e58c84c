"""Staff whose groups are restricted to channels: orders and turnover of the others are not for them, as with Saleor."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.account.models import Group
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.rewards import redeem_reward
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.referrals.models import Referral
from saleor_crm_plugin.loyalty.rewards.definition import Reward, RewardKind
from saleor_crm_plugin.loyalty.rewards.editing import create_reward
from saleor_crm_plugin.loyalty.rewards.models import RewardRedemption
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileOrder
from saleor_crm_plugin.profiles.privacy.models import DataRequest
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.devshop.factories import make_channel, make_superuser
from tests.graphql.client import Api, global_id

pytestmark = pytest.mark.django_db

PERMISSIONS = ("MANAGE_USERS", "MANAGE_ORDERS", "MANAGE_PRODUCTS", "MANAGE_DISCOUNTS")
# Each gives the first order, or its id.
PLACES = {
    "points": """query ($user: ID!) { user(id: $user) { loyaltyAccount { transactions(last: 1) { edges { node {
        order { id } } } } } } }""",
    "rewards": """query ($user: ID!) { user(id: $user) { loyaltyAccount { redemptions(first: 1) { edges { node {
        order { id } } } } } } }""",
    "referrals": "{ loyaltyReferrals(first: 1) { edges { node { order { id } } } } }",
    "feedback": "{ customerFeedback(first: 1) { edges { node { order { id } } } } }",
    "reviews": "{ customerReviews(first: 1) { edges { node { orderLineId } } } }",
    "timeline": """query ($user: ID!) { user(id: $user) { customerProfile {
        timeline(last: 1, filter: { kinds: [ORDER_PAID] }) { edges { node { order { id } } } } } } }""",
    "subjects": """query ($user: ID!) { user(id: $user) { customerProfile {
        timeline(last: 1, filter: { kinds: [ORDER_PAID] }) { edges { node { subjectId } } } } } }""",
    "simulation": """mutation {
        loyaltyEarningRuleSimulate(input: { effect: MULTIPLIER, value: 2 }, to: "2026-04-01T00:00:00Z") {
            simulation { mostAffected { orderId } } } }""",
}
REPORT = 'query { recommendationReport(channel: "default-channel") { total { revenue { amount } } } }'
EXPORT = "mutation ($user: ID!) { customerDataExport(userId: $user) { url errors { field message code } } }"


@pytest.fixture
def restricted(shop: Any, staff_with: Any) -> Api:
    """Staff with all permissions whose only group is for another channel than the orders."""
    staff = staff_with(*PERMISSIONS)
    group = Group.objects.create(name="Elsewhere", restricted_access_to_channels=True)
    group.channels.add(make_channel("elsewhere"))
    staff.user.groups.set([group])
    return staff


@pytest.fixture
def world(shop: Any) -> None:
    """Ann's first order gave points, used a reward, stands with a refused referral and was rated."""
    account = LoyaltyAccount.objects.get(profile__user=shop.ann)
    now = timezone.now()
    reward = create_reward(
        default_program_id(),
        Reward("Five off", RewardKind.VOUCHER_FIXED, cost=200, amount=Decimal(5), currency="USD", is_active=True),
    )
    redeem_reward(reward.pk, shop.ann, None, None)
    RewardRedemption.objects.update(status="used", used_at=now, order_id=shop.first.pk)
    Referral.objects.create(
        friend=account, order_id=shop.first.pk, status="refused", refusal="not_found", applied_at=now, decided_at=now
    )
    feedback = OrderFeedback.objects.create(
        order_id=shop.first.pk, profile=CustomerProfile.objects.get(user=shop.ann), channel_id=shop.channel.pk,
        score=9, created_at=now, scored_at=now,
    )  # fmt: skip
    ProductReview.objects.create(
        feedback=feedback, order_line_id=shop.first.lines.get().pk, product=shop.apple, rating=5, state="approved",
        created_at=now,
    )  # fmt: skip


def told(api: Api, shop: Any, place: str) -> str | None:
    """The id that is said last in the answer, None if it is null."""
    variables = {"user": global_id("User", shop.ann.pk)} if "$user" in PLACES[place] else {}
    found: Any = api.data(PLACES[place], **variables)
    while isinstance(found, dict | list):
        (found,) = found.values() if isinstance(found, dict) else found
    return found


def expected(shop: Any, place: str) -> str:
    if place == "reviews":
        return global_id("OrderLine", shop.first.lines.get().pk)
    return global_id("Order", shop.first.pk)


@pytest.mark.parametrize("place", PLACES)
def test_an_order_is_for_those_who_have_its_channel(shop, world, restricted, staff_with, app_with, place):
    assert told(restricted, shop, place) is None
    for api in (staff_with(*PERMISSIONS), app_with(*PERMISSIONS), Api(make_superuser())):
        assert told(api, shop, place) == expected(shop, place)
    restricted.user.groups.get().channels.add(shop.channel)
    assert told(restricted, shop, place) == expected(shop, place)


@pytest.mark.parametrize("place", ["points", "timeline", "feedback"])
def test_staff_without_a_group_have_no_channel(shop, world, staff_with, place):
    staff = staff_with(*PERMISSIONS)
    staff.user.groups.clear()
    assert told(staff, shop, place) is None


def test_turnover_is_for_those_who_have_the_channel(shop, restricted, staff_with, app_with):
    code, message = restricted.error(REPORT)
    assert (code, message) == ("PermissionDenied", "This channel is none of those that your permission groups allow.")
    for api in (staff_with("MANAGE_PRODUCTS"), app_with("MANAGE_ORDERS"), Api(make_superuser())):
        assert api.data(REPORT)["recommendationReport"]["total"]["revenue"]["amount"] == 0
    restricted.user.groups.add(Group.objects.get(restricted_access_to_channels=False))
    assert restricted.data(REPORT)["recommendationReport"]["total"]["revenue"]["amount"] == 0


def exported(api: Api, user: Any) -> dict[str, Any]:
    return api.data(EXPORT, user=global_id("User", user.pk))["customerDataExport"]


def test_an_export_is_for_those_who_have_the_channels_of_all_its_orders(shop, restricted, staff_with, app_with):
    refused = {
        "url": None,
        "errors": [
            {
                "field": None,
                "message": "The export would name orders of channels that your permission groups do not allow. Ask "
                "somebody who has all of them.",
                "code": "NOT_APPLICABLE",
            }
        ],
    }
    assert exported(restricted, shop.ann) == refused
    assert not DataRequest.objects.exists()
    # Who has bought nothing is named with no order.
    assert exported(restricted, shop.ben)["errors"] == []
    for api in (staff_with(*PERMISSIONS), app_with(*PERMISSIONS), Api(make_superuser())):
        assert exported(api, shop.ann)["errors"] == []
    restricted.user.groups.get().channels.add(shop.channel)
    assert exported(restricted, shop.ann)["errors"] == []


def test_an_export_names_orders_that_are_somebody_elses_by_now(shop, restricted):
    Order.objects.filter(user=shop.ann).update(user=shop.ben)
    assert not sync_orders([shop.first.pk, shop.second.pk]).failed
    assert not ProfileOrder.objects.filter(profile__user=shop.ann).exists()
    PointsTransaction.objects.get(account__profile__user=shop.ann, order_id=shop.first.pk, type="earn")
    assert [error["code"] for error in exported(restricted, shop.ann)["errors"]] == ["NOT_APPLICABLE"]


def test_an_export_names_orders_that_events_are_about(shop, restricted):
    profile, _created = CustomerProfile.objects.get_or_create(user=shop.ben)
    ProfileEvent.objects.filter(subject_id=str(shop.first.pk)).update(profile=profile)
    assert [error["code"] for error in exported(restricted, shop.ben)["errors"]] == ["NOT_APPLICABLE"]


def test_channels_are_read_once_and_only_for_staff(shop, restricted, staff_with, app_with, as_ann):
    query = """{ customerProfiles(first: 9) { edges { node { timeline(first: 9) { edges { node {
        order { id } subjectId } } } } } } }"""
    own = "{ me { customerProfile { timeline(first: 9) { edges { node { order { id } subjectId } } } } } }"

    def reads(api: Api, asked: str) -> int:
        with CaptureQueriesContext(connections["default"]) as captured:
            api.data(asked)
        return sum("restricted_access_to_channels" in one["sql"] for one in captured.captured_queries)

    of_all = [reads(api, query) for api in (restricted, staff_with(*PERMISSIONS))]
    of_none = [reads(app_with(*PERMISSIONS), query), reads(Api(make_superuser()), query), reads(as_ann, own)]
    assert (of_all, of_none) == ([1, 1], [0, 0, 0])
