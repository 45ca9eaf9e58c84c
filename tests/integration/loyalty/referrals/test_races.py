"""Friends and workers at the same time: real threads on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import AccountClosedError, LoyaltyInputError
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.referrals import settle
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode
from saleor_crm_plugin.loyalty.rules.definition import Limits
from saleor_crm_plugin.loyalty.rules.editing import update_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import ErasureLevel
from tests.concurrently import at_once, behind
from tests.devshop.factories import make_customer
from tests.integration.loyalty.referrals.shop import APPLIED, BEFORE, DUE, buy, gifts, run

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_a_friend_applies_twice_at_once(self, rita):
        for _ in range(5):
            friend, codes = make_customer(), [create_code(rita).code, create_code(make_customer()).code]
            outcomes = at_once([partial(apply_code, friend, code, APPLIED) for code in codes * 2])
            errors = [outcome.code for outcome in outcomes if isinstance(outcome, LoyaltyInputError)]
            assert errors == ["ALREADY_REFERRED"] * 3
            assert Referral.objects.filter(friend__profile__user=friend, status="applied").count() == 1

    def test_two_codes_asked_for_at_once_are_one(self, rita):
        outcomes = at_once([lambda: create_code(rita).code] * 4)
        assert outcomes == [ReferralCode.objects.get().code] * 4

    @pytest.mark.parametrize("act", [create_code, lambda fred: apply_code(fred, "nonsense", APPLIED)])
    def test_who_is_being_deleted_on_request(self, fred, act):
        person = UserPerson(fred.pk)
        profile_id = resolve_profiles([person])[person]
        ensure(default_program_id(), [profile_id], "default")
        with pytest.raises(AccountClosedError):
            behind(partial(erase_customer, profile_id, ErasureLevel.DELETE, SYSTEM), partial(act, fred))
        assert not Referral.objects.exists()
        assert not ReferralCode.objects.exists()

    def test_two_workers_settle_while_orders_are_cancelled(self, rita, rules):
        update_rule(rules[0].pk, SYSTEM, change=lambda before: replace(before, limits=Limits(points_in_total=4_000)))
        EarningRule.objects.update(in_force_since=BEFORE)
        code = create_code(rita).code
        friends = [make_customer() for _ in range(10)]
        orders = []
        for friend in friends:
            apply_code(friend, code, APPLIED)
            orders.append(buy(friend))
        for order in orders[:5]:
            Order.objects.filter(pk=order.pk).update(status="canceled")

        def work() -> int:
            return settle(load_settings(), DUE)

        def look() -> None:
            sync_orders([order.pk for order in orders[:5]])

        outcomes = at_once([work, look, work, look, work])
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        run()
        assert sum(gifts(rita)) == 2500
        assert [sum(gifts(friend)) for friend in friends] == [0] * 5 + [200] * 5
        assert set(Referral.objects.values_list("status", flat=True)) <= {"rewarded", "reversed", "applied"}
        assert run() == 0
