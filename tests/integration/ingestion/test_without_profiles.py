"""A shop that keeps no profiles still knows whose each order is: points and erasures depend on it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone
from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.claims import forget_user
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_order, sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.rules.definition import Effect, Trigger
from saleor_crm_plugin.profiles.models import (
    CustomerProfile,
    ErasureLevel,
    ProfileIdentity,
    ProfileMetrics,
    ProfileOrder,
)
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.stories.shop import make_rule
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"


@pytest.fixture(autouse=True)
def without_profiles():
    crm_settings(profiles_enabled=False)
    yield
    assert_ledger_adds_up()


@pytest.fixture
def product():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    return make_product(price=60, channel=channel)


def buy(product, user: User | None = None, **fields) -> Order:
    order = make_order(user, lines=[(product, 1)], **({} if user else {"email": EMAIL}) | fields)
    sync_order(order.pk)
    return order


def points_of(profile: CustomerProfile) -> int:
    found = PointsTransaction.objects.filter(account__profile=profile).aggregate(Sum("points"))
    return found["points__sum"] or 0


def test_the_order_is_stored_and_nothing_made_of_it(product):
    user = make_customer(EMAIL)
    sync_customer(user.pk)
    order = buy(product, user)
    backfill()
    reconcile(full=True)
    profile = CustomerProfile.objects.get()
    assert ProfileOrder.objects.get().order_id == order.pk
    assert points_of(profile) == 60
    assert profile.lifecycle_stage == ""
    assert not ProfileMetrics.objects.exists()
    assert not ProfileEvent.objects.exists()


def test_points_of_a_guest_whose_orders_saleor_keeps_are_not_claimed(product):
    buy(product)
    user = make_customer(EMAIL)
    sync_customer(user.pk)
    reconcile(full=True)
    assert not CustomerProfile.objects.filter(merged_into__isnull=False).exists()
    assert not LoyaltyAccount.objects.filter(profile__user=user).exists()


def test_points_of_a_guest_follow_the_orders_that_saleor_gives_to_the_user(product):
    order = buy(product)
    user = make_customer(EMAIL)
    Order.objects.filter(pk=order.pk).update(user=user)
    sync_customer(user.pk)
    assert points_of(CustomerProfile.objects.get(user=user)) == 60
    assert ProfileOrder.objects.get().profile.user == user


def test_the_address_of_a_deleted_user_is_not_stored_as_a_guest(product):
    user = make_customer(EMAIL)
    order = buy(product, user)
    user_id = user.pk
    # Saleor leaves the address on the order.
    Order.objects.filter(pk=order.pk).update(user=None, user_email=EMAIL, updated_at=timezone.now())
    user.delete()
    forget_user(user_id)
    reconcile(full=True)
    assert not ProfileIdentity.objects.exists()
    assert CustomerProfile.objects.count() == 1


def test_the_orders_of_an_erased_guest_are_forgotten(product):
    order = buy(product)
    profile = CustomerProfile.objects.get()
    erase_customer(profile.pk, ErasureLevel.DELETE, SYSTEM)
    Order.objects.filter(pk=order.pk).update(updated_at=timezone.now())
    reconcile(full=True)
    assert not ProfileOrder.objects.exists()
    assert CustomerProfile.objects.count() == 1
    assert OrderSync.objects.get(order_id=order.pk).is_forgotten


def test_a_first_order_earns_its_bonus(product):
    make_rule("Welcome", Effect.FIXED_POINTS, 500, Trigger.FIRST_ORDER)
    user = make_customer(EMAIL)
    buy(product, user)
    buy(product, user)
    assert points_of(CustomerProfile.objects.get()) == 60 + 500 + 60


def test_switched_on_again_a_backfill_makes_the_profiles(product):
    now = timezone.now()
    orders = [make_order(email=EMAIL, lines=[(product, 1)], created_at=now - timedelta(days=days)) for days in (20, 10)]
    sync_orders([order.pk for order in orders])
    crm_settings(profiles_enabled=True)
    assert not ProfileMetrics.objects.exists()
    backfill()
    metrics = ProfileMetrics.objects.get()
    assert (metrics.orders_count, metrics.gross_spent, metrics.rfm_group != "") == (2, 120, True)
    assert CustomerProfile.objects.get().lifecycle_stage != ""
    assert ProfileEvent.objects.filter(kind="order_placed").count() == 2
    assert points_of(CustomerProfile.objects.get()) == 120
