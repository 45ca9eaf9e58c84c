from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.profiles.identity import (
    GuestPerson,
    Person,
    UserPerson,
    normalize_email,
    resolve_owners,
    resolve_profiles,
)
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity
from saleor_crm_plugin.profiles.orders import store_order_facts
from tests.devshop.factories import make_customer
from tests.integration.profiles.facts import make_fact

pytestmark = pytest.mark.django_db

ADA = GuestPerson("ada@example.com")
BOB = GuestPerson("bob@example.com")


def test_a_new_user_gets_a_profile_without_a_copy_of_their_address() -> None:
    user = make_customer()

    profiles = resolve_profiles([UserPerson(user.pk)])

    profile = CustomerProfile.objects.get()
    assert profiles == {UserPerson(user.pk): profile.pk}
    assert profile.user_id == user.pk
    assert not ProfileIdentity.objects.exists()


def test_a_new_guest_gets_a_profile_with_an_unverified_address() -> None:
    profiles = resolve_profiles([ADA])

    identity = ProfileIdentity.objects.get()
    assert (identity.kind, identity.value) == (IdentityKind.UNVERIFIED_EMAIL, "ada@example.com")
    assert profiles == {ADA: identity.profile_id}
    assert CustomerProfile.objects.get().user_id is None


def test_the_same_person_is_found_again() -> None:
    people: list[Person] = [UserPerson(make_customer().pk), ADA, BOB]

    first = resolve_profiles(people)

    assert len(set(first.values())) == 3
    assert resolve_profiles(people) == first
    assert resolve_profiles([ADA, ADA]) == {ADA: first[ADA]}
    assert CustomerProfile.objects.count() == 3


@pytest.mark.parametrize("people", [1, 20])
def test_any_number_of_people_takes_six_statements_at_first_and_two_later(people: int) -> None:
    persons: list[Person] = [UserPerson(make_customer().pk) for _ in range(people)]
    persons += [GuestPerson(f"guest{number}@example.com") for number in range(people)]

    with CaptureQueriesContext(connection) as first:
        resolve_profiles(persons)
    with CaptureQueriesContext(connection) as later:
        resolve_profiles(persons)

    assert (len(first), len(later)) == (6, 2)


def test_a_user_and_a_guest_of_the_same_address_are_two_people_until_it_is_verified() -> None:
    user = make_customer("ada@example.com")

    profiles = resolve_profiles([UserPerson(user.pk), ADA])

    assert profiles[UserPerson(user.pk)] != profiles[ADA]


def test_a_verified_address_leads_to_its_owner() -> None:
    guest = resolve_profiles([ADA])[ADA]
    owner = CustomerProfile.objects.create(user=make_customer())
    ProfileIdentity.objects.create(profile=owner, kind=IdentityKind.VERIFIED_EMAIL, value=ADA.email)

    assert resolve_profiles([ADA]) == {ADA: owner.pk}
    assert guest != owner.pk


def test_an_order_belongs_to_its_user_or_its_guest_or_nobody() -> None:
    user = UserPerson(make_customer().pk)
    of_user, of_guest, of_nobody = uuid4(), uuid4(), uuid4()

    owners = resolve_owners({of_user: user, of_guest: ADA, of_nobody: None})

    profiles = resolve_profiles([user, ADA])
    assert owners == {of_user: profiles[user], of_guest: profiles[ADA]}


def test_an_order_stays_with_the_profile_of_a_user_who_was_deleted() -> None:
    user = make_customer("ada@example.com")
    profile = resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)]
    order = make_fact(profile)
    store_order_facts([order])
    user.delete()

    # Saleor leaves the address on the order.
    owners = resolve_owners({order.order_id: ADA})

    assert owners == {order.order_id: profile}
    assert not ProfileIdentity.objects.exists(), "the address of a deleted user is not stored anew"


def test_a_guest_of_the_same_address_does_not_inherit_the_orders_of_a_deleted_user() -> None:
    user = make_customer("ada@example.com")
    profile = resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)]
    order = make_fact(profile)
    store_order_facts([order])
    user.delete()
    later = uuid4()

    owners = resolve_owners({order.order_id: ADA, later: ADA})

    assert owners[order.order_id] == profile
    assert owners[later] == resolve_profiles([ADA])[ADA] != profile
    assert resolve_owners({order.order_id: ADA}) == {order.order_id: profile}


def test_an_order_follows_a_guest_whose_address_is_corrected() -> None:
    ada = resolve_profiles([ADA])[ADA]
    order = make_fact(ada)
    store_order_facts([order])

    owners = resolve_owners({order.order_id: BOB})

    assert owners == {order.order_id: resolve_profiles([BOB])[BOB]}
    assert owners[order.order_id] != ada


@pytest.mark.parametrize("orders", [1, 20])
def test_owners_of_any_number_of_orders_take_eight_statements_at_most(orders: int) -> None:
    gone = CustomerProfile.objects.create()
    kept = [make_fact(gone.pk) for _ in range(orders)]
    store_order_facts(kept)
    persons: dict[object, Person | None] = {fact.order_id: ADA for fact in kept}
    persons |= {uuid4(): UserPerson(make_customer().pk) for _ in range(orders)}
    persons |= {uuid4(): GuestPerson(f"guest{number}@example.com") for number in range(orders)}

    with CaptureQueriesContext(connection) as statements:
        resolve_owners(persons)  # type: ignore[arg-type]

    assert len(statements) == 8


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40))
def test_the_database_normalizes_addresses_as_we_do(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute('SELECT lower(btrim(%s) COLLATE "C")', [text])
        assert cursor.fetchone()[0] == normalize_email(text)


def test_rows_are_made_in_the_order_of_their_keys() -> None:
    """Whoever comes to the same persons another way then waits, instead of deadlocking."""
    persons: list[Person] = [UserPerson(number * 7919 % 1000 + 10**6) for number in range(100)]
    persons += [GuestPerson(f"guest{number * 7919 % 1000}@example.com") for number in range(100)]

    resolve_profiles(persons)

    user_ids = list(CustomerProfile.objects.exclude(user=None).order_by("pk").values_list("user_id", flat=True))
    emails = list(ProfileIdentity.objects.order_by("pk").values_list("value", flat=True))
    assert user_ids == sorted(user_ids)
    assert emails == sorted(emails)


@pytest.mark.django_db(transaction=True)
def test_people_who_are_new_to_many_at_once_get_one_profile_each() -> None:
    persons: list[Person] = [UserPerson(make_customer().pk) for _ in range(20)]
    persons += [GuestPerson(f"guest{number}@example.com") for number in range(20)]
    threads = 6
    together = Barrier(threads)

    def resolve(number: int) -> dict[Person, int]:
        # Others beside them, so that each comes to the same persons in an order of its own.
        others = [GuestPerson(f"other{number}-{one}@example.com") for one in range(number * 60)]
        others += [UserPerson(1_000_000 * (number + 1) + one) for one in range(number * 60)]
        try:
            together.wait()
            with transaction.atomic():
                found = resolve_profiles([*persons, *others])
        finally:
            connection.close()
        return {person: found[person] for person in persons}

    for _ in range(5):
        CustomerProfile.objects.all().delete()
        with ThreadPoolExecutor(threads) as pool:
            answers = list(pool.map(resolve, range(threads)))

        assert all(answer == answers[0] for answer in answers)
        everybody = 20 + 60 * sum(range(threads))
        assert CustomerProfile.objects.filter(user=None).count() == ProfileIdentity.objects.count() == everybody
        assert CustomerProfile.objects.exclude(user=None).count() == everybody
