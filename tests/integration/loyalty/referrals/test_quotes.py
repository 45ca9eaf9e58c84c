"""A friend's first purchase that staff have written as a draft."""

from __future__ import annotations

from datetime import timedelta

import pytest
from saleor.order import OrderOrigin

from saleor_crm_plugin.loyalty.referrals.models import Referral
from tests.devshop.factories import complete_draft, make_order, make_product
from tests.integration.loyalty.referrals.shop import APPLIED, BEFORE, BOUGHT, buy, gifts, run, state, sync

pytestmark = pytest.mark.django_db


def test_a_quote_that_was_begun_before_the_code_was_applied_is_the_friends_first_purchase(rita, fred, applied):
    begun = APPLIED - timedelta(days=1)
    draft = make_order(fred, lines=[(make_product(price=60), 1)], created_at=begun, origin=OrderOrigin.DRAFT)
    sync(complete_draft(draft, BOUGHT))
    assert state(applied) == ("qualified", "")
    assert Referral.objects.get().placed_at == BOUGHT
    run()
    assert (gifts(rita), gifts(fred)) == ([500], [200])


def test_a_quote_that_was_begun_before_and_completed_after_another_order_is_not_the_first(rita, fred, applied):
    draft = make_order(fred, lines=[(make_product(price=60), 1)], created_at=BEFORE, origin=OrderOrigin.DRAFT)
    complete_draft(draft, BOUGHT + timedelta(days=1))
    first = buy(fred)
    sync(draft)
    assert Referral.objects.get().order_id == first.pk
