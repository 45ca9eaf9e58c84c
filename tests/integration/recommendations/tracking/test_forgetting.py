"""Events forget whose they are, and go when they are old. Counts stay."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.consents import apply_consent_policy, update_consents
from saleor_crm_plugin.ingestion.data_export import export_document
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.ingestion.tasks import delete_old_events_task
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.consents.recording import Consent
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel
from saleor_crm_plugin.recommendations.tracking.forgetting import forget_events
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from saleor_crm_plugin.recommendations.tracking.retention import delete_old_events
from tests.concurrently import behind, others_who_wait
from tests.devshop.factories import delete_customer
from tests.integration.recommendations.tracking.visits import (
    CLICKED,
    NOW,
    OTHER_SESSION,
    SESSION,
    SHOWN,
    VIEWED,
    ago,
    customer,
    event,
    kept,
    send,
)
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(shop):
    """Ann looked about, signed in and clicked; later without a session. Ben, and somebody, did as well."""
    user, profile = customer("ann@example.com")
    send(event(VIEWED, shop.apple, occurred_at=ago(hours=2)), channel=shop.channel)
    send(event(CLICKED, shop.apple, occurred_at=ago(hours=1)), channel=shop.channel, user=user)
    send(event(SHOWN, shop.pear), channel=shop.channel, user=user, session=None)
    ben, _ = customer("ben@example.com")
    send(event(SHOWN, shop.plum), channel=shop.channel, user=ben, session=OTHER_SESSION)
    send(event(VIEWED, shop.plum, occurred_at=ago(hours=3)), channel=shop.channel, session="session-of-nobody-0003")
    return user, profile


def of_whom() -> list[tuple[bool, bool]]:
    return [(profile is not None, session) for _, _, _, profile, session in kept()]


ASKED_FOR = (ConsentPurpose.PROFILING, ConsentPurpose.RECOMMENDATIONS)
KNOWN = [(False, True), (False, True), (True, True), (True, False), (True, True)]
FORGOTTEN = [(False, True), (False, False), (False, False), (False, False), (True, True)]


def test_all_that_is_known_to_be_theirs(ann, django_assert_num_queries):
    assert of_whom() == KNOWN
    before = set(RecommendationEvent.objects.values_list("id", flat=True))
    happened = [row[:3] for row in kept()]
    with django_assert_num_queries(1):
        assert forget_events([ann[1].pk]) == 3
    assert of_whom() == FORGOTTEN
    assert [row[:3] for row in kept()] == happened
    # The names were made from who it was: three are new.
    assert len(before & set(RecommendationEvent.objects.values_list("id", flat=True))) == 2
    assert forget_events([ann[1].pk]) == 0
    assert forget_events([]) == 0


@pytest.mark.parametrize("level", [ErasureLevel.STOP, ErasureLevel.ANONYMISE, ErasureLevel.DELETE])
def test_an_erasure(ann, level):
    erase_customer(ann[1].pk, level, SYSTEM, timezone.now())
    assert of_whom() == FORGOTTEN


@pytest.mark.parametrize("purpose", [ConsentPurpose.PROFILING, ConsentPurpose.RECOMMENDATIONS])
def test_a_refusal(ann, purpose):
    update_consents(ann[1].pk, [Consent(purpose, ConsentState.REFUSED)], SYSTEM, timezone.now())
    assert of_whom() == FORGOTTEN


def test_a_refusal_of_something_else(ann):
    said = [Consent(ConsentPurpose.MARKETING_EMAIL, ConsentState.REFUSED)]
    update_consents(ann[1].pk, said, SYSTEM, timezone.now())
    assert of_whom() == KNOWN


def test_a_shop_that_from_now_on_asks_first(ann):
    apply_consent_policy(True)
    assert of_whom() == [(False, True), (False, False), (False, False), (False, False), (False, False)]


def test_an_account_that_is_deleted(ann):
    user_id = ann[0].pk
    delete_customer(ann[0])
    sync_customer(user_id)
    assert of_whom() == FORGOTTEN


def test_an_account_that_was_deleted_unnoticed(ann):
    delete_customer(ann[0])
    reconcile(full=True)
    assert of_whom() == FORGOTTEN


def test_merged_customers_are_forgotten_together_and_part_with_their_own(shop, ann):
    head = CustomerProfile.objects.get(user__email="ben@example.com")
    merge = merge_customers(ann[1].pk, head.pk, SYSTEM, timezone.now())
    assert of_whom() == KNOWN
    separate_customers(merge.pk, SYSTEM, timezone.now())
    assert {row[3] for row in kept()} == {None, ann[1].pk, head.pk}
    merge_customers(ann[1].pk, head.pk, SYSTEM, timezone.now())
    erase_customer(head.pk, ErasureLevel.STOP, SYSTEM, timezone.now())
    assert of_whom() == [(False, True), *[(False, False)] * 4]


def test_what_the_person_allows_is_kept_of_an_account_that_was_merged_into_theirs(shop):
    apply_consent_policy(True)
    eve, profile = customer("eve@example.com")
    _, head = customer("ada@example.com")
    agreed = [Consent(purpose, ConsentState.GRANTED) for purpose in ASKED_FOR]
    update_consents(head.pk, agreed, SYSTEM, timezone.now())
    merge = merge_customers(profile.pk, head.pk, SYSTEM, timezone.now())
    send(event(VIEWED, shop.apple), channel=shop.channel, user=eve)
    assert apply_consent_policy(True) == 1
    assert of_whom() == [(True, True)]
    refused = [Consent(ConsentPurpose.RECOMMENDATIONS, ConsentState.REFUSED)]
    update_consents(head.pk, refused, SYSTEM, timezone.now())
    assert of_whom() == [(False, False)]
    update_consents(head.pk, agreed, SYSTEM, timezone.now())
    send(event(VIEWED, shop.pear), channel=shop.channel, user=eve)
    separate_customers(merge.pk, SYSTEM, timezone.now())
    assert of_whom() == [(False, False), (False, False)]


def test_the_export_has_them_and_what_was_looked_at_before_signing_in(shop, ann):
    document = json.loads("".join(export_document(ann[1].pk, NOW, "default")))
    events = document["recommendationEvents"]
    assert [(row["type"], row["product_id"], row["profile_id"]) for row in events] == [
        ("viewed", shop.apple.pk, None),
        ("clicked", shop.apple.pk, ann[1].pk),
        ("shown", shop.pear.pk, ann[1].pk),
    ]
    assert not any("session" in row or "id" in row for row in events)
    assert SESSION not in json.dumps(document)


class TestRetention:
    @pytest.mark.parametrize("batch_size", [1, 2, 100])
    def test_only_what_is_older_goes(self, shop, batch_size):
        for days in (29, 30, 31, 32, 90):
            send(event(VIEWED, shop.apple), channel=shop.channel, at=NOW - timedelta(days=days))
        assert delete_old_events(30, NOW, batch_size) == 3
        assert RecommendationEvent.objects.count() == 2
        assert delete_old_events(30, NOW, batch_size) == 0

    def test_every_night_as_the_shop_has_set_even_when_nothing_is_tracked_any_more(self, shop):
        now = timezone.now()
        shop.apple.channel_listings.update(published_at=None)
        for days in (10, 100, 200):
            send(event(VIEWED, shop.apple), channel=shop.channel, at=now - timedelta(days=days))
        delete_old_events_task()
        assert RecommendationEvent.objects.count() == 2
        crm_settings(tracking_retention_days="30", tracking_enabled=False)
        delete_old_events_task()
        assert RecommendationEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_arrives_while_the_account_goes_is_tied_to_nobody(shop):
    user, _ = customer()
    user_id = user.pk

    def go() -> None:
        delete_customer(user)
        sync_customer(user_id)

    assert behind(go, lambda: send(event(VIEWED, shop.apple), channel=shop.channel, user=user)).recorded == 1
    assert of_whom() == [(False, True)]


@pytest.mark.django_db(transaction=True)
def test_what_arrives_waits_for_the_family_in_the_order_of_an_erasure(shop):
    user, own = customer()
    _, head = customer()
    merge_customers(own.pk, head.pk, SYSTEM, timezone.now())
    with others_who_wait() as let_wait:
        with transaction.atomic():
            CustomerProfile.objects.select_for_update().get(pk=own.pk)
            running = let_wait(lambda: send(event(VIEWED, shop.apple), channel=shop.channel, user=user))
            CustomerProfile.objects.select_for_update(nowait=True).get(pk=head.pk)
        assert running.result(60).recorded == 1
