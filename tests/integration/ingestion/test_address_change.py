"""Who an address leads to, before and after its user has another one."""

from __future__ import annotations

import pytest
from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.lookup import profile_id_by_email
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, find_profiles, resolve_profiles
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity, ProfileOrder
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.devshop.flows import hand_over_orders
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

OLD, NEW = "old@example.com", "new@example.com"


@pytest.fixture
def buy():
    """Somebody buys as a guest; whose order it is."""
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    product = make_product(price=10, channel=channel, stock=None)

    def buy(email: str) -> Order:
        order = make_order(email=email, channel=channel, lines=[(product, 1)])
        assert not sync_orders([order.pk]).failed
        return order

    return buy


@pytest.fixture
def user(buy) -> User:
    """Has bought as a guest, registered and confirmed the address."""
    buy(OLD)
    user = make_customer(OLD)
    hand_over_orders(user)
    sync_customer(user.pk)
    return user


def owner(order: Order) -> int:
    return ProfileOrder.objects.get(pk=order.pk).profile_id


def profile(user: User) -> int:
    return resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)]


def change(user: User, email: str) -> None:
    user.email = email
    user.save()
    if user.is_confirmed:
        hand_over_orders(user)
    sync_customer(user.pk)


def test_a_guest_who_registers_is_the_user_and_no_customer_of_their_own(user):
    guest = CustomerProfile.objects.get(user=None)
    assert guest.merged_into_id == profile(user)
    merge = ProfileMerge.objects.get()
    assert (merge.source_id, merge.target_id, merge.actor_type, merge.undo_until) == (
        guest.pk,
        profile(user),
        "system",
        None,
    )


def test_the_old_address_leads_to_the_user_no_longer(user, buy):
    first = ProfileOrder.objects.get().order_id
    change(user, NEW)
    assert find_profiles([GuestPerson(OLD)]) == {}
    assert profile_id_by_email(OLD, "default") is None
    assert profile_id_by_email(NEW, "default") == profile(user)

    later = buy(OLD)

    assert owner(later) != profile(user)
    assert profile_id_by_email(OLD, "default") == owner(later)
    # What came by the address while it was the user's, stays, however often it is looked at.
    sync_orders([first])
    assert ProfileOrder.objects.get(pk=first).profile_id == profile(user)
    assert LoyaltyAccount.objects.get(profile=profile(user)).active == 10


def test_the_next_owner_of_the_address_gets_what_they_bought_and_no_more(user, buy):
    first = ProfileOrder.objects.get().order_id
    change(user, NEW)
    later = buy(OLD)
    other = make_customer(OLD)
    hand_over_orders(other)
    sync_customer(other.pk)
    sync_orders([first, later.pk])
    assert (owner(later), ProfileOrder.objects.get(pk=first).profile_id) == (profile(other), profile(user))


def test_the_guest_of_the_new_address_is_the_user_then(user, buy):
    of_guest = buy(NEW)
    change(user, NEW)
    assert owner(of_guest) == profile(user)
    assert LoyaltyAccount.objects.get(profile=profile(user)).active == 20
    names = ProfileIdentity.objects.values_list("profile_id", "kind", "value")
    assert set(names) == {
        (profile(user), IdentityKind.FORMER_EMAIL, OLD),
        (profile(user), IdentityKind.VERIFIED_EMAIL, NEW),
    }


def test_but_not_before_the_new_address_is_verified(user, buy):
    of_guest = buy(NEW)
    user.is_confirmed = False
    change(user, NEW)
    assert owner(of_guest) != profile(user)
    assert find_profiles([GuestPerson(OLD)]) == {}, "the old one is not theirs in any case"
    user.is_confirmed = True
    change(user, NEW)
    assert owner(of_guest) == profile(user)


def test_whoever_only_registers_takes_nobody_over(buy):
    of_guest = buy(OLD)
    user = make_customer(OLD, is_confirmed=False)
    sync_customer(user.pk)
    reconcile(full=True)
    assert owner(of_guest) != profile(user)
    assert not ProfileMerge.objects.exists()


def test_the_old_address_can_come_back(user, buy):
    change(user, NEW)
    later = buy(OLD)
    change(user, OLD)
    assert owner(later) == profile(user)
    assert find_profiles([GuestPerson(NEW), GuestPerson(OLD)]) == {GuestPerson(OLD): profile(user)}


@pytest.mark.parametrize("full", [True, False])
def test_reconciliation_finds_it_without_a_hook(user, buy, full):
    reconcile()
    user.email = NEW
    user.save()
    later = buy(NEW)
    assert owner(later) != profile(user)
    hand_over_orders(user)
    reconcile(full=full)
    assert find_profiles([GuestPerson(OLD)]) == {}
    assert owner(later) == profile(user)


def test_another_spelling_is_the_same_address(user):
    change(user, "Old@Example.COM")
    assert find_profiles([GuestPerson(OLD)]) == {GuestPerson(OLD): profile(user)}


def test_orders_that_the_shop_attaches_silently_are_found_again(buy):
    """As Saleor does on confirmation: no hook, and the order looks as it did."""
    order = buy(OLD)
    reconcile()
    user = make_customer("other@example.com")
    Order.objects.filter(pk=order.pk).update(user=user)
    reconcile()
    assert owner(order) == profile(user)
