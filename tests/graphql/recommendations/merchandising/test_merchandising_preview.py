"""`merchandisingPreview`, and what rules do to the lists that storefronts ask for."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.recommendations.tracking import outcome
from tests.graphql.client import global_id
from tests.graphql.recommendations.conftest import names
from tests.graphql.recommendations.test_recommendations import RECOMMENDED
from tests.integration.recommendations.merchandising.rules import boost, bury, exclude, pin
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

PREVIEW = """
query ($channel: String!, $kind: RecommendationKindEnum, $user: ID, $profile: ID, $products: [ID!],
       $first: Int) {
  merchandisingPreview(
    channel: $channel, kind: $kind, userId: $user, profileId: $profile, productIds: $products, first: $first
  ) {
    entries { product { name } position basePosition reason { kind text } rules { name } causes }
    excluded { product { name } basePosition rules { name } }
  }
}
"""

PAGE = """
query ($id: ID!) {
  product(id: $id, channel: "default-channel") { frequentlyBoughtTogether(first: 5) { product { name } } }
}
"""


@pytest.fixture
def manager(staff_with):
    return staff_with("MANAGE_PRODUCTS", "MANAGE_USERS")


@pytest.fixture
def vip(shop) -> CustomerSegment:
    """Ann is one."""
    segment = CustomerSegment.objects.create(name="VIP", slug="vip", query="orders > 1")
    profile = CustomerProfile.objects.get(user=shop.ann)
    SegmentMembership.objects.create(segment=segment, profile=profile, entered_at=timezone.now())
    return segment


def preview(api, **arguments):
    return api.data(PREVIEW, **{"channel": "default-channel", **arguments})["merchandisingPreview"]


def places(answer) -> list[tuple]:
    return [
        (entry["product"]["name"], entry["basePosition"], [rule["name"] for rule in entry["rules"]])
        for entry in answer["entries"]
    ]


def test_what_a_customer_sees_and_why(shop, model, manager, as_ann, vip):
    pin(shop.apple, position=1, segment_ids=frozenset({vip.pk}))
    bury(products=[shop.pear], factor=2)
    exclude(products=[shop.plum])
    ann = global_id("User", shop.ann.pk)
    answer = preview(manager, user=ann)
    assert places(answer) == [("Apple", 3, ["Pin"]), ("Pear", 1, ["Bury"])]
    assert answer["entries"][1]["reason"] == {"kind": "BOUGHT_BEFORE", "text": "You have bought this 2 times"}
    assert [entry["position"] for entry in answer["entries"]] == [1, 2]
    assert answer["excluded"] == [{"product": {"name": "Plum"}, "basePosition": 2, "rules": [{"name": "Exclude"}]}]

    seen = as_ann.data(RECOMMENDED)["recommendations"]
    assert names(seen) == ["Apple", "Pear"], "the storefront shows the same"
    profile = global_id("CustomerProfile", CustomerProfile.objects.get(user=shop.ann).pk)
    assert preview(manager, profile=profile) == answer


def test_without_rules_places_are_as_they_were(shop, model, staff):
    answer = preview(staff, first=2)
    assert places(answer) == [("Pear", 1, []), ("Apple", 2, [])]
    assert answer["excluded"] == []


def test_of_products(shop, model, staff):
    plum = global_id("Product", shop.plum.pk)
    boost(products=[shop.apple], kinds=frozenset({"frequently_bought_together"}))
    assert places(preview(staff, products=[plum])) == [("Apple", 2, ["Boost"]), ("Pear", 1, [])]
    assert places(preview(staff, products=[plum], kind="SIMILAR"))[0][2] == []


def test_of_the_policy(shop, model, staff):
    category = shop.apple.category_id
    assert category is None
    crm_settings(new_products_in_ten="5", new_product_days="30")
    shop.pear.channel_listings.update(published_at="2020-01-01T00:00:00Z")
    shop.apple.channel_listings.update(published_at="2020-01-01T00:00:00Z")
    (pear, plum, apple) = preview(staff)["entries"]
    assert (pear["causes"], plum["causes"], apple["causes"]) == ([], ["NEW"], [])
    assert (plum["product"]["name"], plum["basePosition"]) == ("Plum", 3)


def test_who_refuses_is_shown_what_somebody_unknown_sees(shop, model, manager, vip):
    pin(shop.plum, position=1, segment_ids=frozenset({vip.pk}))
    ann = global_id("User", shop.ann.pk)
    assert places(preview(manager, user=ann))[0][0] == "Plum"
    CustomerProfile.objects.filter(user=shop.ann).update(recommendations_allowed=False)
    assert places(preview(manager, user=ann, first=1))[0][0] == "Pear"


def test_who_is_held_out_is_shown_what_they_see(shop, model, manager, as_ann, vip, monkeypatch):
    crm_settings(holdout_percent="20")
    pin(shop.apple, position=2, segment_ids=frozenset({vip.pk}))
    ann = CustomerProfile.objects.get(user=shop.ann)
    monkeypatch.setattr(outcome, "in_holdout", lambda identity, share: (identity, share) == (f"profile:{ann.pk}", 0.2))

    for arguments in ({"user": global_id("User", shop.ann.pk)}, {"profile": global_id("CustomerProfile", ann.pk)}):
        entries = preview(manager, **arguments)["entries"]
        assert [entry["reason"]["kind"] for entry in entries[:2]] == ["POPULAR", "POPULAR"]
        assert [rule["name"] for rule in entries[1]["rules"]] == ["Pin"], "rules for their segments hold all the same"
        assert names(entries) == names(as_ann.data(RECOMMENDED)["recommendations"])


def test_nothing_where_nothing_is_recommended(model, staff):
    assert preview(staff, channel="no-such-channel") is None
    crm_settings(recommendations_enabled=False)
    assert preview(staff) is None


def test_wrong_arguments(shop, model, manager, staff, as_ann):
    ann = global_id("User", shop.ann.pk)
    profile = global_id("CustomerProfile", CustomerProfile.objects.get(user=shop.ann).pk)
    for arguments, part in (
        ({"kind": "SIMILAR"}, "needs `productIds`"),
        ({"products": [global_id("Product", 1)] * 101}, "up to 100 IDs"),
        ({"products": [global_id("Product", 1)], "kind": "BESTSELLERS"}, "does not take `productIds`"),
        ({"products": ["nonsense"]}, "Product"),
        ({"user": ann, "profile": profile}, "not both"),
        ({"user": global_id("User", 987654)}, "no profile"),
        ({"profile": global_id("CustomerProfile", 987654)}, "no profile"),
        ({"user": global_id("Order", 1)}, "User"),
        ({"first": 101}, "between 1 and 100"),
        ({"first": 0}, "between 1 and 100"),
    ):
        code, message = manager.error(PREVIEW, channel="default-channel", **arguments)
        assert code == "GraphQLError", (arguments, message)
        assert part in message
    assert staff.denied(PREVIEW, channel="default-channel", user=ann) == {"MANAGE_USERS"}
    assert staff.denied(PREVIEW, channel="default-channel", profile=profile) == {"MANAGE_USERS"}
    assert as_ann.denied(PREVIEW, channel="default-channel") == {"MANAGE_PRODUCTS"}


def test_rules_for_a_segment_on_a_product_page(shop, model, as_ann, as_ben, anonymous, vip):
    exclude(products=[shop.pear], segment_ids=frozenset({vip.pk}))
    apple = global_id("Product", shop.apple.pk)

    def seen(api):
        return names(api.data(PAGE, id=apple)["product"]["frequentlyBoughtTogether"])

    assert seen(as_ann) == ["Plum"]
    assert seen(as_ben) == seen(anonymous) == ["Pear", "Plum"]


def test_rules_cost_no_statement_and_segments_one(shop, model, as_ann, as_ben, vip):
    home = '{ me { recommendations(channel: "default-channel") { product { name } } } }'
    apple = global_id("Product", shop.apple.pk)
    before = as_ann.statements(home), as_ann.statements(PAGE, id=apple)
    exclude(products=[shop.apple])
    pin(shop.plum, position=1)
    assert (as_ann.statements(home), as_ann.statements(PAGE, id=apple)) == before
    boost(products=[shop.plum], kinds=frozenset({"bestsellers"}), segment_ids=frozenset({vip.pk}))
    assert (as_ann.statements(home), as_ann.statements(PAGE, id=apple)) == before, "another kind of list"
    boost(products=[shop.plum], segment_ids=frozenset({vip.pk}))
    assert (as_ann.statements(home), as_ann.statements(PAGE, id=apple)) == (before[0] + 1, before[1] + 1)


def test_settings_of_the_operator_reach_the_lists(shop, model, anonymous):
    for listing in (shop.pear, shop.apple):
        listing.channel_listings.update(published_at="2020-01-01T00:00:00Z")
    assert names(anonymous.data(RECOMMENDED)["recommendations"]) == ["Pear", "Apple", "Plum"]
    crm_settings(new_products_in_ten="5")
    assert names(anonymous.data(RECOMMENDED)["recommendations"]) == ["Pear", "Plum", "Apple"]
