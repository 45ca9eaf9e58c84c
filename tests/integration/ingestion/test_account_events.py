"""Accounts in their owners' timelines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.account.models import User

from saleor_crm_plugin.ingestion.account_events import record_missed_account_events
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.reconcile import ReconcileResult, reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_order
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.devshop.factories import make_customer, make_order, make_staff
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)


def accounts() -> list[tuple[str, datetime, str]]:
    return list(
        ProfileEvent.objects.filter(subject_type="user")
        .order_by("happened_at", "id")
        .values_list("kind", "happened_at", "subject_id")
    )


@pytest.fixture
def ada(db: None) -> User:
    with time_machine.travel(MONDAY, tick=False):
        return make_customer("ada@example.com", is_confirmed=False)


def test_created_then_confirmed(ada):
    sync_customer(ada.pk)
    assert accounts() == [("account_created", MONDAY, str(ada.pk))]
    with time_machine.travel(TUESDAY, tick=False):
        ada.is_confirmed = True
        ada.save()
    for _ in range(2):
        sync_customer(ada.pk)
    ada.save()
    sync_customer(ada.pk)
    assert accounts() == [
        ("account_created", MONDAY, str(ada.pk)),
        ("account_confirmed", TUESDAY, str(ada.pk)),
    ]


def test_an_account_that_we_never_saw_unconfirmed_was_so_from_the_beginning(ada):
    with time_machine.travel(TUESDAY, tick=False):
        ada.is_confirmed = True
        ada.save()
    sync_customer(ada.pk)
    assert accounts() == [("account_created", MONDAY, str(ada.pk)), ("account_confirmed", MONDAY, str(ada.pk))]


def missed_by_hooks(user: User) -> None:
    """The profile came with an order."""
    sync_order(make_order(user, created_at=MONDAY).pk)
    assert accounts() == []


@pytest.mark.parametrize("find", [lambda: reconcile(full=True), backfill])
def test_accounts_that_no_hook_told_us_of_are_found(ada, find):
    missed_by_hooks(ada)
    find()
    assert accounts() == [("account_created", MONDAY, str(ada.pk))]
    find()
    assert len(accounts()) == 1


class TestARegistrationThatNoHookToldOf:
    @pytest.fixture
    def ben(self) -> User:
        """Who joined after a run."""
        reconcile()
        return make_customer("ben@acme.example", is_confirmed=False)

    def test_gives_a_profile_with_the_next_run(self, ben):
        crm_settings(business_domains="acme.example")
        assert reconcile(full=False) == ReconcileResult(joined=1)
        profile = CustomerProfile.objects.get(user=ben)
        assert (profile.lifecycle_stage, profile.customer_type) == ("prospect", "b2b")
        assert [kind for kind, *_ in accounts()] == ["account_created"]
        assert reconcile(full=False) == ReconcileResult()

    def test_is_as_if_it_had_been_told_of(self, ben):
        def known() -> list[object]:
            return [
                [kind for kind, *_ in accounts()],
                list(CustomerProfile.objects.values_list("lifecycle_stage", "customer_type", "profiling_allowed")),
                list(ProfileEvent.objects.order_by("kind").values_list("kind", flat=True)),
            ]

        reconcile(full=False)
        found = known()
        CustomerProfile.objects.all().delete()
        sync_customer(ben.pk)
        assert known() == found

    def test_gives_none_without_profiles(self, ben):
        crm_settings(profiles_enabled=False)
        assert reconcile(full=False) == ReconcileResult()
        assert not CustomerProfile.objects.exists()

    def test_gives_staff_none(self):
        reconcile()
        make_staff()
        assert reconcile(full=False) == ReconcileResult()

    def test_is_not_that_somebody_signs_in(self, ada):
        reconcile()
        ada.last_login = timezone.now()
        ada.save(update_fields=["last_login", "updated_at"])
        assert reconcile(full=False) == ReconcileResult()
        assert not CustomerProfile.objects.exists()

    def test_costs_the_same_for_many(self, ben):
        def statements() -> int:
            with CaptureQueriesContext(connection) as captured:
                reconcile(full=False)
            return len(captured)

        one = statements()
        for _ in range(5):
            make_customer()
        assert statements() == one


def test_a_confirmation_that_no_hook_told_us_of_is_found_by_the_next_run(ada):
    sync_customer(ada.pk)
    reconcile()
    ada.is_confirmed = True
    ada.save()
    reconcile(full=False)
    assert [kind for kind, *_ in accounts()] == ["account_created", "account_confirmed"]


def test_users_without_a_profile_and_erased_ones_have_no_events(ada):
    missed_by_hooks(ada)
    CustomerProfile.objects.update(erased_at=TUESDAY)
    make_customer("ben@example.com")
    assert record_missed_account_events(500) == 0
    assert accounts() == []


def test_without_profiles_there_are_none(ada):
    missed_by_hooks(ada)
    crm_settings(profiles_enabled=False)
    reconcile(full=True)
    assert accounts() == []


def test_the_same_statements_for_any_number_of_users(db):
    counts = []
    for number in (1, 5):
        ProfileEvent.objects.all().delete()
        for _ in range(number):
            sync_order(make_order(make_customer(), created_at=MONDAY).pk)
        with CaptureQueriesContext(connection) as captured:
            record_missed_account_events(500)
        counts.append(len(captured))
    assert counts[0] == counts[1]
