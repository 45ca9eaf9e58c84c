"""`recommendations(kind: RECENTLY_VIEWED)`: what a visitor looked at last, of what the channel still sells."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.tracking.identity import session_digest
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

SESSION = "b7b1c0de-7f2e-4c1a-9d55-0f6a1b2c3d4e"
VIEWED = """
query ($session: String, $first: Int, $channel: String!) {
  recommendations(channel: $channel, kind: RECENTLY_VIEWED, sessionId: $session, first: $first) {
    product { name } reason { kind text products { name } }
  }
}
"""


def view(shop, product, minutes, profile=None, session=SESSION):
    RecommendationEvent.objects.create(
        id=uuid4(), type="viewed", product_id=product.pk, channel_id=shop.channel.pk, profile=profile,
        session=session and session_digest(session), occurred_at=timezone.now() - timedelta(minutes=minutes),
    )  # fmt: skip


def viewed(api, session=SESSION, first=10, channel="default-channel"):
    found = api.data(VIEWED, session=session, first=first, channel=channel)["recommendations"]
    return [item["product"]["name"] for item in found if item["reason"]["kind"] == "VIEWED"]


@pytest.fixture
def ann(shop):
    return CustomerProfile.objects.get(user=shop.ann)


def test_of_an_anonymous_visitor_the_latest_first(shop, anonymous):
    for product, minutes in ((shop.apple, 30), (shop.pear, 20), (shop.plum, 10), (shop.apple, 5)):
        view(shop, product, minutes)
    assert viewed(anonymous) == ["Apple", "Plum", "Pear"]
    assert viewed(anonymous, first=2) == ["Apple", "Plum"]
    assert viewed(anonymous, session=str(uuid4())) == []
    assert viewed(anonymous, session=None) == []


def test_the_reason(shop, anonymous):
    view(shop, shop.apple, 5)
    found = anonymous.data(VIEWED, session=SESSION, first=1, channel="default-channel")["recommendations"]
    reason = {"kind": "VIEWED", "text": "You have looked at this", "products": []}
    assert found == [{"product": {"name": "Apple"}, "reason": reason}]


def test_of_a_customer_on_every_device_and_before_signing_in(shop, as_ann, ann):
    view(shop, shop.apple, 30)
    view(shop, shop.pear, 20, profile=ann, session=None)
    assert viewed(as_ann, session=None) == ["Pear"]
    assert viewed(as_ann) == ["Pear", "Apple"]
    mine = '{ me { recommendations(channel: "default-channel", kind: RECENTLY_VIEWED) { product { name } } } }'
    assert as_ann.data(mine)["me"]["recommendations"][0] == {"product": {"name": "Pear"}}


def test_only_what_is_still_sold(shop, anonymous):
    view(shop, shop.apple, 30)
    view(shop, shop.pear, 20)
    shop.pear.channel_listings.update(is_published=False)
    assert viewed(anonymous) == ["Apple"]


def test_not_of_whoever_refuses(shop, as_ann, ann):
    view(shop, shop.apple, 30)
    view(shop, shop.pear, 20, profile=ann)
    CustomerProfile.objects.filter(pk=ann.pk).update(recommendations_allowed=False)
    assert viewed(as_ann) == []


def test_held_out_customers_see_what_they_looked_at(shop, as_ann, ann):
    crm_settings(holdout_percent="50")
    view(shop, shop.pear, 20, profile=ann)
    assert viewed(as_ann) == ["Pear"]


def test_it_is_filled_up_like_any_list(shop, anonymous):
    view(shop, shop.apple, 30)
    found = anonymous.data(VIEWED, session=SESSION, first=3, channel="default-channel")["recommendations"]
    assert (found[0]["product"]["name"], len(found)) == ("Apple", 3)


@pytest.mark.parametrize("session", ["short", "x" * 65, "\0" * 20, "ann@example.com and more"])
def test_a_session_that_is_none(shop, anonymous, session):
    message = anonymous.error(VIEWED, session=session, first=1, channel="default-channel")[1]
    assert message == "Argument `sessionId` takes 16 to 64 letters, digits, hyphens and underscores."


def test_a_session_is_for_this_kind_only(shop, anonymous):
    query = """query ($session: String) { recommendations(channel: "default-channel", sessionId: $session) {
        score } }"""
    assert anonymous.error(query, session=SESSION)[1] == "`sessionId` is for RECENTLY_VIEWED."


def test_an_unknown_channel_is_empty(shop, anonymous):
    view(shop, shop.apple, 30)
    assert viewed(anonymous, channel="nowhere") == []


def test_many_lists_in_one_statement_more(shop, anonymous):
    view(shop, shop.apple, 30)
    other = "other-session-of-somebody"
    view(shop, shop.pear, 30, session=other)
    one = 'recommendations(channel: "default-channel", kind: RECENTLY_VIEWED, sessionId: "%s", first: 1) { score }'
    few, more = f"{{ a: {one % SESSION} }}", f"{{ a: {one % SESSION} b: {one % other} }}"
    assert anonymous.statements(few) == anonymous.statements(more)
