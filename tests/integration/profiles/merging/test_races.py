"""Many at once: real threads on a real PostgreSQL, and whatever comes first, what is left adds up."""

from __future__ import annotations

import io
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from saleor_crm_plugin.exceptions import CustomerInputError, CustomersBusyError
from saleor_crm_plugin.ingestion.claims import detach_all_deleted, forget_user
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.reconcile import orders_behind, reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles import customers
from saleor_crm_plugin.profiles.customers import claim_guests, orphaned_profiles
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, resolve_members
from saleor_crm_plugin.profiles.merging import family
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel, ProfileIdentity, ProfileMetrics
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from tests.concurrently import at_once, no_errors, others_who_wait
from tests.devshop.factories import delete_customer, make_customer, make_order
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


def lock_points_of(profile_id) -> None:
    """As an import does for minutes."""
    LoyaltyAccount.objects.select_for_update().get(profile=profile_id)


def order_of(store, **whose):
    return make_order(channel=store.channel, lines=[(store.product, 1, 10)], **whose).pk


class TestWhileSomebodysPointsAreLocked:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch):
        monkeypatch.setattr(family, "PATIENCE", "300ms")

    @pytest.fixture
    def let_wait(self):
        with others_who_wait() as let_wait:
            yield let_wait

    def test_syncs_of_others_go_on_though_a_deletion_waits(self, store, ada, eve, monkeypatch, let_wait):
        monkeypatch.setattr(family, "PATIENCE", "3s")
        of_ada, of_ben = order_of(store, user=ada.user), order_of(store, email="ben@example.com")
        with transaction.atomic():
            lock_points_of(ada.profile)
            ada_waits = let_wait(partial(sync_orders, [of_ada]))
            deletion = let_wait(partial(forget_user, eve.user.pk))
            ben = let_wait(partial(sync_orders, [of_ben]))
            assert ben.result(20).synced == {of_ben}
            assert ada_waits.result().failed == {of_ada}
            deletion.result(20)
        assert not CustomerProfile.objects.filter(user=eve.user).exists()
        assert reconcile().repaired == 1
        assert points(ada.profile) == (70, 0)

    def test_of_a_batch_only_their_orders_wait_for_reconciliation(self, store, ada, let_wait, caplog):
        of_ada, of_ben = order_of(store, user=ada.user), order_of(store, email="ben@example.com")
        with transaction.atomic():
            lock_points_of(ada.profile)
            result = let_wait(partial(sync_orders, [of_ada, of_ben])).result()
        assert (result.synced, result.failed) == ({of_ben}, {of_ada})
        (told,) = caplog.records
        assert (told.levelname, str(of_ada) in told.message) == ("WARNING", True)
        assert reconcile().repaired == 1
        assert (orders_behind(), points(ada.profile)) == (0, (70, 0))

    def test_staff_are_told_to_try_again(self, store, ada, eve, let_wait):
        merged = merge_customers(eve.profile, ada.profile, STAFF, timezone.now())
        ben = store.guest("ben@example.com", 5)
        for change in (
            partial(join, ben, ada.profile),
            partial(separate_customers, merged.pk, STAFF, timezone.now()),
            partial(erase_customer, ada.profile, ErasureLevel.ANONYMISE, STAFF),
        ):
            with transaction.atomic():
                lock_points_of(ada.profile)
                refused = let_wait(change).exception()
            assert isinstance(refused, CustomersBusyError)
            assert (refused.code, refused.field) == ("NOT_APPLICABLE", None)
        assert ProfileMerge.objects.get().undone_at is None
        assert CustomerProfile.objects.get(pk=ada.profile).erased_at is None

    def test_a_guest_is_claimed_later(self, store, let_wait):
        guest = store.guest("gus@example.com", 5)
        gus = make_customer("gus@example.com")
        hand_over_orders(gus)
        with transaction.atomic():
            lock_points_of(guest)
            let_wait(partial(sync_customer, gus.pk)).result()
        assert CustomerProfile.objects.get(pk=guest).merged_into is None
        reconcile(full=True)
        assert points(CustomerProfile.objects.get(user=gus).pk) == (5, 0)

    def test_a_sweep_forgets_the_other_users_who_are_gone(self, ada, eve, let_wait):
        for user in (ada.user, eve.user):
            delete_customer(user)
        with transaction.atomic():
            lock_points_of(ada.profile)
            assert let_wait(partial(detach_all_deleted, 500)).result() == 1
        assert list(orphaned_profiles().values_list("pk", flat=True)) == [ada.profile]
        assert detach_all_deleted(500) == 1

    def test_an_audit_says_so(self, ada, let_wait):
        with transaction.atomic():
            lock_points_of(ada.profile)
            refused = let_wait(partial(call_command, "crm_ledger_audit", stdout=io.StringIO())).exception()
        assert isinstance(refused, CommandError)
        assert "Try again" in str(refused)
