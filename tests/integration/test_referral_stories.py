"""Signing up and bringing a friend as a shopkeeper would tell it, through Saleor's own hooks. Exact numbers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone
from saleor.account.models import User

from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.referrals import settle
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.ledger import SYSTEM
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.referrals.models import Referral
from saleor_crm_plugin.loyalty.rules.definition import Effect, ReferralSide, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from tests.devshop.factories import make_address, make_channel, make_customer, make_order, make_product
from tests.devshop.flows import announce_order, cancel_order, manager, pay_order, refund_order
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)

WINDOW = timedelta(days=14)


@pytest.fixture(autouse=True)
def crm(settings):
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]


@pytest.fixture
def channel():
    """100 points for signing up; for bringing a friend 500, and 200 for the friend."""
    channel = make_channel()
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()
    loyalty_settings(channel, points_per_unit="2", earn_from=yesterday, pending_days=str(WINDOW.days))
    for trigger, points, side in (
        (Trigger.SIGN_UP, 100, None),
        (Trigger.REFERRAL, 500, ReferralSide.REFERRER),
        (Trigger.REFERRAL, 200, ReferralSide.FRIEND),
    ):
        definition = RuleDefinition(trigger, Effect.FIXED_POINTS, D(points), referral_side=side)
        create_rule(default_program_id(), trigger.value, RuleStatus.LIVE, definition, SYSTEM)
    return channel


def sign_up(email: str) -> User:
    """As `accountRegister` and `confirmAccount` do."""
    user = make_customer(email, is_confirmed=False)
    manager().customer_created(user)
    assert entries(user) == []
    user.is_confirmed = True
    user.save()
    manager().account_confirmed(user)
    return user


def buy(channel, user: User, price: int):
    line = (make_product(price=price, channel=channel), 1)
    home = make_address(last_name=user.email)
    order = make_order(user, channel=channel, lines=[line], billing_address=home, paid=False)
    announce_order(order)
    pay_order(order)
    return order


def night_after(order) -> int:
    return settle(load_settings(), order.created_at + WINDOW + timedelta(days=1))


def entries(user: User) -> list[tuple[str, int]]:
    assert_ledger_adds_up()
    rows = PointsTransaction.objects.filter(account__profile__user=user).order_by("pk")
    return list(rows.values_list("type", "points"))


def test_rita_brings_fred_who_keeps_what_he_bought(channel):
    rita = sign_up("rita@example.com")
    code = create_code(rita).code
    fred = sign_up("fred@example.com")
    apply_code(fred, code)
    order = buy(channel, fred, 60)
    assert entries(fred) == [("earn_action", 100), ("earn", 120)]
    assert settle(load_settings(), timezone.now()) == 0
    assert night_after(order) == 1
    assert entries(rita) == [("earn_action", 100), ("referral", 500)]
    assert entries(fred) == [("earn_action", 100), ("earn", 120), ("referral", 200)]
    account = LoyaltyAccount.objects.get(profile__user=fred)
    # What the order earned waits for its window, whose end the job was told of, and the ledger was not yet.
    assert (account.active, account.pending, account.lifetime) == (300, 120, 420)


def test_fred_sends_half_back_and_then_all_of_it(channel):
    rita = sign_up("rita@example.com")
    fred = sign_up("fred@example.com")
    apply_code(fred, create_code(rita).code)
    order = buy(channel, fred, 60)
    night_after(order)
    refund_order(order, D(30))
    assert night_after(order) == 0
    refund_order(order)
    assert night_after(order) == 1
    assert entries(rita) == [("earn_action", 100), ("referral", 500), ("earn_reversal", -500)]
    assert sum(points for _, points in entries(fred)) == 100
    assert Referral.objects.get().status == "reversed"


def test_fred_cancels_and_buys_something_else(channel):
    rita = sign_up("rita@example.com")
    fred = sign_up("fred@example.com")
    apply_code(fred, create_code(rita).code)
    cancel_order(buy(channel, fred, 60))
    assert Referral.objects.get().status == "applied"
    order = buy(channel, fred, 20)
    night_after(order)
    assert entries(rita) == [("earn_action", 100), ("referral", 500)]
