"""Many at once: real threads on a real PostgreSQL, and whatever comes first, what is left adds up."""

from __future__ import annotations

from functools import partial

import pytest
from django.utils import timezone

from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion.claims import forget_user
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.profiles import customers
from saleor_crm_plugin.profiles.customers import claim_guests
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, resolve_members
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileIdentity, ProfileMetrics
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from tests.concurrently import at_once, no_errors, others_who_wait
from tests.devshop.factories import make_customer, make_order
from tests.devshop.flows import hand_over_orders
from tests.integration.profiles.merging.shop import STAFF, note, points, profile_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROUNDS = 20


def join(source_id, target_id):
    return merge_customers(source_id, target_id, STAFF, timezone.now())


def net(profile_id) -> int:
    return sum(int(row.net_spent) for row in ProfileMetrics.objects.filter(profile_id=profile_id))


def test_two_staff_merge_the_same_two_the_one_way_and_the_other(store):
    for number in range(ROUNDS):
        one, other = (store.guest(f"{name}{number}@example.com", 5) for name in ("one", "other"))
        outcomes = at_once([partial(join, one, other), partial(join, other, one)])
        refused = [outcome for outcome in outcomes if isinstance(outcome, CustomerInputError)]
        assert [error.code for error in refused] == ["NOT_APPLICABLE"], outcomes
        assert CustomerProfile.objects.filter(pk__in=[one, other], merged_into=None).count() == 1
        head = CustomerProfile.objects.get(pk__in=[one, other], merged_into=None).pk
        assert (net(head), points(head)) == (10, (10, 0))
    assert ProfileMerge.objects.count() == ROUNDS


def test_a_chain_is_built_from_both_ends(store):
    for number in range(ROUNDS):
        first, second, third = (store.guest(f"{name}{number}@example.com", 5) for name in ("a", "b", "c"))
        no_errors(at_once([partial(join, first, second), partial(join, second, third)]))
        heads = CustomerProfile.objects.filter(pk__in=[first, second]).values_list("merged_into_id", flat=True)
        assert set(heads) == {third}
        assert (net(third), points(third)) == (15, (15, 0))


def test_an_order_of_the_source_is_synced_while_it_is_merged_and_separated(store):
    target = store.guest("target@example.com", 1)
    for number in range(ROUNDS):
        email = f"source{number}@example.com"
        source = store.guest(email, 5)
        before = net(target)
        orders = [make_order(email=email, channel=store.channel, lines=[(store.product, 1, 10)]).pk for _ in range(2)]
        syncs = [partial(sync_orders, [order]) for order in orders]
        merge, *results = at_once([partial(join, source, target), *syncs])
        no_errors([merge, *results])
        assert (net(target), net(source)) == (before + 25, 0)
        assert points(target) == (before + 25, 0)

        orders.append(make_order(email=email, channel=store.channel, lines=[(store.product, 1, 10)]).pk)
        syncs = [partial(sync_orders, [order]) for order in orders]
        no_errors(at_once([partial(separate_customers, merge.pk, STAFF, timezone.now()), *syncs]))
        sync_orders(orders)
        assert (net(target), net(source)) == (before, 35)
        assert (points(target), points(source)) == ((before, 0), (35, 0))


def test_a_guest_is_claimed_while_staff_merge_them(store):
    for number in range(ROUNDS):
        email = f"guest{number}@example.com"
        guest = store.guest(email, 5)
        user, somebody = make_customer(email), make_customer()
        hand_over_orders(user)
        of_user = profile_of(UserPerson(user.pk))
        other = profile_of(UserPerson(somebody.pk))
        merged, claimed = at_once([partial(join, guest, other), partial(sync_customer, user.pk)])
        no_errors([claimed])
        if isinstance(merged, Exception):
            assert isinstance(merged, CustomerInputError)
        # Whoever came first: the order is of whom the address is.
        assert profile_of(GuestPerson(email)) == of_user
        assert (net(of_user), net(other), net(guest)) == (5, 0, 0)
        assert (points(of_user), points(other)) == ((5, 0), (0, 0))
        assert CustomerProfile.objects.get(pk=guest).merged_into_id in {of_user, other}


def test_a_user_who_is_deleted_while_they_claim_a_guest_is_forgotten_with_what_was_the_guests(store, monkeypatch):
    user = make_customer("ada@example.com")
    store.buy(5, user=user)
    guest = profile_of(GuestPerson("guest@example.com"))
    note(guest, "Guy Smith called")
    deletions = []
    with others_who_wait() as let_wait:

        def found(*args):
            members = resolve_members(*args)
            deletions.append(let_wait(partial(forget_user, user.pk)))
            return members

        monkeypatch.setattr(customers, "resolve_members", found)
        assert claim_guests({"guest@example.com": user.pk})
        deletions[0].result()
    assert not ProfileIdentity.objects.exists()
    assert not CustomerNote.objects.exists()
