"""`loyaltyEarningRules`, and what rules do to the preview of a checkout."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.queries import order_points
from saleor_crm_plugin.loyalty.rules import storage
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRuleUse, RuleStatus
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_customer, make_order
from tests.graphql.conftest import APRIL

pytestmark = pytest.mark.django_db

RULES = """
query ($first: Int!) {
  loyaltyEarningRules(first: $first) {
    totalCount
    edges { node { name uses { points customers dryRunPoints } } }
  }
}
"""
LOYALTY = """
query ($id: ID!) { checkout(id: $id) { loyalty { pointsToEarn breakdown { name points reason } } } }
"""


def rule(name="Bonus", effect=Effect.FIXED_POINTS, value="100", status=RuleStatus.LIVE, **changes):
    trigger = changes.pop("trigger", Trigger.ORDER)
    return create_rule(default_program_id(), name, status, RuleDefinition(trigger, effect, D(value), **changes), SYSTEM)


def preview(api, checkout_id):
    return api.data(LOYALTY, id=checkout_id)["checkout"]["loyalty"]


def test_rules_with_what_they_gave(shop, staff):
    bonus, trial = rule(), rule("Trial", status=RuleStatus.DRY_RUN)
    order = make_order(shop.ann, lines=[(shop.apple, 1)], channel=shop.channel)
    sync_orders([order.pk])
    answer = staff.data(RULES, first=5)["loyaltyEarningRules"]
    assert answer == {
        "totalCount": 2,
        "edges": [
            {"node": {"name": bonus.name, "uses": {"points": 100, "customers": 1, "dryRunPoints": 0}}},
            {"node": {"name": trial.name, "uses": {"points": 0, "customers": 0, "dryRunPoints": 100}}},
        ],
    }


def test_statements_do_not_grow_with_rules(shop, staff, django_assert_num_queries):
    rule()
    staff.data(RULES, first=100)
    with CaptureQueriesContext(connection) as counted:
        staff.data(RULES, first=100)
    for number in range(5):
        rule(f"Rule {number}")
    with django_assert_num_queries(len(counted)):
        staff.data(RULES, first=100)


def test_only_with_the_permission(shop, as_ann, staff_with):
    for api in (as_ann, staff_with("MANAGE_USERS")):
        assert api.denied(RULES, first=1)


def test_the_preview_says_what_rules_add(shop, as_ann, checkout_of):
    rule("Apple week", Effect.MULTIPLIER, "2", conditions=Conditions(product_ids=frozenset({shop.apple.pk})))
    assert preview(as_ann, checkout_of(as_ann, [(shop.apple, 2), (shop.plum, 1)])) == {
        "pointsToEarn": 850,
        "breakdown": [
            {"name": "Apple", "points": 400, "reason": "10 points for each USD 1 of USD 40.00 with tax."},
            {"name": "Plum", "points": 50, "reason": "10 points for each USD 1 of USD 5.00 with tax."},
            {"name": "Apple week", "points": 400, "reason": "The rule “Apple week”."},
        ],
    }


def test_the_preview_of_a_checkout_is_the_award_of_its_order(shop, as_ann, checkout_of):
    category = shop.apple.category_id
    rule("Category", Effect.MULTIPLIER, "3", conditions=Conditions(category_ids=frozenset({category})))
    rule("Limited", limits=Limits(points_per_customer=130))
    order = make_order(shop.ann, lines=[(shop.plum, 1)], channel=shop.channel)
    sync_orders([order.pk])
    checkout_id = checkout_of(as_ann, [(shop.apple, 1), (shop.plum, 2)])
    promised = preview(as_ann, checkout_id)["pointsToEarn"]

    placed = make_order(shop.ann, lines=[(shop.apple, 1), (shop.plum, 2)], channel=shop.channel)
    sync_orders([placed.pk])
    assert order_points([placed.pk], "default")[placed.pk].earned == promised
    limited = EarningRuleUse.objects.filter(account__profile__user=shop.ann, rule__name="Limited")
    assert sum(limited.values_list("points", flat=True)) == 130


def test_nobody_learns_from_an_address_whether_somebody_has_bought(shop, as_ben, anonymous, checkout_of):
    """Ben is new and sees his bonus; a stranger with his address does not."""
    rule("Welcome", trigger=Trigger.FIRST_ORDER)
    Order.objects.filter(user=shop.ben).delete()
    mine = checkout_of(as_ben, [(shop.plum, 1)])
    theirs = checkout_of(anonymous, [(shop.plum, 1)], email=shop.ben.email)
    assert [part["name"] for part in preview(as_ben, mine)["breakdown"]] == ["Plum", "Welcome"]
    assert [part["name"] for part in preview(anonymous, theirs)["breakdown"]] == ["Plum"]


def test_all_customers_together_may_have_more_points_than_an_int_holds(shop, staff):
    bonus = rule()
    account = LoyaltyAccount.objects.get(profile__user=shop.ann)
    for is_dry_run in (False, True):
        for number in range(2):
            EarningRuleUse.objects.create(
                rule=bonus,
                version=1,
                account=account,
                occasion=f"order:{is_dry_run}:{number}",
                points=2**31 - 1,
                is_dry_run=is_dry_run,
                used_at=APRIL,
            )
    (edge,) = staff.data(RULES, first=5)["loyaltyEarningRules"]["edges"]
    assert edge["node"]["uses"] == {"points": 2**32 - 2, "customers": 1, "dryRunPoints": 2**32 - 2}


def test_customers_who_were_merged_count_as_one(shop, staff):
    bonus = rule()
    users = [shop.ann, shop.ben, make_customer("cay@example.com")]
    sync_orders([make_order(user, lines=[(shop.apple, 1)], channel=shop.channel).pk for user in users])
    ann, ben, cay = (CustomerProfile.objects.get(user=user).pk for user in users)
    assert storage.summaries([bonus.pk], "default")[bonus.pk].customers == 3
    merge_customers(ben, ann, SYSTEM, timezone.now())
    assert storage.summaries([bonus.pk], "default")[bonus.pk] == storage.UseSummary(points=300, customers=2)
    merge_customers(ann, cay, SYSTEM, timezone.now())
    assert storage.summaries([bonus.pk], "default")[bonus.pk] == storage.UseSummary(points=300, customers=1)
