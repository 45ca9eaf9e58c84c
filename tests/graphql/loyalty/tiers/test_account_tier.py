"""`LoyaltyAccount.tier` and `tierProgress`, and what a tier earns in the checkout."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone
from graphql_relay import from_global_id
from saleor.checkout.complete_checkout import complete_checkout
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.order import OrderStatus

from saleor_crm_plugin.ingestion.sync import sync_order, sync_orders
from saleor_crm_plugin.ingestion.tier_facts import review_tiers
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.queries import order_points
from tests.devshop.factories import make_address, make_customer, make_order, pay_order
from tests.devshop.flows import manager
from tests.graphql.client import global_id
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

PROGRESS = """
  tier { name level }
  tierProgress {
    nextTier { name }
    pointsToNext amountToNext { amount currency }
    keepUntil pointsToKeep amountToKeep { amount currency }
  }
"""
MINE = f"{{ me {{ loyaltyAccount {{ {PROGRESS} }} }} }}"
LOYALTY = "query ($id: ID!) { checkout(id: $id) { loyalty { pointsToEarn breakdown { name points reason } } } }"


def mine(api):
    return api.data(MINE)["me"]["loyaltyAccount"]


def test_without_tiers_there_is_no_progress(shop, as_ann):
    assert mine(as_ann) == {"tier": None, "tierProgress": None}


def test_points_to_the_next_tier_and_to_keep_this_one(shop, as_ann):
    """200 points of March 1, 300 of April 1; a window of 3,000 days has not let go of them yet."""
    make_tiers(300, 600, policy={"window_months": None, "window_days": 3_000})
    review_tiers(timezone.now())
    # When the first 200 points leave, 300 are left, which is enough; the next 300 decide.
    until = datetime(2026, 4, 1, 12, tzinfo=UTC) + timedelta(days=3_000)
    assert mine(as_ann) == {
        "tier": {"name": "Bronze", "level": 1},
        "tierProgress": {
            "nextTier": {"name": "Silver"},
            "pointsToNext": 100,
            "amountToNext": None,
            "keepUntil": until.isoformat(),
            "pointsToKeep": 300,
            "amountToKeep": None,
        },
    }


def test_money_to_the_next_tier(shop, as_ann):
    make_tiers("49.99", "75.50", policy={"basis": "net_spend", "currency": "USD", "window": "lifetime"})
    review_tiers(timezone.now())
    assert mine(as_ann) == {
        "tier": {"name": "Bronze", "level": 1},
        "tierProgress": {
            "nextTier": {"name": "Silver"},
            "pointsToNext": None,
            "amountToNext": {"amount": 25.5, "currency": "USD"},
            "keepUntil": None,
            "pointsToKeep": None,
            "amountToKeep": None,
        },
    }


def test_in_the_best_tier_there_is_no_next(shop, as_ann):
    make_tiers(300, policy={"window": "lifetime"})
    review_tiers(timezone.now())
    progress = mine(as_ann)["tierProgress"]
    assert (progress["nextTier"], progress["pointsToNext"]) == (None, None)


def test_staff_see_it_by_email(shop, staff_with):
    make_tiers(1, policy={"window": "lifetime"})
    review_tiers(timezone.now())
    query = 'query { loyaltyAccount(email: "guy@example.com") { tier { name } } }'
    assert staff_with("MANAGE_USERS").data(query)["loyaltyAccount"]["tier"] == {"name": "Bronze"}


@pytest.mark.devshop("completes the checkout by a call that a real shop surrounds with payment steps")
def test_what_the_tier_earns_is_shown_and_given(shop, as_ann, checkout_of):
    """Invariant 6: the preview is the award, also when the order is paid later."""
    make_tiers(100, policy={"window": "lifetime"}, earning_multiplier=D("1.5"))
    review_tiers(timezone.now())
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    shown = as_ann.data(LOYALTY, id=checkout_id)["checkout"]["loyalty"]
    assert shown == {
        "pointsToEarn": 300,
        "breakdown": [
            {"name": "Apple", "points": 200, "reason": "10 points for each USD 1 of USD 20.00 with tax."},
            {"name": "Bronze", "points": 100, "reason": "“Bronze” earns 1.5 times the points."},
        ],
    }
    order = place(checkout_id)
    pay_order(order)
    sync_order(order.pk)
    assert order_points([order.pk], "default")[order.pk].earned == 300


def test_others_see_no_tier_in_the_checkout(shop, as_ben, anonymous, checkout_of):
    make_tiers(100, policy={"window": "lifetime"}, earning_multiplier=D("1.5"))
    review_tiers(timezone.now())
    for api in (as_ben, anonymous):
        checkout_id = checkout_of(api, [(shop.apple, 1)], email="ann@example.com")
        assert api.data(LOYALTY, id=checkout_id)["checkout"]["loyalty"]["pointsToEarn"] == 200


def place(checkout_id):
    checkout = Checkout.objects.get(pk=from_global_id(checkout_id)[1])
    checkout.billing_address = make_address()
    checkout.save()
    lines, _unavailable = fetch_checkout_lines(checkout)
    info = fetch_checkout_info(checkout, lines, manager())
    order = complete_checkout(manager(), info, lines, {}, False, checkout.user, None)[0]
    order.status = OrderStatus.UNFULFILLED
    order.save()
    return order


def test_a_list_costs_the_same_however_long_it_is(shop, staff_with):
    make_tiers(100, 300, policy={"window_months": 120})
    customers = [make_customer() for _ in range(6)]
    sync_orders([make_order(user, channel=shop.channel, lines=[(shop.apple, 1)]).pk for user in customers])
    assert LoyaltyAccount.objects.filter(tier_membership__isnull=False).count() == 6
    query = f"""query ($n: Int) {{ customerProfiles(first: $n) {{ edges {{ node {{ user {{
        loyaltyAccount {{ {PROGRESS} }} }} }} }} }} }}"""
    staff = staff_with("MANAGE_USERS")
    assert staff.statements(query, n=8) <= staff.statements(query, n=3)


def test_progress_is_four_statements_more_and_the_tier_none(shop, as_ann):
    make_tiers(100, 600, policy={"window": "lifetime"})
    review_tiers(timezone.now())
    balance = "{ me { loyaltyAccount { balance } } }"
    with_tier = "{ me { loyaltyAccount { balance tier { name level } } } }"
    assert as_ann.statements(with_tier) == as_ann.statements(balance)
    # The tiers, the account with its membership, what was merged into it, and what counts.
    assert as_ann.statements(MINE) - as_ann.statements(balance) == 4


def test_the_account_of_a_mutation_knows_its_tier(shop, staff_with):
    make_tiers(100, policy={"window": "lifetime"})
    review_tiers(timezone.now())
    adjust = """mutation ($id: ID!) { loyaltyPointsAdjust(userId: $id, points: 1, reason: "x") {
        account { tier { name } } } }"""
    answer = staff_with("MANAGE_DISCOUNTS").data(adjust, id=global_id("User", shop.ann.pk))
    assert answer["loyaltyPointsAdjust"]["account"]["tier"] == {"name": "Bronze"}
