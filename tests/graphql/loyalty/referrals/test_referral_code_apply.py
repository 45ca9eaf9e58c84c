"""`referralCodeApply`: what a friend is told, and that it says nothing about the referrer."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.referrals.applying import MAX_ATTEMPTS
from saleor_crm_plugin.loyalty.referrals.models import Referral
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from tests.devshop.factories import make_customer
from tests.graphql.client import Api
from tests.graphql.loyalty.referrals.test_referral_code_create import create

pytestmark = pytest.mark.django_db

APPLY = """
mutation ($code: String!) { referralCodeApply(code: $code) { appliedAt errors { field message code } } }
"""


def apply(api, code):
    return api.data(APPLY, code=code)["referralCodeApply"]


def refused(api, code) -> str:
    answer = apply(api, code)
    assert answer["appliedAt"] is None
    (error,) = answer["errors"]
    assert error["field"] == "code"
    return error["code"]


@pytest.fixture
def code(rules, as_ann) -> str:
    return create(as_ann)["code"]


def test_a_friend_applies_a_code(code, as_ben, shop):
    answer = apply(as_ben, f" {code[:5].lower()}-{code[5:]}")
    referral = Referral.objects.get()
    assert answer == {"appliedAt": referral.applied_at.isoformat(), "errors": []}
    assert (referral.status, referral.friend.profile.user_id) == ("applied", shop.ben.pk)


def test_what_is_refused_says_why_and_not_whose(code, as_ann, as_ben, shop):
    assert refused(as_ann, code) == "SELF_REFERRAL"
    assert refused(as_ben, "nonsense") == "NOT_FOUND"
    assert refused(Api(make_customer("ann+2@example.com")), code) == "SELF_REFERRAL"
    apply(as_ben, code)
    assert refused(as_ben, code) == "ALREADY_REFERRED"
    other = create(as_ben)["code"]
    assert refused(as_ann, other) == "ALREADY_CUSTOMER"
    answer = json.dumps(as_ben.post(APPLY, code=code)).lower()
    assert "ann" not in answer
    assert "archer" not in answer


def test_guessing_comes_to_an_end(code, as_ben):
    assert [refused(as_ben, "nonsense") for _ in range(MAX_ATTEMPTS)] == ["NOT_FOUND"] * MAX_ATTEMPTS
    assert refused(as_ben, code) == "TOO_MANY_ATTEMPTS"


def test_without_a_rule_nothing_is_promised(shop, as_ben):
    (error,) = apply(as_ben, "ABCDEFGHJK")["errors"]
    assert error["code"] == "LOYALTY_DISABLED"
    assert not Referral.objects.exists()


def test_who_was_deleted_on_request_neither_applies_a_code_nor_gets_one(code, as_ben, shop):
    create(as_ben)
    LoyaltyAccount.objects.filter(profile__user=shop.ben).update(closed_at=timezone.now())
    for answer in (apply(as_ben, code), create(as_ben)):
        assert [(error["field"], error["code"]) for error in answer["errors"]] == [(None, "ACCOUNT_CLOSED")]
    assert not Referral.objects.exists()


def test_only_a_customer_can(code, anonymous, app_with):
    for api in (anonymous, app_with("MANAGE_USERS", "MANAGE_DISCOUNTS")):
        assert api.denied(APPLY, code=code) == {"AUTHENTICATED_USER"}
    assert not Referral.objects.exists()


def merge(source, target) -> None:
    persons = [UserPerson(source.pk), UserPerson(target.pk)]
    profiles = resolve_profiles(persons)
    merge_customers(profiles[persons[0]], profiles[persons[1]], SYSTEM, timezone.now())


def test_who_was_merged_with_a_customer_is_one(rules, shop, as_ben):
    code = create(Api(make_customer("cyd@example.com")))["code"]
    merge(shop.ben, shop.ann)
    assert refused(as_ben, code) == "ALREADY_CUSTOMER"


def test_who_was_brought_before_a_merge_is_not_brought_again_after_it(code, shop, as_ben):
    assert apply(as_ben, code)["errors"] == []
    dan = make_customer("dan@example.com")
    merge(shop.ben, dan)
    other = create(Api(make_customer("cyd@example.com")))["code"]
    for api in (as_ben, Api(dan)):
        assert refused(api, other) == "ALREADY_REFERRED"
