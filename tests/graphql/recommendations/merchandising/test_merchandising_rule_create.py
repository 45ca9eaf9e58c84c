"""`merchandisingRuleCreate`: what staff enter is what is stored, and what is wrong is named."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from saleor.product.models import Collection

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from saleor_crm_plugin.recommendations.merchandising import editing
from saleor_crm_plugin.recommendations.merchandising.limits import PLACES_LIMIT
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule, MerchandisingRuleVersion
from tests.devshop.factories import make_attribute_value, make_category, make_product
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

CREATE = """
mutation ($input: MerchandisingRuleInput!) {
  merchandisingRuleCreate(input: $input) {
    rule {
      name isActive version action position places factor channelIds kinds segmentIds startsAt endsAt priority
      targets { productIds categoryIds collectionIds attributes { slug values } }
    }
    errors { field message code }
  }
}
"""


@pytest.fixture
def apple(shop) -> str:
    return global_id("Product", shop.apple.pk)


def create(api, **input_):
    return api.data(CREATE, input=input_)["merchandisingRuleCreate"]


def test_what_staff_enter_is_what_the_rule_says(shop, staff, apple):
    pear = global_id("Product", shop.pear.pk)
    category = global_id("Category", make_category("Tea").pk)
    collection = global_id("Collection", Collection.objects.create(name="Sale", slug="sale").pk)
    make_attribute_value("Acme", "Brand")
    make_attribute_value("Zed", "Brand")
    channel = global_id("Channel", shop.channel.pk)
    segment = global_id("CustomerSegment", CustomerSegment.objects.create(name="VIP", slug="vip", query="x").pk)
    given = {
        "name": "Spring",
        "isActive": True,
        "action": "PIN",
        "position": 3,
        "targets": {
            "productIds": [pear, apple],
            "categoryIds": [category],
            "collectionIds": [collection],
            "attributes": [{"slug": "brand", "values": ["acme", "zed"]}],
        },
        "channelIds": [channel],
        "kinds": ["FOR_YOU", "SIMILAR"],
        "segmentIds": [segment],
        "startsAt": "2026-05-01T00:00:00+00:00",
        "endsAt": "2026-06-01T00:00:00+00:00",
        "priority": 7,
    }
    assert create(staff, **given) == {
        "rule": {**given, "places": 2, "factor": None, "version": 1},
        "errors": [],
    }
    version = MerchandisingRuleVersion.objects.get()
    assert (version.version, version.actor_type, version.is_active) == (1, ActorType.STAFF, True)
    assert version.definition["product_ids"] == [shop.pear.pk, shop.apple.pk]


def test_a_new_rule_is_switched_off_unless_it_says_otherwise(staff, apple):
    rule = create(staff, name="Hide", action="EXCLUDE", targets={"productIds": [apple]})["rule"]
    assert (rule["isActive"], rule["priority"], rule["channelIds"]) == (False, 0, [])


def test_a_pin_takes_ten_places_at_most_however_many_products_it_names(shop, staff):
    names = [make_product(f"Tea {number}", 1, shop.channel, stock=None) for number in range(PLACES_LIMIT + 2)]
    products = [global_id("Product", product.pk) for product in names]
    rule = create(staff, **PIN, targets={"productIds": products})["rule"]
    assert (rule["places"], rule["targets"]["productIds"]) == (10, products)


BOOST = {"name": "Boost", "action": "BOOST", "factor": 2}
PIN = {"name": "Pin", "action": "PIN", "position": 1}


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({**BOOST, "name": " "}, "name", "INVALID"),
        ({**BOOST, "name": "x" * 129}, "name", "INVALID"),
        ({**BOOST, "action": None}, "action", "REQUIRED"),
        ({**BOOST, "targets": None}, "targets", "REQUIRED"),
        ({**BOOST, "targets": {}}, "targets", "REQUIRED"),
        ({**BOOST, "targets": {"productIds": []}}, "targets", "REQUIRED"),
        ({**BOOST, "targets": {"attributes": [{"slug": "brand", "values": []}]}}, "attributes", "INVALID"),
        ({**BOOST, "targets": {"attributes": [{"slug": "brand", "values": ["no"]}]}}, "attributes", "NOT_FOUND"),
        ({**BOOST, "targets": {"productIds": [global_id("Product", 987654)]}}, "productIds", "NOT_FOUND"),
        ({**BOOST, "targets": {"productIds": [global_id("Product", 2**40)]}}, "productIds", "NOT_FOUND"),
        ({**BOOST, "targets": {"productIds": ["nonsense"]}}, "productIds", "GRAPHQL_ERROR"),
        ({**BOOST, "targets": {"productIds": [global_id("Order", 1)]}}, "productIds", "GRAPHQL_ERROR"),
        ({**BOOST, "targets": {"categoryIds": [global_id("Category", 987654)]}}, "categoryIds", "NOT_FOUND"),
        ({**BOOST, "targets": {"collectionIds": [global_id("Collection", 987654)]}}, "collectionIds", "NOT_FOUND"),
        ({**BOOST, "targets": {"productIds": [global_id("Product", n) for n in range(101)]}}, "productIds", "INVALID"),
        ({**BOOST, "factor": None}, "factor", "REQUIRED"),
        ({**BOOST, "factor": 1}, "factor", "INVALID"),
        ({**BOOST, "factor": 0.5}, "factor", "INVALID"),
        ({**BOOST, "factor": -3}, "factor", "INVALID"),
        ({**BOOST, "factor": 100.5}, "factor", "INVALID"),
        ({**BOOST, "action": "EXCLUDE"}, "factor", "INVALID"),
        ({**BOOST, "position": 1}, "position", "INVALID"),
        ({**BOOST, "places": 1}, "places", "INVALID"),
        ({**BOOST, "priority": 1001}, "priority", "INVALID"),
        ({**BOOST, "channelIds": [global_id("Channel", 987654)]}, "channelIds", "NOT_FOUND"),
        ({**BOOST, "segmentIds": [global_id("CustomerSegment", 987654)]}, "segmentIds", "NOT_FOUND"),
        (
            {**BOOST, "startsAt": "2026-05-01T00:00:00Z", "endsAt": "2026-05-01T00:00:00Z"},
            "endsAt",
            "INVALID",
        ),
        ({**PIN, "position": None}, "position", "REQUIRED"),
        ({**PIN, "position": 0}, "position", "INVALID"),
        ({**PIN, "position": 51}, "position", "INVALID"),
        ({**PIN, "places": 0}, "places", "INVALID"),
        ({**PIN, "places": 11}, "places", "INVALID"),
        ({**PIN, "position": 50, "places": 2}, "places", "INVALID"),
    ],
)
def test_what_is_wrong_is_named(staff, apple, given, field, code):
    answer = create(staff, **{"targets": {"productIds": [apple]}, **given})
    assert answer["rule"] is None
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(field, code)]
    assert not MerchandisingRule.objects.exists()


def test_there_is_a_limit_of_rules_and_of_active_ones(staff, apple, monkeypatch):
    monkeypatch.setattr(editing, "MAX_ACTIVE_RULES", 1)
    monkeypatch.setattr(editing, "MAX_RULES", 3)
    given = {"name": "Hide", "action": "EXCLUDE", "targets": {"productIds": [apple]}}
    past = {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2020-02-01T00:00:00Z"}
    assert create(staff, **given, **past, isActive=True)["errors"] == []
    assert create(staff, **given, isActive=True)["errors"] == [], "one that is over does not count"
    (error,) = create(staff, **given, isActive=True)["errors"]
    assert (error["field"], error["code"]) == ("isActive", "INVALID")
    assert create(staff, **given)["errors"] == []
    (error,) = create(staff, **given)["errors"]
    assert (error["field"], error["message"]) == (None, "There are 3 rules already: delete one first.")


def test_only_with_the_permission(shop, as_ann, anonymous, staff_with, app_with, apple):
    given = {"name": "Hide", "action": "EXCLUDE", "targets": {"productIds": [apple]}}
    for api in (as_ann, anonymous, staff_with("MANAGE_USERS", "MANAGE_DISCOUNTS")):
        assert api.denied(CREATE, input=given) == {"MANAGE_PRODUCTS"}
    assert create(app_with("MANAGE_PRODUCTS"), **given)["errors"] == []
    assert MerchandisingRuleVersion.objects.get().actor_type == ActorType.APP


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("position = NULL", "only_a_pin_has_a_place_and_each_has_one"),
        ("action = 'exclude'", "only_a_pin_has_a_place_and_each_has_one"),
        ("position = 51", "pin_stays_among_the_first_places"),
        ("places = 0", "pin_stays_among_the_first_places"),
        ("factor = 2", "boost_and_bury_have_a_factor_others_none"),
        ("product_ids = '{}'", "rule_is_for_some_products"),
        ("starts_at = now(), ends_at = now()", "rule_ends_after_it_starts"),
        ("priority = 1001", "priority_within_limits"),
    ],
)
def test_the_database_refuses_what_the_code_should_have_refused(staff, apple, changes, constraint):
    assert create(staff, **PIN, targets={"productIds": [apple]})["errors"] == []
    refused = pytest.raises(IntegrityError, match=f"crm_merchandising_{constraint}")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE crm_merchandising_rule SET {changes}")
