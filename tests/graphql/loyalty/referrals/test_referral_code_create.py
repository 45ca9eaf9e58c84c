"""`referralCodeCreate` and `LoyaltyAccount.referralCode`."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.referrals.models import ReferralCode
from tests.devshop.factories import make_customer
from tests.graphql.client import Api, global_id

pytestmark = pytest.mark.django_db

CREATE = "mutation { referralCodeCreate { code errors { field message code } } }"
MINE = "{ me { loyaltyAccount { balance referralCode } } }"


def create(api):
    return api.data(CREATE)["referralCodeCreate"]


def test_a_customer_gets_a_code_and_keeps_it(rules, as_ann):
    assert as_ann.data(MINE)["me"]["loyaltyAccount"]["referralCode"] is None
    first, second = create(as_ann), create(as_ann)
    assert first == second == {"code": ReferralCode.objects.get().code, "errors": []}
    assert as_ann.data(MINE)["me"]["loyaltyAccount"] == {"balance": 500, "referralCode": first["code"]}


def test_it_opens_an_account(rules, as_ben):
    assert as_ben.data(MINE)["me"]["loyaltyAccount"] is None
    code = create(as_ben)["code"]
    assert as_ben.data(MINE)["me"]["loyaltyAccount"] == {"balance": 0, "referralCode": code}


def test_where_no_rule_rewards_it_there_is_none(shop, as_ben):
    answer = create(as_ben)
    assert answer["code"] is None
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(None, "LOYALTY_DISABLED")]
    assert not LoyaltyAccount.objects.filter(profile__user=shop.ben).exists()


def test_only_customers_have_codes(rules, anonymous, app_with):
    for api in (anonymous, app_with("MANAGE_USERS", "MANAGE_DISCOUNTS")):
        assert api.denied(CREATE) == {"AUTHENTICATED_USER"}


def test_staff_see_it_and_others_do_not(rules, shop, as_ann, as_ben, staff_with):
    code = create(as_ann)["code"]
    query = "query ($id: ID!) { loyaltyAccount(userId: $id) { referralCode } }"
    ann = global_id("User", shop.ann.pk)
    assert staff_with("MANAGE_USERS").data(query, id=ann) == {"loyaltyAccount": {"referralCode": code}}
    assert as_ben.denied(query, id=ann)


def test_the_codes_of_many_customers_are_one_statement(rules, shop, staff_with):
    def customers(number: int) -> None:
        for _ in range(number):
            create(Api(make_customer()))

    query = "{ customerProfiles(first: 20) { edges { node { user { loyaltyAccount { referralCode } } } } } }"
    staff = staff_with("MANAGE_USERS")
    customers(2)
    few = staff.statements(query)
    customers(5)
    assert staff.statements(query) == few
