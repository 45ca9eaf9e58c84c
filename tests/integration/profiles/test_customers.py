from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.profiles.customers import (
    claim_guests,
    customer_deleted,
    detach_deleted_users,
    orphaned_profiles,
)
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, resolve_owners, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity
from saleor_crm_plugin.profiles.orders import store_order_facts
from tests.devshop.factories import delete_customer, make_customer
from tests.integration.profiles.facts import make_fact

pytestmark = pytest.mark.django_db

ADA = GuestPerson("ada@example.com")


def identities() -> set[tuple[int, str, str]]:
    return set(ProfileIdentity.objects.values_list("profile_id", "kind", "value"))


def test_a_guest_becomes_the_user_who_owns_the_address() -> None:
    guest = resolve_profiles([ADA])[ADA]
    user = make_customer("ada@example.com")

    claims = claim_guests({"ada@example.com": user.pk})

    owner = CustomerProfile.objects.get(user_id=user.pk).pk
    assert claims.moved == {guest: (owner, owner)}
    assert identities() == {(owner, IdentityKind.VERIFIED_EMAIL, "ada@example.com")}
    assert CustomerProfile.objects.filter(pk=guest, user_id=None).exists(), "its ledger refers to it"
    assert resolve_profiles([ADA]) == {ADA: owner}


def test_the_guests_orders_follow_when_they_are_looked_at_again() -> None:
    guest = resolve_profiles([ADA])[ADA]
    order = make_fact(guest)
    store_order_facts([order])
    user = make_customer("ada@example.com")

    claim_guests({"ada@example.com": user.pk})

    owner = CustomerProfile.objects.get(user_id=user.pk).pk
    assert resolve_owners({order.order_id: ADA}) == {order.order_id: owner}


def test_claiming_twice_changes_nothing() -> None:
    resolve_profiles([ADA])
    user = make_customer("ada@example.com")
    claim_guests({"ada@example.com": user.pk})
    before = identities()

    with CaptureQueriesContext(connection) as statements:
        assert not claim_guests({"ada@example.com": user.pk})

    assert identities() == before
    assert len([query for query in statements if "SAVEPOINT" not in query["sql"]]) == 1


def test_an_address_without_a_guest_is_not_stored() -> None:
    user = make_customer("ada@example.com")

    assert not claim_guests({"ada@example.com": user.pk})
    assert not identities()
    assert not CustomerProfile.objects.exists()


def test_a_user_who_was_deleted_meanwhile_gets_nothing() -> None:
    guest = resolve_profiles([ADA])[ADA]
    user = make_customer("ada@example.com")
    user_id = user.pk
    delete_customer(user)

    assert not claim_guests({"ada@example.com": user_id})
    assert identities() == {(guest, IdentityKind.UNVERIFIED_EMAIL, ADA.email)}
    assert list(CustomerProfile.objects.values_list("pk", "merged_into_id")) == [(guest, None)]


def test_an_address_goes_to_whoever_showed_last_that_it_is_theirs() -> None:
    first, second = make_customer(), make_customer()
    resolve_profiles([ADA])
    claim_guests({ADA.email: first.pk})
    # The first user changed their address; a guest orders with it, then somebody else registers with it.
    guest = CustomerProfile.objects.create()
    ProfileIdentity.objects.create(profile=guest, kind=IdentityKind.UNVERIFIED_EMAIL, value=ADA.email)

    claim_guests({ADA.email: second.pk})

    owner = CustomerProfile.objects.get(user_id=second.pk).pk
    assert identities() == {(owner, IdentityKind.VERIFIED_EMAIL, ADA.email)}


@pytest.mark.parametrize("people", [1, 15])
def test_any_number_of_claims_takes_the_same_number_of_statements(people: int) -> None:
    owners = {f"guest{number}@example.com": make_customer().pk for number in range(people)}
    resolve_profiles([GuestPerson(email) for email in owners])

    with CaptureQueriesContext(connection) as statements:
        assert len(claim_guests(owners)) == people

    assert len([query for query in statements if "SAVEPOINT" not in query["sql"]]) == 16


def test_a_deleted_customer_leaves_a_profile_without_name_and_address() -> None:
    resolve_profiles([ADA])
    user = make_customer("ada@example.com")
    claim_guests({ADA.email: user.pk})
    profile = CustomerProfile.objects.get(user_id=user.pk)
    order = make_fact(profile.pk)
    store_order_facts([order])

    assert customer_deleted(user.pk)

    profile.refresh_from_db()
    assert profile.user_id is None
    assert not identities()
    assert list(profile.orders.values_list("pk", flat=True)) == [order.order_id]
    assert not customer_deleted(user.pk), "the second time there is nothing to do"


def test_deletions_that_nobody_told_us_of_are_found() -> None:
    living, gone = make_customer(), make_customer()
    profiles = resolve_profiles([UserPerson(living.pk), UserPerson(gone.pk), ADA])
    gone_id = gone.pk
    gone.delete()

    orphans = list(orphaned_profiles().values_list("pk", flat=True))

    assert orphans == [profiles[UserPerson(gone_id)]]
    assert len(detach_deleted_users(profiles.values())) == 1
    assert dict(CustomerProfile.objects.values_list("pk", "user_id")) == {
        profiles[UserPerson(living.pk)]: living.pk,
        profiles[UserPerson(gone_id)]: None,
        profiles[ADA]: None,
    }
    assert identities() == {(profiles[ADA], IdentityKind.UNVERIFIED_EMAIL, ADA.email)}


@pytest.mark.django_db(transaction=True)
def test_a_claim_made_by_many_at_once_is_made_once() -> None:
    owners = {f"guest{number}@example.com": make_customer().pk for number in range(10)}
    resolve_profiles([GuestPerson(email) for email in owners])
    together = Barrier(4)

    def claim(_: int) -> int:
        try:
            together.wait()
            return len(claim_guests(owners))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(claim, range(4)))

    assert sorted(claims) == [0, 0, 0, 10]
    assert ProfileIdentity.objects.filter(kind=IdentityKind.VERIFIED_EMAIL).count() == 10
    assert CustomerProfile.objects.count() == 20
