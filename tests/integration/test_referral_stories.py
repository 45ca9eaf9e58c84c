"""Signing up and bringing a friend as a shopkeeper would tell it, through Saleor's own hooks. Exact numbers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone
from saleor.account.models import User
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.referrals import settle
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.referrals.models import Referral
from saleor_crm_plugin.loyalty.rules.definition import Effect, ReferralSide, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from tests.devshop.factories import make_address, make_channel, make_customer, make_order, make_product, make_staff
from tests.devshop.flows import announce_order, cancel_order, manager, pay_order, refund_order
from tests.graphql.client import Api
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


def test_fred_pays_what_is_in_stock(channel):
    rita = sign_up("rita@example.com")
    fred = sign_up("fred@example.com")
    apply_code(fred, create_code(rita).code)
    line = (make_product(price=100, channel=channel), 1)
    order = make_order(fred, channel=channel, lines=[line], billing_address=make_address(last_name="Fred"), paid=False)
    announce_order(order)
    pay_order(order, D(60))
    assert Referral.objects.get().status == "applied"
    order.granted_refunds.create(amount_value=D(40), currency="USD")
    sync_order(order.pk)
    assert Referral.objects.get().status == "qualified"
    assert night_after(order) == 1
    assert entries(rita) == [("earn_action", 100), ("referral", 500)]


REFUSED = """
query { loyaltyReferrals(first: 10, status: REFUSED) { edges { node {
  refusal referrer { user { email } } friend { user { email } } referrerPoints friendPoints
} } } }
"""


def test_what_was_refused_is_seen_by_staff(channel):
    rita = sign_up("rita@example.com")
    code = create_code(rita).code
    # Her own mailbox; a customer; a second code; the same household, which only the order shows.
    other_rita, carl, dan, eva = (
        sign_up(email) for email in ("rita+2@example.com", "carl@example.com", "dan@example.com", "eva@example.com")
    )
    buy(channel, carl, 10)
    apply_code(dan, create_code(carl).code)
    for friend in (other_rita, carl, dan):
        with pytest.raises(LoyaltyInputError):
            apply_code(friend, code)
    rita.addresses.add(make_address(last_name="eva@example.com"))
    apply_code(eva, code)
    night_after(buy(channel, eva, 60))
    # Of all this nobody but Carl's order has points.
    assert entries(rita) == [("earn_action", 100)]
    assert entries(eva) == [("earn_action", 100), ("earn", 120)]
    staff = Api(make_staff(permissions=[AccountPermissions.MANAGE_USERS]))
    seen = [edge["node"] for edge in staff.data(REFUSED)["loyaltyReferrals"]["edges"]]
    assert {(each["referrer"]["user"]["email"], each["friend"]["user"]["email"]): each["refusal"] for each in seen} == {
        ("rita@example.com", "rita+2@example.com"): "SELF_REFERRAL",
        ("rita@example.com", "carl@example.com"): "ALREADY_CUSTOMER",
        ("rita@example.com", "dan@example.com"): "ALREADY_REFERRED",
        ("rita@example.com", "eva@example.com"): "SAME_HOUSEHOLD",
    }
    assert {(each["referrerPoints"], each["friendPoints"]) for each in seen} == {(0, 0)}
