"""Rules for customer segments: what staff enter and see, and what shoppers are told."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import PointsTransaction
from saleor_crm_plugin.loyalty.queries import order_points
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule, RuleStatus
from tests.devshop.factories import fulfill_order, make_order, pay_order
from tests.graphql.client import global_id
from tests.graphql.loyalty.segments import buyers_of_two, gone, id_of, shown
from tests.graphql.loyalty.test_checkout_loyalty import complete, loyalty

pytestmark = pytest.mark.django_db

SELECTION = "rule { conditions { segments customerSegments { id name slug } } } errors { field code }"
CREATE = f"""
mutation ($input: LoyaltyEarningRuleInput!) {{ loyaltyEarningRuleCreate(input: $input) {{ {SELECTION} }} }}
"""
UPDATE = f"""
mutation ($id: ID!, $input: LoyaltyEarningRuleInput!) {{
  loyaltyEarningRuleUpdate(id: $id, input: $input) {{ {SELECTION} }}
}}
"""
RULES = """
query ($first: Int!) {
  loyaltyEarningRules(first: $first) {
    edges { node { conditions { customerSegments { id name slug } } } }
  }
}
"""
FEEDBACK = """
mutation ($order: ID!) { customerFeedbackCreate(orderId: $order, score: 9) { errors { field code } } }
"""
DOUBLE = {"name": "Double", "effect": "MULTIPLIER", "value": 2, "status": "LIVE"}


@pytest.fixture
def segment(shop):
    return buyers_of_two()


def create(api, **conditions):
    return api.data(CREATE, input={**DOUBLE, "conditions": conditions})["loyaltyEarningRuleCreate"]


def rule(*slugs: str, effect=Effect.MULTIPLIER, value="2", trigger=Trigger.ORDER) -> EarningRule:
    conditions = Conditions(segments=frozenset(slugs))
    definition = RuleDefinition(trigger, effect, D(value), conditions=conditions)
    return create_rule(default_program_id(), "Double", RuleStatus.LIVE, definition, SYSTEM)


def test_staff_name_groups_and_segments(staff, segment):
    answer = create(staff, segments=["LOYAL", "CHAMPIONS"], customerSegments=[id_of(segment)])
    assert answer["errors"] == []
    assert answer["rule"]["conditions"] == {"segments": ["CHAMPIONS", "LOYAL"], "customerSegments": [shown(segment)]}
    assert EarningRule.objects.get().definition["conditions"]["segments"] == ["CHAMPIONS", "LOYAL", "twice"]


def test_conditions_are_replaced_at_once(staff, segment):
    create(staff, segments=["LOYAL"], customerSegments=[id_of(segment)])
    rule_id = global_id("LoyaltyEarningRule", EarningRule.objects.get().pk)
    answer = staff.data(UPDATE, id=rule_id, input={"conditions": {"segments": ["LOYAL"]}})["loyaltyEarningRuleUpdate"]
    assert answer["rule"]["conditions"] == {"segments": ["LOYAL"], "customerSegments": []}


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ([], "INVALID"),
        (["nonsense"], "GRAPHQL_ERROR"),
        ([global_id("CustomerProfile", 1)], "GRAPHQL_ERROR"),
        ([global_id("CustomerSegment", 2**31 - 1)], "NOT_FOUND"),
    ],
)
def test_what_is_no_segment_is_refused(staff, segment, named, code):
    answer = create(staff, customerSegments=[id_of(segment), *named] if named else named)
    assert answer == {"rule": None, "errors": [{"field": "customerSegments", "code": code}]}
    assert not EarningRule.objects.exists()


def test_who_signs_up_is_asked_for_no_segment(staff, segment):
    sign_up = {**DOUBLE, "trigger": "SIGN_UP", "effect": "FIXED_POINTS"}
    for field, names in (("customerSegments", [id_of(segment)]), ("segments", ["LOYAL"])):
        answer = staff.data(CREATE, input={**sign_up, "conditions": {field: names}})["loyaltyEarningRuleCreate"]
        assert answer["errors"] == [{"field": field, "code": "INVALID"}]


def test_a_segment_that_was_deleted_is_shown_by_its_slug(staff, segment):
    rule(segment.slug)
    segment.delete()
    (edge,) = staff.data(RULES, first=5)["loyaltyEarningRules"]["edges"]
    assert edge["node"]["conditions"]["customerSegments"] == [gone(segment)]


def test_statements_do_not_grow_with_rules(staff, segment):
    for number in range(6):
        rule(segment.slug, f"gone-{number}")
    staff.data(RULES, first=1)
    assert staff.statements(RULES, first=6) == staff.statements(RULES, first=1)


@pytest.mark.devshop("completes the checkout by a call that a real shop surrounds with payment steps")
@pytest.mark.parametrize(("who", "points"), [("ann", 400), ("ben", 200)])
def test_the_preview_is_the_award(shop, as_ann, as_ben, checkout_of, segment, who, points):
    rule(segment.slug)
    api = {"ann": as_ann, "ben": as_ben}[who]
    checkout_id = checkout_of(api, [(shop.apple, 1)])
    assert loyalty(api, checkout_id)["pointsToEarn"] == points
    order = complete(checkout_id)
    pay_order(order)
    sync_order(order.pk)
    assert order_points([order.pk], "default")[order.pk].earned == points


def test_only_the_owner_of_a_checkout_is_told(shop, as_ann, as_ben, checkout_of, segment):
    rule(segment.slug)
    assert loyalty(as_ben, checkout_of(as_ann, [(shop.apple, 1)]))["pointsToEarn"] == 200


def test_a_preview_reads_segments_where_a_rule_asks_for_one(shop, as_ann, checkout_of, segment):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])

    def reads() -> int:
        with CaptureQueriesContext(connection) as captured:
            loyalty(as_ann, checkout_id)
        return sum("crm_segment_membership" in each["sql"] for each in captured)

    rule("CHAMPIONS")
    assert reads() == 0
    rule(segment.slug)
    assert reads() == 1


@pytest.mark.parametrize(("slug", "points"), [("twice", [50]), ("another", [])])
def test_points_for_feedback(shop, as_ann, segment, slug, points):
    rule(slug, effect=Effect.FIXED_POINTS, value="50", trigger=Trigger.FEEDBACK)
    order = make_order(shop.ann, channel=shop.channel, lines=[(shop.apple, 1)])
    fulfill_order(order)
    answer = as_ann.data(FEEDBACK, order=global_id("Order", order.pk))["customerFeedbackCreate"]
    assert answer["errors"] == []
    assert list(PointsTransaction.objects.filter(type="earn_action").values_list("points", flat=True)) == points
