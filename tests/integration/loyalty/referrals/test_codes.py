"""Codes, and what the tables themselves refuse."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode
from tests.devshop.factories import make_order, make_product
from tests.integration.loyalty.referrals.shop import APPLIED, BOUGHT, state

pytestmark = pytest.mark.django_db


class TestCodes:
    def test_a_customer_has_one(self, rita):
        first, second = create_code(rita), create_code(rita)
        assert first == second
        assert len(first.code) == 10
        assert LoyaltyAccount.objects.get().profile.user_id == rita.pk

    @pytest.mark.parametrize(
        "spelling", [str.lower, lambda code: f" {code[:5]}-{code[5:]} ", lambda code: code.replace("0", "O")]
    )
    def test_its_spelling_does_not_matter(self, rita, fred, spelling):
        code = create_code(rita)
        ReferralCode.objects.update(code="A0B1C2D3E4")
        assert apply_code(fred, spelling("A0B1C2D3E4"), APPLIED).code_id == code.pk

    def test_it_is_stored_in_one_spelling(self, rita):
        create_code(rita)
        with pytest.raises(IntegrityError, match="crm_referral_code_is_upper_case"), transaction.atomic():
            ReferralCode.objects.update(code="abcdefghjk")

    def test_an_order_placed_while_the_code_is_applied_is_found(self, rita, fred, monkeypatch):
        from saleor_crm_plugin.ingestion import referral_codes

        code = create_code(rita).code
        apply = referral_codes.applying.apply_code

        def slowly(*args):
            make_order(fred, lines=[(make_product(), 1)], created_at=BOUGHT)
            return apply(*args)

        monkeypatch.setattr(referral_codes.applying, "apply_code", slowly)
        referral = apply_code(fred, code, APPLIED)
        assert state(referral) == ("qualified", "")


class TestConstraints:
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"status": "refused"}, "crm_referral_refused_with_a_reason"),
            ({"refusal": "not_found"}, "crm_referral_refused_with_a_reason"),
            ({"code": None}, "crm_referral_refused_with_a_reason"),
            ({"status": "rewarded"}, "crm_referral_qualifies_with_an_order"),
        ],
    )
    def test_a_referral_says_what_it_is(self, applied, changes, name):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Referral.objects.update(**changes)

    def test_there_is_one_for_each_friend(self, applied):
        applied.pk = None
        with pytest.raises(IntegrityError, match="crm_referral_one_per_friend"), transaction.atomic():
            applied.save(force_insert=True)
