"""Two customers whom staff have said to be one: what belongs to an account of the shop stays with that account."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_order
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

FEEDBACK = """{ me { customerProfile { feedback(first: 5) { edges { node { score order { id } } } } } } }"""
OF_STAFF = "{ customerFeedback(first: 5) { edges { node { score order { id } } } } }"


@pytest.fixture
def orders(shop: Any) -> dict[int, str]:
    """Ids of the orders by the score that each got. Ben's profile was merged into Ann's."""
    of_ben = make_order(shop.ben, channel=shop.channel, lines=[(shop.plum, 1)])
    assert not sync_orders([of_ben.pk]).failed
    now = timezone.now()
    for score, order in ((9, shop.first), (3, of_ben)):
        OrderFeedback.objects.create(
            order_id=order.pk,
            profile=CustomerProfile.objects.get(user=order.user),
            channel_id=shop.channel.pk,
            score=score,
            created_at=now,
            scored_at=now,
        )
    source, target = (CustomerProfile.objects.get(user=user).pk for user in (shop.ben, shop.ann))
    merge_customers(source, target, SYSTEM, now)
    return {9: global_id("Order", shop.first.pk), 3: global_id("Order", of_ben.pk)}


def told(edges: list[dict[str, Any]]) -> dict[int, str | None]:
    return {edge["node"]["score"]: edge["node"]["order"] and edge["node"]["order"]["id"] for edge in edges}


def test_each_reads_what_both_said_and_about_the_own_order_only(orders, as_ann, as_ben):
    """An order tells where its customer lives."""
    of_ann = told(as_ann.data(FEEDBACK)["me"]["customerProfile"]["feedback"]["edges"])
    of_ben = told(as_ben.data(FEEDBACK)["me"]["customerProfile"]["feedback"]["edges"])
    assert of_ann == {9: orders[9], 3: None}
    assert of_ben == {9: None, 3: orders[3]}


def test_staff_who_see_orders_read_about_which_one_it_is(orders, staff_with, app_with):
    for make in (staff_with, app_with):
        assert told(make("MANAGE_USERS", "MANAGE_ORDERS").data(OF_STAFF)["customerFeedback"]["edges"]) == orders
        assert told(make("MANAGE_USERS").data(OF_STAFF)["customerFeedback"]["edges"]) == {9: None, 3: None}


POINTS = "{ me { loyaltyAccount { transactions(first: 20) { edges { node { order { id } } } } } } }"
TIMELINE = "{ me { customerProfile { timeline(first: 50) { edges { node { kind subjectId } } } } } }"
CONSENT = """mutation { customerConsentUpdate(consents: [{ purpose: MARKETING_EMAIL, state: GRANTED }]) {
    customerProfile { user { email } profilingAllowed } errors { field code } } }"""


def order_ids(found: Any) -> set[str]:
    """All ids of orders in an answer."""
    if isinstance(found, dict):
        return {one for value in found.values() for one in order_ids(value)}
    if isinstance(found, list):
        return {one for value in found for one in order_ids(value)}
    return {found} if isinstance(found, str) and found.startswith(global_id("Order", "")[:7]) else set()


def test_no_timeline_names_an_order_or_checkout_of_the_other(orders, as_ann, as_ben):
    of_ann, of_ben = order_ids(as_ann.data(TIMELINE)), order_ids(as_ben.data(TIMELINE))
    assert orders[9] in of_ann
    assert orders[3] not in of_ann
    assert orders[3] in of_ben
    assert orders[9] not in of_ben


def test_who_says_something_about_consents_is_told_of_the_own_account(orders, as_ben, shop):
    done = as_ben.data(CONSENT)["customerConsentUpdate"]
    assert done["errors"] == []
    assert done["customerProfile"]["user"] == {"email": shop.ben.email}


def test_a_guest_s_order_is_for_its_customer_and_for_staff_who_see_orders(shop, as_ann, staff_with):
    """Also when the guest has become one with somebody, and has earned in that one's account."""
    guest = make_order(None, email="guest@example.com", channel=shop.channel, lines=[(shop.plum, 1)])
    assert not sync_orders([guest.pk]).failed
    found = CustomerProfile.objects.get(identities__value="guest@example.com")
    merge_customers(found.pk, CustomerProfile.objects.get(user=shop.ann).pk, SYSTEM, timezone.now())
    again = make_order(None, email="guest@example.com", channel=shop.channel, lines=[(shop.plum, 1)])
    assert not sync_orders([again.pk]).failed
    assert not order_ids(as_ann.data(POINTS)) & {global_id("Order", guest.pk), global_id("Order", again.pk)}
    query = """mutation ($user: ID!) { loyaltyPointsAdjust(userId: $user, points: 1, reason: "Sorry") {
        account { transactions(first: 50) { edges { node { order { id } } } } } errors { code } } }"""
    ann = global_id("User", shop.ann.pk)
    assert not order_ids(staff_with("MANAGE_DISCOUNTS").data(query, user=ann))
    assert global_id("Order", again.pk) in order_ids(
        staff_with("MANAGE_DISCOUNTS", "MANAGE_ORDERS").data(query, user=ann)
    )
