"""What does not count, why, and that it is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import AccountClosedError, LoyaltyInputError
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.referrals.applying import MAX_ATTEMPTS
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode
from saleor_crm_plugin.loyalty.rules.editing import update_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import ErasureLevel
from tests.devshop.factories import make_address, make_customer, make_order, make_product
from tests.integration.loyalty.referrals.shop import APPLIED, BEFORE, DUE, buy, cancel, gifts, refused, run, state, sync

pytestmark = pytest.mark.django_db


class TestRefusals:
    def attempts(self) -> list[tuple[str, str]]:
        return list(Referral.objects.order_by("pk").values_list("status", "refusal"))

    def test_ones_own_code(self, rita):
        assert refused(lambda: apply_code(rita, create_code(rita).code, APPLIED)) == "SELF_REFERRAL"
        assert self.attempts() == [("refused", "self_referral")]

    @pytest.mark.parametrize("email", ["Rita+friend@example.com", "r.i.t.a@Example.com", "RITA@example.com "])
    def test_a_second_account_of_the_same_mailbox(self, rita, email):
        other = make_customer(email)
        assert refused(lambda: apply_code(other, create_code(rita).code, APPLIED)) == "SELF_REFERRAL"

    def test_a_customer(self, rita, fred):
        buy(fred)
        assert refused(lambda: apply_code(fred, create_code(rita).code, APPLIED)) == "ALREADY_CUSTOMER"
        assert self.attempts() == [("refused", "already_customer")]

    @pytest.mark.parametrize("email", ["fred@example.com", "Fred@Example.com"])
    def test_a_customer_who_has_bought_as_a_guest(self, rita, fred, email):
        order = make_order(email=email, lines=[(make_product(), 1)], created_at=BEFORE)
        sync(order)
        assert refused(lambda: apply_code(fred, create_code(rita).code, APPLIED)) == "ALREADY_CUSTOMER"

    def test_who_has_cancelled_has_bought_nothing(self, rita, fred):
        cancel(buy(fred, at=BEFORE))
        assert apply_code(fred, create_code(rita).code, APPLIED).status == "applied"

    def test_a_second_time(self, rita, fred, applied):
        other = create_code(make_customer()).code
        for code in (applied.code.code, other):
            assert refused(lambda code=code: apply_code(fred, code, APPLIED)) == "ALREADY_REFERRED"
        buy(fred)
        run()
        assert refused(lambda: apply_code(fred, other, DUE)) == "ALREADY_REFERRED"

    @pytest.mark.parametrize(
        "email",
        ["fred+2@example.com", "f.red@Example.com", "Fred+a+b@example.com", "FRED@example.com", " fred@example.com "],
    )
    def test_a_second_friend_with_the_same_mailbox(self, rita, email):
        code = create_code(rita).code
        first = apply_code(make_customer("f.r.e.d+1@example.com"), code, APPLIED)
        again = make_customer(email)
        # Nothing that is not so of `again`, and nothing about the other account.
        with pytest.raises(LoyaltyInputError, match=r"^A customer can be referred only once\.$") as error:
            apply_code(again, code, APPLIED)
        assert error.value.code == "ALREADY_REFERRED"
        assert self.attempts() == [("applied", ""), ("refused", "already_referred")]
        for other in ("fredo@example.com", "fred@example.org", "red@example.com"):
            assert apply_code(make_customer(other), code, APPLIED).status == "applied"
        # A refused attempt has brought nobody.
        Referral.objects.filter(pk=first.pk).update(status="refused", refusal="already_customer")
        assert apply_code(again, code, APPLIED).status == "applied"

    @pytest.mark.parametrize("code", ["", "nonsense", "ABCDEFGHJK", "x" * 10_000, "ABCDE\x00FGHJ", "ÄBCDEFGHJK"])
    def test_a_code_that_there_is_not(self, fred, code):
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "NOT_FOUND"
        assert self.attempts() == [("refused", "not_found")]

    def test_the_code_of_somebody_who_is_gone(self, rita, fred):
        code = create_code(rita).code
        LoyaltyAccount.objects.update(closed_at=APPLIED)
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "NOT_FOUND"
        LoyaltyAccount.objects.update(closed_at=None)
        rita.delete()
        reconcile(full=True)
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "NOT_FOUND"

    @pytest.mark.parametrize("has_account", [True, False])
    def test_who_was_deleted_on_request(self, rita, fred, has_account):
        code = create_code(rita).code
        person = UserPerson(fred.pk)
        profile_id = resolve_profiles([person])[person]
        if has_account:
            ensure(default_program_id(), [profile_id], "default")
        erase_customer(profile_id, ErasureLevel.DELETE, SYSTEM)
        for call in (lambda: create_code(fred), lambda: apply_code(fred, code, APPLIED)):
            with pytest.raises(AccountClosedError):
                call()
        assert self.attempts() == []
        assert not ReferralCode.objects.filter(account__profile=profile_id).exists()

    def test_what_was_refused_hinders_nothing(self, rita, fred):
        assert refused(lambda: apply_code(fred, "nonsense", APPLIED)) == "NOT_FOUND"
        assert apply_code(fred, create_code(rita).code, APPLIED).status == "applied"

    def test_guessing_comes_to_an_end(self, rita, fred):
        code = create_code(rita).code
        for _ in range(MAX_ATTEMPTS):
            assert refused(lambda: apply_code(fred, "nonsense", APPLIED)) == "NOT_FOUND"
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "TOO_MANY_ATTEMPTS"
        assert len(self.attempts()) == MAX_ATTEMPTS
        assert apply_code(fred, code, APPLIED + timedelta(hours=1)).status == "applied"

    @pytest.mark.parametrize("where", ["order", "default", "billing"])
    def test_the_same_household(self, rita, fred, where):
        home = {"last_name": "Miller", "street_address_1": "12 Oak Lane", "postal_code": "12345"}
        spelled = {"last_name": "MILLER", "street_address_1": "12, oak lane", "postal_code": "123 45"}
        if where == "order":
            buy(rita, at=BEFORE, shipping_address=make_address(**home))
        else:
            rita.addresses.add(make_address(**home))
        referral = apply_code(fred, create_code(rita).code, APPLIED)
        side = "billing_address" if where == "billing" else "shipping_address"
        buy(fred, **{side: make_address(**spelled)})
        assert state(referral) == ("refused", "same_household")
        assert referral.order_id is None
        assert (run(), gifts(rita)) == (0, [])

    @pytest.mark.parametrize(
        "changed",
        [
            {"last_name": "Smith"},
            {"street_address_1": "14 Oak Lane"},
            {"street_address_2": "Flat 7"},
            {"postal_code": "54321"},
            {"country": "CA"},
        ],
    )
    def test_another_household(self, rita, fred, changed):
        home = {"last_name": "Miller", "street_address_1": "12 Oak Lane", "postal_code": "12345"}
        rita.addresses.add(make_address(**home))
        referral = apply_code(fred, create_code(rita).code, APPLIED)
        buy(fred, shipping_address=make_address(**home | changed))
        assert state(referral) == ("qualified", "")

    def test_an_older_order_that_turns_up_later(self, rita, fred, applied):
        buy(fred)
        buy(fred, at=BEFORE)
        assert state(applied) == ("refused", "already_customer")
        assert (run(), gifts(rita)) == (0, [])

    def test_while_no_rule_rewards_it(self, rita, fred, rules):
        code = create_code(rita).code
        for each in rules:
            update_rule(each.pk, SYSTEM, change=lambda before: replace(before, ends_at=APPLIED))
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "LOYALTY_DISABLED"
        assert refused(lambda: create_code(fred, APPLIED)) == "LOYALTY_DISABLED"
        update_rule(rules[0].pk, SYSTEM, change=lambda before: replace(before, ends_at=None))
        assert apply_code(fred, code, APPLIED).status == "applied"
        update_rule(rules[0].pk, SYSTEM, status=RuleStatus.OFF)
        assert refused(lambda: create_code(rita, APPLIED)) == "LOYALTY_DISABLED"
        assert not LoyaltyAccount.objects.exclude(profile__user__in=[rita, fred]).exists()
