"""Whoever is held out gets what sells most instead of personal recommendations."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.tracking import outcome
from saleor_crm_plugin.recommendations.tracking.holdout import in_holdout, profile_identity
from tests.graphql.recommendations.conftest import names
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

MINE = """
query ($kind: RecommendationKindEnum) {
  me { recommendations(channel: "default-channel", kind: $kind, first: 1) { product { name } reason { kind } } }
}
"""


@pytest.fixture
def hold_out(monkeypatch):
    """Let the hash fall as the test needs it."""

    def hold(profile, is_in: bool) -> None:
        def decide(identity, share):
            assert (identity, share) == (profile_identity(profile.pk), 0.2)
            return is_in

        monkeypatch.setattr(outcome, "in_holdout", decide)

    return hold


PERSONAL = "personal"


def mine(api, kind=None):
    (found,) = api.data(MINE, kind=kind)["me"]["recommendations"]
    kind = found["reason"]["kind"]
    return PERSONAL if kind in ("BOUGHT_BEFORE", "BOUGHT_TOGETHER") else kind


@pytest.mark.parametrize("kind", [None, "FOR_YOU", "BUY_AGAIN", "DISCOVER"])
def test_personal_lists(shop, model, as_ann, hold_out, kind):
    crm_settings(holdout_percent="20")
    ann = CustomerProfile.objects.get(user=shop.ann)
    hold_out(ann, True)
    assert mine(as_ann, kind) == "POPULAR"
    hold_out(ann, False)
    assert mine(as_ann, kind) == PERSONAL


def test_nobody_unless_the_shop_says_so(shop, model, as_ann):
    assert mine(as_ann) == PERSONAL
    crm_settings(holdout_percent="0")
    assert mine(as_ann) == PERSONAL


def test_by_the_hash_of_the_person(shop, model, as_ann):
    crm_settings(holdout_percent="50")
    ann = CustomerProfile.objects.get(user=shop.ann)
    held_out = in_holdout(profile_identity(ann.pk), 0.5)
    assert mine(as_ann) == ("POPULAR" if held_out else PERSONAL)


def test_anonymous_visitors_have_no_personal_lists_anyway(shop, model, anonymous):
    crm_settings(holdout_percent="50")
    query = '{ recommendations(channel: "default-channel", first: 2) { product { name } } }'
    assert names(anonymous.data(query)["recommendations"]) == ["Pear", "Apple"]
