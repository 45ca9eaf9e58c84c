"""A guest who turns out to be a user brings all their points along, not only those of orders."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.claims import forget_user
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_order
from saleor_crm_plugin.loyalty import accounts, corrections
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import AccountMerge, LoyaltyAccount, PointsLot, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.profiles.identity import GuestPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity
from tests.devshop import flows
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.devshop.flows import hand_over_orders
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"
SOON = timezone.now() + timedelta(days=30)


@pytest.fixture(autouse=True)
def audited(request):
    yield
    if "contradictory" not in request.fixturenames:
        assert_ledger_adds_up()


@pytest.fixture
def order() -> Order:
    """A guest's, worth 60 points."""
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    order = make_order(email=EMAIL, lines=[(make_product(price=60, channel=channel), 1)])
    sync_order(order.pk)
    return order


@pytest.fixture
def guest(order) -> int:
    """The guest's account, with 20 points from staff and 5 that were imported."""
    profile_id = resolve_profiles([GuestPerson(EMAIL)])[GuestPerson(EMAIL)]
    account_id = LoyaltyAccount.objects.get(profile_id=profile_id).pk
    adjust(account_id, 20, "Sorry", SYSTEM, "a")
    with Ledger([account_id]) as ledger:
        ledger.credit(account_id, 5, TransactionType.IMPORT, Source(key="import"), expires_at=SOON)
    return account_id


def register(order: Order) -> LoyaltyAccount:
    """As Saleor does when an address is confirmed."""
    user = make_customer(EMAIL)
    Order.objects.filter(pk=order.pk).update(user=user)
    sync_customer(user.pk)
    return LoyaltyAccount.objects.get(profile__user=user)


def test_a_user_who_is_deleted_leaves_nothing_that_was_written_of_the_guest(guest, order):
    user = register(order).profile.user
    assert PointsTransaction.objects.filter(reason="Sorry").exists()
    user_id = user.pk
    Order.objects.filter(pk=order.pk).update(user=None)
    user.delete()
    forget_user(user_id)
    assert not PointsTransaction.objects.filter(reason="Sorry").exists()


def test_all_points_follow(guest, order):
    account = register(order)
    assert (account.active, account.pending, account.deficit, account.lifetime) == (85, 0, 0, 60)
    lots = PointsLot.objects.filter(account=account).order_by("pk").values_list("remaining", "expires_at")
    assert list(lots) == [(60, None), (20, None), (5, SOON)]
    emptied = LoyaltyAccount.objects.get(pk=guest)
    assert (emptied.active, emptied.merged_into_id) == (0, account.pk)
    # The award stands where it was made; nothing was taken back and given again.
    assert list(PointsTransaction.objects.filter(order_id=order.pk).values_list("type", "points").order_by("pk")) == [
        ("earn", 60),
        ("merge_out", -60),
        ("merge_in", 60),
    ]


def test_a_claim_cannot_be_undone(guest, order):
    register(order)
    assert AccountMerge.objects.get().undo_until is None


def test_what_happens_to_the_order_later_happens_to_the_user(guest, order):
    account = register(order)
    flows.refund_order(order, 15)
    sync_order(order.pk)
    account.refresh_from_db()
    assert (account.active, account.lifetime) == (70, 45)


def test_what_staff_gave_the_guest_can_still_be_taken_back(guest, order):
    account = register(order)
    corrections.void(PointsTransaction.objects.get(type="adjust").pk, "Wrong", SYSTEM)
    account.refresh_from_db()
    assert account.active == 65


def test_reconciliation_does_it_too_and_once(guest, order):
    user = make_customer(EMAIL)
    Order.objects.filter(pk=order.pk).update(user=user)
    reconcile()
    assert LoyaltyAccount.objects.get(profile__user=user).active == 85
    before = PointsTransaction.objects.count()
    reconcile()
    sync_customer(user.pk)
    assert PointsTransaction.objects.count() == before


