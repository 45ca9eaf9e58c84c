"""The products that somebody looked at last."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.tracking.identity import session_digest
from tests.integration.recommendations.tracking.visits import (
    CLICKED,
    OTHER_SESSION,
    SESSION,
    VIEWED,
    ago,
    customer,
    event,
    send,
)
from tests.viewing import recently_viewed

pytestmark = pytest.mark.django_db

DIGEST = session_digest(SESSION)


def view(shop, product, minutes, user=None, session=SESSION):
    sent = event(VIEWED, product, occurred_at=ago(minutes=minutes), event_id=f"view-{product.pk}-{minutes}")
    assert send(sent, channel=shop.channel, user=user, session=session).recorded == 1


def viewed(profile=None, session=None, first=10, **options):
    who = (profile and profile.pk, session)
    return recently_viewed([who], first, **options)[who]


def test_each_product_once_the_latest_first(shop):
    for product, minutes in ((shop.apple, 40), (shop.pear, 30), (shop.apple, 20), (shop.plum, 25)):
        view(shop, product, minutes)
    assert viewed(session=DIGEST) == [shop.apple.pk, shop.plum.pk, shop.pear.pk]
    assert viewed(session=DIGEST, first=2) == [shop.apple.pk, shop.plum.pk]
    assert viewed(session=DIGEST, without=[shop.apple.pk]) == [shop.plum.pk, shop.pear.pk]


def test_a_click_is_not_a_view(shop):
    send(event(CLICKED, shop.apple), channel=shop.channel)
    assert viewed(session=DIGEST) == []


def test_of_a_customer_with_all_profiles_of_the_person(shop):
    ann, profile = customer()
    head = CustomerProfile.objects.create()
    view(shop, shop.apple, 10, user=ann, session=None)
    assert viewed(profile) == [shop.apple.pk]
    CustomerProfile.objects.filter(pk=profile.pk).update(merged_into=head)
    assert viewed(head) == [shop.apple.pk]


def test_what_was_looked_at_before_signing_in_stays(shop):
    ann, profile = customer()
    view(shop, shop.apple, 30)
    view(shop, shop.pear, 20, user=ann)
    view(shop, shop.plum, 10, user=ann, session=None)
    assert viewed(profile, DIGEST) == [shop.plum.pk, shop.pear.pk, shop.apple.pk]
    # Whoever uses the browser afterwards does not see what Ann looked at when she was signed in.
    assert viewed(session=DIGEST) == [shop.apple.pk]


def test_many_in_one_statement(shop, django_assert_num_queries):
    ann, profile = customer()
    view(shop, shop.apple, 30, user=ann, session=None)
    view(shop, shop.pear, 20)
    visitors = [(profile.pk, None), (None, DIGEST), (None, session_digest(OTHER_SESSION)), (None, None), (10**12, None)]
    with django_assert_num_queries(1):
        found = recently_viewed(visitors, 10)
    assert found == dict(zip(visitors, [[shop.apple.pk], [shop.pear.pk], [], [], []], strict=True))


def test_nobody_and_nothing(shop, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert recently_viewed([], 10) == {}
        assert recently_viewed([(None, DIGEST)], 0) == {(None, DIGEST): []}
