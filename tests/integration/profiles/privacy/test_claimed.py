"""Who is erased may still show that a guest's address is theirs: the guest is forgotten as far as they are."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
from django.db import transaction
from saleor.account.models import User

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.models import AccountMerge, LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.profiles.identity import GuestPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import (
    CustomerProfile,
    ErasureLevel,
    ProfileIdentity,
    ProfileMetrics,
    ProfileOrder,
)
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.segments.models import SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from saleor_crm_plugin.waiting import wait_for_erasures
from tests.concurrently import JOIN_SECONDS, others_who_wait
from tests.devshop.factories import make_customer, make_order
from tests.devshop.flows import hand_over_orders
from tests.integration.profiles.privacy.known import NOW, ann_with_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def known() -> SimpleNamespace:
    return ann_with_everything()


def guest(email: str, known: SimpleNamespace) -> CustomerProfile:
    """Has bought for 50 dollars, and staff have written about them."""
    order = make_order(email=email, channel=known.channel, lines=[(known.apple, 1)])
    assert not sync_orders([order.pk]).failed
    profile = CustomerProfile.objects.get(pk=resolve_profiles([GuestPerson(email)])[GuestPerson(email)])
    CustomerNote.objects.create(profile=profile, text="called", created_at=NOW)
    CustomerTag.objects.create(profile=profile, name="caller", assigned_at=NOW)
    SegmentMembership.objects.get_or_create(segment=known.segment, profile=profile, defaults={"entered_at": NOW})
    return profile


def show_address(user: User, email: str) -> None:
    """The user changes their address to that one, confirms it, and gets the guest's orders."""
    user.email = email
    user.save()
    hand_over_orders(user)


class TestOfWhoIsErased:
    def test_nothing_in_words_comes_back(self, known):
        erase_customer(known.profile.pk, ErasureLevel.ANONYMISE, SYSTEM, NOW)
        profile = guest("guy@example.com", known)
        show_address(known.ann, "guy@example.com")
        reconcile(full=True)
        for model in (ProfileIdentity, CustomerNote, CustomerTag, SegmentMembership):
            assert not model.objects.exists(), model
        profile.refresh_from_db()
        assert (profile.erasure_level, profile.merged_into) == ("anonymise", known.profile)
        assert LoyaltyAccount.objects.get(profile=known.profile).active == 1100
        assert ProfileOrder.objects.filter(profile=known.profile).count() == 2

    def test_of_who_was_deleted_only_the_ledger_is_left(self, known):
        erase_customer(known.profile.pk, ErasureLevel.DELETE, SYSTEM, NOW)
        profile = guest("guy@example.com", known)
        order_id = ProfileOrder.objects.get(profile=profile).order_id
        show_address(known.ann, "guy@example.com")
        reconcile(full=True)
        found = reconcile(full=True)
        assert (found.changed, found.moved, found.claimed, found.failed) == (0, 0, 0, 0)
        for model in (ProfileIdentity, ProfileOrder, ProfileMetrics, ProfileEvent, CustomerNote, CustomerTag):
            assert not model.objects.exists(), model
        assert OrderSync.objects.get(order_id=order_id).is_forgotten
        account = LoyaltyAccount.objects.get(profile=profile)
        assert (account.active, account.closed_at is not None) == (500, True)
        assert not AccountMerge.objects.exists()
        assert PointsTransaction.objects.count() == 3


class TestWhoCannotBeClaimed:
    @pytest.fixture(autouse=True)
    def two_users(self, known) -> None:
        """Bob, whose account is closed, and Eve; both have bought as guests, too."""
        self.bob, self.eve = make_customer("bob@example.com"), make_customer("eve@example.com")
        orders = [make_order(user, channel=known.channel, lines=[(known.apple, 1)]) for user in (self.bob, self.eve)]
        assert not sync_orders([order.pk for order in orders]).failed
        LoyaltyAccount.objects.filter(profile__user=self.bob).update(closed_at=NOW)
        for user, email in ((self.bob, "guy@example.com"), (self.eve, "evelyn@example.com")):
            guest(email, known)
            show_address(user, email)

    @pytest.fixture(params=["reconcile", "backfill"])
    def run(self, request):
        return {"reconcile": lambda: reconcile(full=True), "backfill": lambda: backfill(restart=True)}[request.param]

    def test_keeps_no_others_from_it(self, run, caplog):
        run()
        assert LoyaltyAccount.objects.get(profile__user=self.eve).active == 1000
        assert ProfileIdentity.objects.get(value="evelyn@example.com").profile.user == self.eve
        assert ProfileIdentity.objects.get(value="guy@example.com").profile.user is None
        (told,) = [record for record in caplog.records if record.name.endswith("ingestion.claims")]
        assert f"User {self.bob.pk} " in told.getMessage()
        assert "guy@" not in caplog.text

    def test_is_claimed_once_it_is_possible(self, run):
        run()
        LoyaltyAccount.objects.filter(profile__user=self.bob).update(closed_at=None)
        run()
        assert ProfileIdentity.objects.get(value="guy@example.com").profile.user == self.bob

    def test_gets_the_rest(self):
        sync_customer(self.bob.pk)
        assert ProfileIdentity.objects.get(value="guy@example.com").profile.user is None


@pytest.mark.django_db(transaction=True)
def test_a_claim_waits_for_whoever_writes_about_them_before_it_locks_their_points(known):
    erase_customer(known.profile.pk, ErasureLevel.ANONYMISE, SYSTEM, NOW)
    guest("guy@example.com", known)
    show_address(known.ann, "guy@example.com")
    with others_who_wait() as let_wait, transaction.atomic():
        # As an import of points for her does.
        wait_for_erasures([known.profile.pk], "default")
        claim = let_wait(partial(sync_customer, known.ann.pk))
        assert LoyaltyAccount.objects.select_for_update(nowait=True).get(profile=known.profile).active == 600
    claim.result(JOIN_SECONDS)
    assert LoyaltyAccount.objects.get(profile=known.profile).active == 1100
    assert not CustomerNote.objects.exists()
