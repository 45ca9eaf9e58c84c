"""Checkouts in their owners' timelines: found by a scan, each happening once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from saleor.account.models import User
from saleor.checkout.models import Checkout

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import checkout_events
from saleor_crm_plugin.ingestion.checkout_events import scan_checkouts
from saleor_crm_plugin.ingestion.consents import update_consents
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.ingestion.tasks import scan_checkouts_task
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.consents.recording import Consent
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def hours(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def make_checkout(user: User | None = None, email: str = "", quantity: int = 2, at: datetime = NOON) -> Checkout:
    channel = make_channel()
    with time_machine.travel(at, tick=False):
        checkout = Checkout.objects.create(
            user=user, email=email, channel=channel, currency="USD", total_gross_amount=Decimal(20)
        )
        if quantity:
            checkout.lines.create(variant=make_product().default_variant, quantity=quantity, currency="USD")
    return checkout


def change(checkout: Checkout, at: datetime, quantity: int | None = None) -> None:
    """Other quantities, or only another look at the prices."""
    with time_machine.travel(at, tick=False):
        if quantity is not None:
            checkout.lines.update(quantity=quantity)
        checkout.save()


def events() -> list[tuple[str, datetime, int | None]]:
    return [
        (kind, happened_at, details.get("quantity"))
        for kind, happened_at, details in ProfileEvent.objects.filter(subject_type="checkout")
        .order_by("happened_at", "id")
        .values_list("kind", "happened_at", "details")
    ]


@pytest.fixture
def ada(db: None) -> User:
    return make_customer("ada@example.com")


def test_a_checkout_is_started_changed_left_taken_up_and_left_again(ada):
    checkout = make_checkout(ada)
    scan_checkouts(DAY, hours(0.2))
    # Two changes between two scans are one event; a look at the prices is none.
    change(checkout, hours(1), 3)
    change(checkout, hours(1.1), 4)
    scan_checkouts(DAY, hours(1.2))
    change(checkout, hours(2))
    scan_checkouts(DAY, hours(3))
    started = ("checkout_started", NOON, 2)
    changed = ("checkout_changed", hours(1.1), 4)
    assert events() == [started, changed]
    scan_checkouts(DAY, hours(25.9))
    assert events() == [started, changed]
    for now in (26.1, 27, 100):
        scan_checkouts(DAY, hours(now))
        assert events() == [started, changed, ("checkout_abandoned", hours(26), 4)]
    change(checkout, hours(101), 1)
    scan_checkouts(DAY, hours(101.1))
    scan_checkouts(DAY, hours(130))
    assert events()[3:] == [("checkout_changed", hours(101), 1), ("checkout_abandoned", hours(125), 1)]


def test_what_is_kept_are_ids_quantities_and_amounts(ada):
    checkout = make_checkout(ada)
    scan_checkouts(DAY, hours(1))
    event = ProfileEvent.objects.get()
    variant = checkout.lines.get().variant_id
    assert event.profile.user_id == ada.pk
    assert (event.subject_type, event.subject_id) == ("checkout", str(checkout.token))
    assert event.details == {"amount": "20.000", "currency": "USD", "quantity": 2, "variants": {str(variant): 2}}


def test_a_checkout_with_more_than_anybody_can_count_keeps_no_other_from_being_seen(ada):
    huge = make_checkout(make_customer("bob@example.com"), quantity=2_000_000_000)
    huge.lines.create(variant=huge.lines.get().variant, quantity=2_000_000_000, currency="USD")
    make_checkout(ada, at=hours(1))
    scan_checkouts(DAY, hours(2))
    assert events() == [("checkout_started", NOON, 4_000_000_000), ("checkout_started", hours(1), 2)]


def test_what_a_merged_customer_leaves_stays_theirs(ada):
    eve = make_customer("eve@example.com")
    profiles = {user: resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)] for user in (ada, eve)}
    merged = merge_customers(profiles[eve], profiles[ada], SYSTEM, NOON)
    make_checkout(eve)
    scan_checkouts(DAY, hours(1))
    make_checkout(ada, at=hours(2))
    scan_checkouts(DAY, hours(3))
    whose = ProfileEvent.objects.filter(subject_type="checkout").order_by("happened_at")
    assert list(whose.values_list("profile__user_id", flat=True)) == [eve.pk, ada.pk]
    separate_customers(merged.pk, SYSTEM, hours(4))
    assert list(whose.values_list("profile__user_id", flat=True)) == [eve.pk, ada.pk]


def test_the_head_speaks_for_who_was_merged(ada):
    eve = make_customer("eve@example.com")
    profiles = {user: resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)] for user in (ada, eve)}
    merge_customers(profiles[eve], profiles[ada], SYSTEM, NOON)
    refused = [Consent(ConsentPurpose.PROFILING, ConsentState.REFUSED)]
    update_consents(profiles[ada], refused, SYSTEM, NOON)
    make_checkout(eve)
    assert scan_checkouts(DAY, hours(1)) == 0


def test_a_known_guest_has_checkouts_an_unknown_address_has_none(db):
    sync_order(make_order(email="guy@example.com", created_at=NOON).pk)
    make_checkout(email=" Guy@Example.com")
    make_checkout(email="new@example.com")
    make_checkout()
    assert scan_checkouts(DAY, hours(1)) == 1
    assert ProfileEvent.objects.get(subject_type="checkout").profile == CustomerProfile.objects.get()


def test_a_checkout_with_the_address_of_an_account_is_not_that_account(ada):
    sync_order(make_order(ada, created_at=NOON).pk)
    make_checkout(email="ada@example.com")
    assert scan_checkouts(DAY, hours(1)) == 0


def test_a_checkout_that_somebody_logs_in_to_was_started_by_them(ada):
    checkout = make_checkout(email="new@example.com")
    scan_checkouts(DAY, hours(0.5))
    checkout.user = ada
    change(checkout, hours(1))
    scan_checkouts(DAY, hours(1.5))
    assert events() == [("checkout_started", NOON, 2)]


def test_a_checkout_that_an_order_was_made_of_is_not_left(ada):
    """`orderCreateFromCheckout` can keep the checkout, with all that is in it."""
    ordered = make_checkout(ada)
    scan_checkouts(DAY, hours(0.2))
    make_order(ada, created_at=hours(1), checkout_token=str(ordered.token))
    change(ordered, hours(1), 3)
    at_once, left = make_checkout(ada, at=hours(2)), make_checkout(ada, at=hours(3), quantity=5)
    make_order(ada, created_at=hours(2), checkout_token=str(at_once.token))
    scan_checkouts(DAY, hours(3.2))
    scan_checkouts(DAY, hours(48))
    assert events() == [
        ("checkout_started", NOON, 2),
        ("checkout_started", hours(3), 5),
        ("checkout_abandoned", hours(27), 5),
    ]
    assert str(left.token) == ProfileEvent.objects.get(kind="checkout_abandoned").subject_id


def test_an_empty_checkout_is_none(ada):
    make_checkout(ada, quantity=0)
    assert scan_checkouts(DAY, hours(48)) == 0


@pytest.mark.parametrize("refusal", [{"profiling_allowed": False}, {"erased_at": NOON}])
def test_nobody_is_watched_against_their_will(ada, refusal):
    sync_order(make_order(ada, created_at=NOON).pk)
    CustomerProfile.objects.update(**refusal)
    make_checkout(ada)
    assert scan_checkouts(DAY, hours(48)) == 0


def test_a_write_that_others_saw_late_is_found(ada):
    scan_checkouts(DAY, hours(1))
    make_checkout(ada, at=hours(0.9))
    assert scan_checkouts(DAY, hours(1.2)) == 1


def test_what_is_older_is_not_looked_at_again(ada):
    scan_checkouts(DAY, hours(1))
    make_checkout(ada, at=hours(0.5))
    assert scan_checkouts(DAY, hours(1.2)) == 0


@pytest.mark.parametrize(("before", "after"), [(24, 12), (12, 24)])
def test_another_setting_misses_none_and_says_nothing_twice(ada, before, after):
    make_checkout(ada)
    make_checkout(ada, at=hours(15))
    for now in range(0, 24, 3):
        scan_checkouts(timedelta(hours=before), hours(now))
    for now in range(24, 60, 3):
        scan_checkouts(timedelta(hours=after), hours(now))
    assert [kind for kind, *_ in events()].count("checkout_abandoned") == 2


def test_a_scan_that_was_stopped_goes_on_after_the_last_batch(ada, monkeypatch):
    for hour in range(4):
        make_checkout(ada, at=hours(hour))
    record, batches = checkout_events.record, []

    def stop_in_the_third(events: Any, using: str) -> int:
        batches.append([event.happened_at for event in events])
        if len(batches) == 3:
            raise RuntimeError
        return record(events, using)

    monkeypatch.setattr(checkout_events, "record", stop_in_the_third)
    with pytest.raises(RuntimeError):
        scan_checkouts(DAY, hours(5), batch_size=1)
    assert batches == [[hours(0)], [hours(1)], [hours(2)]]
    batches[:] = [[], [], []]
    # The one that was being written when it stopped, and what could have come late beside it.
    assert scan_checkouts(DAY, hours(5), batch_size=1) == 2
    assert batches[3:6] == [[], [hours(2)], [hours(3)]]
    assert len(events()) == 4


def test_statements_do_not_grow_with_the_checkouts_of_a_batch(ada):
    counts = []
    for number in (1, 5):
        for _ in range(number):
            make_checkout(make_customer())
        SyncState.objects.all().delete()
        ProfileEvent.objects.all().delete()
        CustomerProfile.objects.all().delete()
        with CaptureQueriesContext(connection) as captured:
            scan_checkouts(DAY, hours(1))
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_task_takes_the_hours_from_the_settings(ada):
    make_checkout(ada, at=datetime.now(UTC) - timedelta(hours=3))
    crm_settings(checkout_abandoned_after_hours="2")
    scan_checkouts_task()
    assert [kind for kind, *_ in events()] == ["checkout_started", "checkout_abandoned"]


def test_without_profiles_nothing_is_scanned(ada):
    make_checkout(ada)
    crm_settings(profiles_enabled=False)
    scan_checkouts_task()
    assert events() == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_once():
    ada = make_customer("ada@example.com")
    for hour in range(3):
        make_checkout(ada, at=hours(hour))
    found: list[int | None] = []

    def work() -> None:
        try:
            found.append(scan_checkouts(DAY, hours(30), batch_size=1))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(number or 0 for number in found) == 6 == ProfileEvent.objects.count()


@pytest.mark.django_db(transaction=True)
def test_a_scan_gives_way_to_one_that_is_under_way():
    answers: list[int | None] = []

    def work() -> None:
        try:
            answers.append(scan_checkouts(DAY, hours(1)))
        finally:
            connections.close_all()

    with only_one(checkout_events.STATE) as mine:
        assert mine
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    assert answers == [None]
