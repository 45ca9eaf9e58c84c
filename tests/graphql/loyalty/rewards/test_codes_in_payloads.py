"""What the apps that hear of one event get of a redemption's code: each what its own permissions allow."""

from __future__ import annotations

import pytest
from saleor.permission.enums import AccountPermissions, DiscountPermissions

from saleor_crm_plugin.ingestion.rewards import redeem_reward
from tests.devshop.factories import make_app
from tests.graphql.client import global_id
from tests.graphql.payloads import answer_to, request_of

pytestmark = pytest.mark.django_db

CODES = """
query ($user: ID) {
  loyaltyAccount(userId: $user) { redemptions(first: 5) { edges { node { code reward { segments } } } } }
}
"""


@pytest.mark.parametrize("one_request", [True, False], ids=["one request for all", "a request for each"])
@pytest.mark.parametrize("first", ["the shop's own", "somebody else's"])
def test_no_app_gets_what_another_one_may_see(shop, make_reward, first, one_request):
    voucher = redeem_reward(make_reward().pk, shop.ann, None, None)
    own, _ = make_app("own", permissions=[AccountPermissions.MANAGE_USERS, DiscountPermissions.MANAGE_DISCOUNTS])
    other, _ = make_app("other", permissions=[AccountPermissions.MANAGE_USERS])
    shared = {}
    request = request_of(own, shared)
    seen = {}
    for app in [own, other] if first == "the shop's own" else [other, own]:
        if not one_request:
            request = request_of(app, shared)
        request.app = app
        answer = answer_to(request, CODES, user=global_id("User", shop.ann.pk))
        assert not answer.errors
        (edge,) = answer.data["loyaltyAccount"]["redemptions"]["edges"]
        seen[app] = edge["node"]["code"], edge["node"]["reward"]["segments"]
    assert seen == {own: (voucher.code, []), other: (None, None)}