def test_points_that_the_user_has_already_stay(guest, order):
    user = make_customer(EMAIL, is_confirmed=False)
    later = make_order(user, lines=[(order.lines.get().variant, 1)])
    sync_order(later.pk)
    assert LoyaltyAccount.objects.get(profile__user=user).active == 60
    user.is_confirmed = True
    user.save()
    hand_over_orders(user)
    sync_customer(user.pk)
    assert LoyaltyAccount.objects.get(profile__user=user).active == 145


def test_what_the_guest_got_while_they_were_claimed_follows_at_the_next_full_sweep(caplog):
    """An import looked the guest up before, and committed after: the claim saw no account."""
    guest = resolve_profiles([GuestPerson(EMAIL)])[GuestPerson(EMAIL)]
    user = make_customer(EMAIL)
    sync_customer(user.pk)
    account_id = accounts.ensure(accounts.default_program_id(), [guest], "default")[guest]
    adjust(account_id, 5, "Import", SYSTEM, "import")
    LoyaltyAccount.objects.filter(pk=account_id).update(held=5)
    reconcile(full=True)
    assert f"profile {guest} " in caplog.text
    LoyaltyAccount.objects.filter(pk=account_id).update(held=0)
    reconcile(full=True)
    assert LoyaltyAccount.objects.get(profile__user=user).active == 5
    assert AccountMerge.objects.get().undo_until is None


def test_a_guest_without_points_leaves_no_account():
    resolve_profiles([GuestPerson(EMAIL)])
    sync_customer(make_customer(EMAIL).pk)
    assert not LoyaltyAccount.objects.exists()


def test_an_address_that_the_user_has_in_capital_letters():
    """As another way to sign in may store it; nothing told us of the user."""
    guest = resolve_profiles([GuestPerson(EMAIL)])[GuestPerson(EMAIL)]
    adjust(accounts.ensure(accounts.default_program_id(), [guest], "default")[guest], 5, "Sorry", SYSTEM, "a")
    user = make_customer(" Ada@Example.com")
    assert User.objects.get().email == " Ada@Example.com"
    reconcile(full=True)
    assert ProfileIdentity.objects.get(kind=IdentityKind.VERIFIED_EMAIL).profile.user == user
    assert LoyaltyAccount.objects.get(profile__user=user).active == 5


class TestAContradictoryAccount:
    """Somebody has written past the ledger: the account of the guest says less than its lots."""

    @pytest.fixture
    def contradictory(self, guest, order) -> Order:
        """The guest's order, which Saleor has given to the user."""
        LoyaltyAccount.objects.filter(pk=guest).update(active=0)
        Order.objects.filter(pk=order.pk).update(user=make_customer(EMAIL))
        return order

    @pytest.fixture
    def other(self, contradictory) -> Order:
        """Somebody else's, of which no hook has told."""
        return make_order(make_customer("bob@example.com"), lines=[(contradictory.lines.get().variant, 1)])

    @pytest.mark.parametrize("job", [reconcile, backfill])
    def test_keeps_nobody_else_from_theirs(self, job, other, caplog):
        assert job().stuck == 1
        assert LoyaltyAccount.objects.get(profile__user=other.user).active == 60
        assert "cannot take over the guest of their address" in caplog.text
        assert job().stuck == 1

    def test_does_not_keep_the_user_from_a_profile(self, contradictory):
        user = User.objects.get(email=EMAIL)
        sync_customer(user.pk)
        assert CustomerProfile.objects.filter(user=user).exists()

    def test_of_somebody_who_was_merged_keeps_nobody_either(self, other, caplog):
        """An import looked the guest up before, and committed after the claim."""
        email = "late@example.com"
        guest = resolve_profiles([GuestPerson(email)])[GuestPerson(email)]
        sync_customer(make_customer(email).pk)
        account_id = accounts.ensure(accounts.default_program_id(), [guest], "default")[guest]
        adjust(account_id, 5, "Import", SYSTEM, "import")
        LoyaltyAccount.objects.filter(pk=account_id).update(active=0)
        assert reconcile().stuck == 2
        assert LoyaltyAccount.objects.get(profile__user=other.user).active == 60
        assert f"The account of profile {guest} cannot be merged" in caplog.text
