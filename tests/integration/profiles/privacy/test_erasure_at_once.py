"""A customer is forgotten while somebody writes about them, on real PostgreSQL: whoever is first, nothing is left."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.utils import timezone
from saleor.checkout.models import Checkout

from saleor_crm_plugin.ingestion.account_events import record_missed_account_events
from saleor_crm_plugin.ingestion.checkout_events import scan_checkouts
from saleor_crm_plugin.ingestion.claims import forget_user
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.rewards import redeeming
from saleor_crm_plugin.loyalty.rewards.models import RewardRedemption
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import ErasureLevel
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.concurrently import JOIN_SECONDS, behind, others_who_wait
from tests.devshop.factories import make_channel, make_customer, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import customer_with_points
from tests.integration.loyalty.test_rewards import reward, take
from tests.integration.profiles.privacy.known import STAFF
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann():
    return make_customer("ann@example.com")


def profile_of(user) -> int:
    return resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)]


def opening(user):
    return partial(ensure, default_program_id(), [profile_of(user)], "default")


def anonymising(user):
    return partial(erase_customer, profile_of(user), ErasureLevel.ANONYMISE, STAFF)


def deleting(user):
    return partial(erase_customer, profile_of(user), ErasureLevel.DELETE, STAFF)


def without_account(user):
    """Saleor has deleted the user."""
    return partial(forget_user, user.pk)


@pytest.mark.parametrize("forgetting", [anonymising, deleting, without_account])
def test_what_staff_are_writing_with_points_is_blanked(ann, forgetting):
    account_id = opening(ann)()[profile_of(ann)]
    behind(partial(adjust, account_id, 5, "Ann called", STAFF, "key"), forgetting(ann))
    assert list(PointsTransaction.objects.values_list("points", "reason")) == [(5, "")]


def seeing_the_account(_user):
    return partial(record_missed_account_events, 500)


def seeing_the_checkout(user):
    checkout = Checkout.objects.create(
        user=user, email=user.email, channel=make_channel(), currency="USD", total_gross_amount=Decimal(20)
    )
    checkout.lines.create(variant=make_product().default_variant, quantity=1, currency="USD")
    return partial(scan_checkouts, timedelta(days=1))


@pytest.mark.parametrize("seeing", [seeing_the_account, seeing_the_checkout])
def test_nothing_more_is_told_of_who_is_being_deleted(ann, seeing):
    behind(deleting(ann), seeing(ann))
    assert not ProfileEvent.objects.exists()


@pytest.mark.parametrize("seeing", [seeing_the_account, seeing_the_checkout])
def test_what_is_being_told_of_who_is_deleted_goes(ann, seeing):
    behind(seeing(ann), deleting(ann))
    assert not ProfileEvent.objects.exists()


def test_an_account_that_is_opened_while_its_customer_is_deleted_is_closed(ann):
    behind(deleting(ann), opening(ann))
    assert LoyaltyAccount.objects.get().closed_at is not None


def test_a_customer_who_is_deleted_while_their_account_is_opened_has_a_closed_one(ann):
    behind(opening(ann), deleting(ann))
    assert LoyaltyAccount.objects.get().closed_at is not None


def test_a_reward_that_is_being_given_back_comes_back_and_its_key_is_forgotten():
    loyalty_settings(make_channel(allow_unpaid_orders=True), point_value="0.01")
    ann = customer_with_points(1000)
    taken = take(reward(), ann, key="of Ann")
    erasures = []
    with others_who_wait() as let_wait:
        redeeming.give_back(taken.pk, STAFF, lambda _: erasures.append(let_wait(deleting(ann))), timezone.now())
        erasures[0].result(JOIN_SECONDS)
    assert RewardRedemption.objects.values_list("status", "idempotency_key").get() == ("returned", None)
    assert LoyaltyAccount.objects.get().active == 1000
    assert_ledger_adds_up()
