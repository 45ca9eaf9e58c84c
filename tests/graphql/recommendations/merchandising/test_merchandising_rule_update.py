"""`merchandisingRuleUpdate` and `merchandisingRuleDelete`."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule, MerchandisingRuleVersion
from tests.devshop.factories import make_category, make_product
from tests.graphql.client import global_id
from tests.integration.recommendations.merchandising.rules import boost, exclude, pin

pytestmark = pytest.mark.django_db

UPDATE = """
mutation ($id: ID!, $input: MerchandisingRuleInput!) {
  merchandisingRuleUpdate(id: $id, input: $input) {
    rule { name isActive version action position places factor endsAt targets { productIds } }
    errors { field code }
  }
}
"""
DELETE = """
mutation ($id: ID!) {
  merchandisingRuleDelete(id: $id) { rule { name isActive } errors { field code } }
}
"""


@pytest.fixture
def rule(shop) -> MerchandisingRule:
    return pin(shop.apple, position=2)


@pytest.fixture
def rule_id(rule) -> str:
    return global_id("MerchandisingRule", rule.pk)


def update(api, rule_id, **changes):
    return api.data(UPDATE, id=rule_id, input=changes)["merchandisingRuleUpdate"]


def test_what_is_left_out_stays(shop, staff, rule_id):
    assert update(staff, rule_id, position=5, endsAt="2030-01-01T00:00:00+00:00")["rule"] == {
        "name": "Pin",
        "isActive": True,
        "version": 2,
        "action": "PIN",
        "position": 5,
        "places": 1,
        "factor": None,
        "endsAt": "2030-01-01T00:00:00+00:00",
        "targets": {"productIds": [global_id("Product", shop.apple.pk)]},
    }
    changed = update(staff, rule_id, endsAt=None, name="First", isActive=False)["rule"]
    assert (changed["endsAt"], changed["name"], changed["isActive"], changed["position"]) == (None, "First", False, 5)
    versions = MerchandisingRuleVersion.objects.order_by("version").values_list("version", "name", "is_active")
    assert list(versions) == [(1, "Pin", True), (2, "Pin", True), (3, "First", False)]


def test_what_changes_nothing_is_no_edit(staff, rule_id):
    assert update(staff, rule_id, position=2)["rule"]["version"] == 1
    assert MerchandisingRuleVersion.objects.count() == 1


def test_another_action_leaves_nothing_of_the_one_before(shop, staff, rule_id):
    changed = update(staff, rule_id, action="BOOST", factor=3)["rule"]
    assert (changed["action"], changed["position"], changed["places"], changed["factor"]) == ("BOOST", None, None, 3)
    changed = update(staff, rule_id, action="EXCLUDE")["rule"]
    assert (changed["action"], changed["factor"]) == ("EXCLUDE", None)
    assert update(staff, rule_id, action="PIN")["errors"] == [{"field": "position", "code": "REQUIRED"}]


def test_a_pin_of_other_products_takes_as_many_places(shop, staff, rule_id):
    products = [global_id("Product", product.pk) for product in (shop.pear, shop.plum)]
    changed = update(staff, rule_id, targets={"productIds": products})["rule"]
    assert (changed["places"], changed["targets"]) == (2, {"productIds": products})
    assert update(staff, rule_id, targets={"productIds": products}, places=1)["rule"]["places"] == 1


def test_a_pin_of_more_products_than_places_follows_to_ten_and_back(shop, staff, rule_id):
    names = [make_product(f"Tea {number}", 1, shop.channel, stock=None) for number in range(12)]
    products = [global_id("Product", product.pk) for product in names]
    for count, places in ((12, 10), (11, 10), (3, 3)):
        changed = update(staff, rule_id, targets={"productIds": products[:count]})
        assert changed["errors"] == []
        assert (changed["rule"]["places"], len(changed["rule"]["targets"]["productIds"])) == (places, count)


def test_a_pin_that_was_told_how_many_places_it_takes_keeps_them(shop, staff):
    best = global_id("MerchandisingRule", pin(category_ids=frozenset({make_category().pk}), places=5).pk)
    other = {"categoryIds": [global_id("Category", make_category().pk)]}
    for targets in (other, None, {"productIds": [global_id("Product", shop.pear.pk)]}):
        assert update(staff, best, targets=targets)["rule"]["places"] == 5
    stand_ins = global_id("MerchandisingRule", pin(shop.apple, shop.pear, places=1).pk)
    more = [global_id("Product", product.pk) for product in (shop.apple, shop.pear, shop.plum)]
    assert update(staff, stand_ins, targets={"productIds": more})["rule"]["places"] == 1
    assert update(staff, stand_ins, places=None)["rule"]["places"] == 3
    assert update(staff, stand_ins, targets={"productIds": more[:2]})["rule"]["places"] == 2, "it follows again"


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"factor": 2}, "factor", "INVALID"),
        ({"position": 99}, "position", "INVALID"),
        ({"position": None}, "position", "REQUIRED"),
        ({"name": ""}, "name", "INVALID"),
        ({"targets": {}}, "targets", "REQUIRED"),
    ],
)
def test_what_is_wrong_changes_nothing(staff, rule, rule_id, changes, field, code):
    answer = update(staff, rule_id, **changes)
    assert answer == {"rule": None, "errors": [{"field": field, "code": code}]}
    rule.refresh_from_db()
    assert (rule.version, rule.position) == (1, 2)


def test_a_deleted_rule_is_gone(shop, staff, rule, rule_id):
    other = exclude(products=[shop.pear])
    answer = staff.data(DELETE, id=rule_id)["merchandisingRuleDelete"]
    assert answer == {"rule": {"name": "Pin", "isActive": False}, "errors": []}
    again = staff.data(DELETE, id=rule_id)["merchandisingRuleDelete"]
    assert again == {"rule": None, "errors": [{"field": "id", "code": "NOT_FOUND"}]}
    assert update(staff, rule_id, position=1)["errors"] == [{"field": "id", "code": "NOT_FOUND"}]
    assert list(MerchandisingRule.objects.filter(deleted_at__isnull=True)) == [other]
    assert MerchandisingRuleVersion.objects.filter(rule=rule).order_by("-version")[0].is_deletion


def test_rules_that_are_no_rules(staff):
    for wrong, code in ((global_id("Product", 1), "GRAPHQL_ERROR"), (global_id("MerchandisingRule", 9), "NOT_FOUND")):
        assert update(staff, wrong, position=1)["errors"] == [{"field": "id", "code": code}]
        (error,) = staff.data(DELETE, id=wrong)["merchandisingRuleDelete"]["errors"]
        assert error == {"field": "id", "code": code}


def test_only_with_the_permission(as_ann, staff_with, rule_id):
    for api in (as_ann, staff_with("MANAGE_USERS")):
        assert api.denied(UPDATE, id=rule_id, input={"position": 1}) == {"MANAGE_PRODUCTS"}
        assert api.denied(DELETE, id=rule_id) == {"MANAGE_PRODUCTS"}


LIST = """
query ($filter: MerchandisingRuleFilterInput, $first: Int!) {
  merchandisingRules(first: $first, filter: $filter) { totalCount edges { node { id name } } }
}
"""


def test_the_list_of_rules_and_its_filters(shop, staff, rule):
    hidden = exclude(products=[shop.pear], kinds=frozenset({"similar"}), is_active=False)
    elsewhere = boost(products=[shop.apple], channel_ids=frozenset({987654}))

    def found(**given):
        edges = staff.data(LIST, first=10, filter=given)["merchandisingRules"]["edges"]
        return [edge["node"]["name"] for edge in edges]

    apple, channel = global_id("Product", shop.apple.pk), global_id("Channel", shop.channel.pk)
    assert found() == [rule.name, hidden.name, elsewhere.name] == ["Pin", "Exclude", "Boost"]
    assert found(isActive=False) == found(inForce=False) == found(action="EXCLUDE") == ["Exclude"]
    assert found(inForce=True) == found(productId=apple) == ["Pin", "Boost"]
    assert found(channelId=channel) == ["Pin", "Exclude"]
    assert found(kind="FOR_YOU") == found(kind="FOR_YOU", isActive=True) == ["Pin", "Boost"]
    assert found(search="exc") == ["Exclude"]
    # Larger than the ids of products and channels, and an id all the same.
    assert found(productId=global_id("Product", 2**31)) == []
    assert found(channelId=global_id("Channel", 2**63 - 1)) == ["Pin", "Exclude"]
    code, _message = staff.error(LIST, first=10, filter={"productId": channel})
    assert code == "GraphQLError"


def test_the_list_costs_the_same_however_long_it_is(shop, staff, as_ann):
    exclude(products=[shop.pear])
    few = staff.statements(LIST, first=100)
    for _ in range(5):
        exclude(products=[shop.pear])
    assert staff.statements(LIST, first=100) == few
    assert as_ann.denied(LIST, first=1) == {"MANAGE_PRODUCTS"}
