"""Referrals of customers who turn out to be somebody else."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from tests.devshop.factories import make_customer
from tests.devshop.flows import delete_customer
from tests.integration.loyalty.referrals.shop import APPLIED, buy, refused, run, state, sync

pytestmark = pytest.mark.django_db

STAFF = Actor(ActorType.STAFF, 999_999)


def profile(user) -> int:
    return resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)]


def merge(source, target) -> None:
    merge_customers(profile(source), profile(target), STAFF, timezone.now())


def points(user) -> int:
    account = LoyaltyAccount.objects.get(profile_id=profile(user))
    return account.active + account.pending


def test_the_code_of_who_was_merged_works_for_the_head(rita, fred):
    head = make_customer("head@example.com")
    code = create_code(rita).code
    merge(rita, head)
    referral = apply_code(fred, code, APPLIED)
    buy(fred)
    assert run() == 1
    assert state(referral) == ("rewarded", "")
    assert profile(rita) == profile(head)
    assert points(head) > 0


def test_it_is_the_heads_own(rita):
    head = make_customer("head@example.com")
    code = create_code(rita).code
    create_code(head)
    merge(rita, head)
    assert refused(lambda: apply_code(head, code, APPLIED)) == "SELF_REFERRAL"


def test_a_friend_who_was_merged_is_still_the_friend(rita, fred):
    head = make_customer("head@example.com")
    referral = apply_code(fred, create_code(rita).code, APPLIED)
    merge(fred, head)
    buy(fred)
    assert run() == 1
    assert state(referral) == ("rewarded", "")


def test_merging_the_friend_takes_nothing_back(rita, fred):
    head = make_customer("head@example.com")
    referral = apply_code(fred, create_code(rita).code, APPLIED)
    order = buy(fred)
    run()
    merge(fred, head)
    sync(order)
    assert run() == 0
    assert state(referral) == ("rewarded", "")


@pytest.mark.parametrize("who", ["rita", "fred"])
def test_who_was_merged_into_a_customer_who_is_gone_is_rewarded(rita, fred, who):
    referral = apply_code(fred, create_code(rita).code, APPLIED)
    member, head = {"rita": rita, "fred": fred}[who], make_customer("head@example.com")
    merge(member, head)
    head_id = head.pk
    delete_customer(head)
    sync_customer(head_id)
    buy(fred)
    assert run() == 1
    assert state(referral) == ("rewarded", "")
    points = PointsTransaction.objects.filter(type="referral").order_by("points").values_list("points", flat=True)
    assert list(points) == [200, 500]
