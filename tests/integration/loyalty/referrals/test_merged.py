"""Referrals of customers who turn out to be somebody else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.ingestion.tier_facts import net_spend
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Limits
from saleor_crm_plugin.loyalty.rules.editing import update_rule
from saleor_crm_plugin.loyalty.tiers.assignment import assign
from saleor_crm_plugin.loyalty.tiers.editing import create_tier, update_policy
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierMembership
from saleor_crm_plugin.loyalty.tiers.standing import Basis
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from tests.devshop.factories import make_customer
from tests.devshop.flows import delete_customer
from tests.integration.loyalty.referrals.shop import APPLIED, BOUGHT, DUE, buy, refused, run, state, sync

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


class TestRulesAskAboutTheHead:
    """By whichever of the two codes a friend comes."""

    @pytest.fixture
    def head(self):
        return make_customer("head@example.com")

    @pytest.fixture(params=["head", "rita"])
    def first(self, request) -> str:
        return request.param

    @pytest.fixture
    def codes(self, head, rita, first) -> list[str]:
        """The head's and Rita's, who was merged into the head."""
        codes = [create_code(each).code for each in ([head, rita] if first == "head" else [rita, head])]
        merge(rita, head)
        return codes

    def bring_friends(self, codes) -> None:
        for code in codes:
            friend = make_customer()
            apply_code(friend, code, APPLIED)
            buy(friend)
            assert run() == 1

    def test_about_what_it_has_used(self, codes, head, rules):
        update_rule(rules[0].pk, SYSTEM, change=lambda rule: replace(rule, limits=Limits(uses_per_customer=1)))
        self.bring_friends(codes)
        assert points(head) == 500

    def test_about_its_tier(self, codes, head, rules):
        gold = LoyaltyTier.objects.create(program_id=default_program_id(), name="Gold", level=1, threshold=10_000)
        account = LoyaltyAccount.objects.get(profile__user=head)
        assign(account.pk, gold.pk, DUE.replace(2100), "Ambassador", STAFF, net_spend)
        conditions = Conditions(tier_ids=frozenset({gold.pk}))
        update_rule(rules[0].pk, SYSTEM, change=lambda rule: replace(rule, conditions=conditions))
        self.bring_friends(codes)
        assert points(head) == 1000

    def test_about_its_segments(self, codes, head, rules):
        CustomerSegment.objects.all().delete()
        segment = CustomerSegment.objects.create(name="Vip", slug="vip", query="tag = 'vip'")
        SegmentMembership.objects.create(segment=segment, profile_id=profile(head), entered_at=BOUGHT)
        conditions = Conditions(segments=frozenset({"vip"}))
        update_rule(rules[0].pk, SYSTEM, change=lambda rule: replace(rule, conditions=conditions))
        self.bring_friends(codes)
        assert points(head) == 1000


def test_the_heads_tier_follows_at_once(rita, fred):
    head = make_customer("head@example.com")
    code = create_code(rita).code
    merge(rita, head)
    update_policy(default_program_id(), {"basis": Basis.POINTS_EARNED})
    create_tier(default_program_id(), {"name": "Gold", "level": 1, "threshold": Decimal(500)})
    apply_code(fred, code, APPLIED)
    buy(fred)
    assert run() == 1
    tiers = TierMembership.objects.values_list("account__profile_id", "tier__name")
    assert (profile(head), "Gold") in tiers


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
