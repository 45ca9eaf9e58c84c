"""Ann and Ben are one customer for a while: what Ann says about her orders stays hers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from tests.graphql.client import global_id
from tests.graphql.profiles.feedback.conftest import MAY
from tests.graphql.profiles.feedback.requests import create, refusal, update

pytestmark = pytest.mark.django_db

AUTHORS = "{ customerReviews(first: 9) { edges { node { author { id } } } } }"


@pytest.fixture
def profiles(shop) -> tuple[int, int]:
    """Ann's and Ben's."""
    of_ann, of_ben = UserPerson(shop.ann.pk), UserPerson(shop.ben.pk)
    found = resolve_profiles([of_ann, of_ben])
    return found[of_ann], found[of_ben]


def join(profiles: tuple[int, int]) -> ProfileMerge:
    """Ann into Ben."""
    return merge_customers(*profiles, SYSTEM, MAY)


def test_what_was_said_before_can_be_changed(as_ann, as_ben, order_id, profiles):
    create(as_ann, order_id, score=9)
    join(profiles)
    assert refusal(update(as_ben, order_id, score=1)) == ("orderId", "NOT_FOUND")
    assert update(as_ann, order_id, score=8)["feedback"]["score"] == 8


def test_what_is_said_meanwhile_stays_hers(as_ann, as_ben, order_id, profiles):
    merged = join(profiles)
    create(as_ann, order_id, score=9)
    assert OrderFeedback.objects.get().profile_id == profiles[0]
    assert refusal(update(as_ben, order_id, score=1)) == ("orderId", "NOT_FOUND")
    separate_customers(merged.pk, SYSTEM, MAY + timedelta(days=1))
    assert refusal(update(as_ben, order_id, score=1)) == ("orderId", "NOT_FOUND")
    assert update(as_ann, order_id, score=8)["feedback"]["score"] == 8
    mine = "{ me { customerProfile { feedback(first: 9) { totalCount } } } }"
    counts = [api.data(mine)["me"]["customerProfile"]["feedback"]["totalCount"] for api in (as_ann, as_ben)]
    assert counts == [1, 0]


def test_staff_see_who_she_is_now(as_ann, staff_with, order_id, line_id, profiles):
    create(as_ann, order_id, products=[{"orderLineId": line_id, "rating": 4}])
    join(profiles)
    (review,) = staff_with("MANAGE_USERS", "MANAGE_PRODUCTS").data(AUTHORS)["customerReviews"]["edges"]
    assert review["node"]["author"]["id"] == global_id("CustomerProfile", profiles[1])
