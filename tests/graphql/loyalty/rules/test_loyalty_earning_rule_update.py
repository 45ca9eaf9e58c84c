"""`loyaltyEarningRuleUpdate` and `loyaltyEarningRuleDelete`."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule, RuleStatus
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

UPDATE = """
mutation ($id: ID!, $input: LoyaltyEarningRuleInput!) {
  loyaltyEarningRuleUpdate(id: $id, input: $input) {
    rule { name status version value conditions { minimumSubtotal } limits { pointsPerOrder } endsAt }
    errors { field code }
  }
}
"""
DELETE = """
mutation ($id: ID!) { loyaltyEarningRuleDelete(id: $id) { rule { name status } errors { field code } } }
"""


@pytest.fixture
def rule(shop) -> EarningRule:
    definition = RuleDefinition(
        Trigger.ORDER,
        Effect.MULTIPLIER,
        D(2),
        conditions=Conditions(minimum_subtotal=D(10)),
        limits=Limits(points_per_order=50),
    )
    return create_rule(default_program_id(), "Double", RuleStatus.OFF, definition, SYSTEM)


@pytest.fixture
def rule_id(rule) -> str:
    return global_id("LoyaltyEarningRule", rule.pk)


def update(api, rule_id, **changes):
    return api.data(UPDATE, id=rule_id, input=changes)["loyaltyEarningRuleUpdate"]


def test_what_is_left_out_stays(staff, rule_id):
    assert update(staff, rule_id, value=3)["rule"] == {
        "name": "Double",
        "status": "OFF",
        "version": 2,
        "value": 3,
        "conditions": {"minimumSubtotal": 10},
        "limits": {"pointsPerOrder": 50},
        "endsAt": None,
    }


def test_conditions_and_limits_are_replaced_as_a_whole(staff, rule_id):
    answer = update(staff, rule_id, conditions={}, limits=None)["rule"]
    assert (answer["conditions"]["minimumSubtotal"], answer["limits"]["pointsPerOrder"]) == (None, None)


def test_the_same_again_and_a_new_status_are_no_edit(staff, rule_id):
    assert update(staff, rule_id, value=2.0, status="LIVE")["rule"]["version"] == 1


def test_a_date_can_be_taken_away(staff, rule_id):
    update(staff, rule_id, endsAt="2027-01-01T00:00:00+00:00")
    assert update(staff, rule_id, endsAt=None)["rule"]["endsAt"] is None


def test_a_wrong_edit_changes_nothing(staff, rule, rule_id):
    assert update(staff, rule_id, name="New", value=0)["errors"] == [{"field": "value", "code": "INVALID"}]
    before = EarningRule.objects.values().get()
    assert (before["name"], before["version"]) == ("Double", 1)


def test_a_deleted_rule_is_gone(staff, rule, rule_id):
    assert staff.data(DELETE, id=rule_id)["loyaltyEarningRuleDelete"] == {
        "rule": {"name": "Double", "status": "OFF"},
        "errors": [],
    }
    missing = [{"field": "id", "code": "NOT_FOUND"}]
    assert staff.data(DELETE, id=rule_id)["loyaltyEarningRuleDelete"]["errors"] == missing
    assert update(staff, rule_id, value=3)["errors"] == missing


def test_only_with_the_permission(as_ann, rule, rule_id):
    assert as_ann.denied(UPDATE, id=rule_id, input={"value": 3})
    assert as_ann.denied(DELETE, id=rule_id)
    assert EarningRule.objects.get().deleted_at is None
