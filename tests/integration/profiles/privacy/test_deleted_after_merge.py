"""Saleor deletes a user who was merged with another one: what goes is theirs, and nothing of the other's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_order, sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from saleor_crm_plugin.recommendations.tracking.models import EventType, RecommendationEvent
from tests.devshop.factories import delete_customer, make_channel, make_customer, make_order
from tests.devshop.flows import hand_over_orders
from tests.integration.recommendations.tracking.visits import event, product_of, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def merged() -> SimpleNamespace:
    """Eve, who was a guest before she had an account, and was merged into Ada. Of each there is a note and a visit."""
    channel = make_channel()
    order = make_order(email="eve@example.com", channel=channel)
    sync_order(order.pk)
    guest = CustomerProfile.objects.get()
    eve, ada = make_customer("eve@example.com"), make_customer("ada@example.com")
    hand_over_orders(eve)
    for user in (eve, ada):
        sync_customer(user.pk)
    profiles = {user: CustomerProfile.objects.get(user=user) for user in (eve, ada)}
    product = product_of(channel)
    for user, session in ((eve, "session-of-eve-00001"), (ada, "session-of-ada-00001")):
        send(event(EventType.CLICKED, product), channel=channel, user=user, session=session, at=timezone.now())
    for profile, text in ((guest, "guest"), (profiles[eve], "eve"), (profiles[ada], "ada")):
        CustomerNote.objects.create(profile=profile, text=text, created_at=timezone.now())
    merge_customers(profiles[eve].pk, profiles[ada].pk, SYSTEM, timezone.now())
    return SimpleNamespace(eve=eve, ada=ada, profile=profiles, channel=channel, order=order)


def left() -> tuple[set[str], set[int]]:
    """Notes, and users whose visits are known."""
    notes = set(CustomerNote.objects.values_list("text", flat=True))
    users = RecommendationEvent.objects.filter(profile__isnull=False).values_list("profile__user__email", flat=True)
    return notes, set(users)


def delete(user) -> None:
    user_id = user.pk
    delete_customer(user)
    sync_customer(user_id)


def test_the_merged_one(merged):
    delete(merged.eve)
    assert left() == ({"ada"}, {"ada@example.com"})


def test_the_one_that_the_other_was_merged_into(merged):
    delete(merged.ada)
    assert left() == ({"guest", "eve"}, {"eve@example.com"})


def test_what_the_other_has_ordered_is_told_as_before(merged):
    as_guest, of_eve, of_ada = merged.order, *(make_order(u, channel=merged.channel) for u in (merged.eve, merged.ada))
    sync_orders([as_guest.pk, of_eve.pk, of_ada.pk])
    told = ProfileEvent.objects.filter(profile=merged.profile[merged.ada], kind="order_placed").exclude(details={})
    assert told.count() == 3
    delete(merged.ada)
    assert set(told.values_list("subject_id", flat=True)) == {str(as_guest.pk), str(of_eve.pk)}
