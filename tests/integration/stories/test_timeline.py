"""A customer's whole life with the shop, as it is told by the timeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from saleor.checkout.models import Checkout
from saleor.core.utils.events import call_event
from saleor.order import FulfillmentStatus

from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.tasks import (
    blank_old_details_task,
    reconcile_task,
    scan_checkouts_task,
    send_reminders_task,
)
from saleor_crm_plugin.ingestion.timeline import SOURCES
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from saleor_crm_plugin.profiles.timeline.reading import Selection, count_entries, read_timelines
from tests.devshop.factories import make_channel, make_customer, make_product
from tests.devshop.flows import cancel_order, fulfill_order, hand_over_orders, manager, pay_order, refund_order
from tests.integration.stories.shop import buy, change_quantity, run, then
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)

BEGINNING = datetime(2026, 1, 5, 10, tzinfo=UTC)


def day(number: float) -> datetime:
    return BEGINNING + timedelta(days=number)


# How the shop sorts its customers is another story.
SORTING = {"lifecycle_changed", "customer_type_changed", "segment_entered", "segment_left", "profile_merged"}


def timeline(internal: bool = True) -> list[tuple[float, str, str | None, dict]]:
    """Day, kind, label and details of each entry of the customer who has an account, oldest first."""
    profile = CustomerProfile.objects.get(user__isnull=False)
    entries = read_timelines([profile.pk], SOURCES, Selection(internal), limit=100, backwards=True).get(profile.pk, [])
    assert len(entries) == count_entries([profile.pk], SOURCES, Selection(internal))[profile.pk]
    return [
        (round((entry.happened_at - BEGINNING) / timedelta(days=1), 2), entry.kind, entry.label, entry.details)
        for entry in entries
        if entry.kind not in SORTING
    ]


def told(**options) -> list[tuple[float, str]]:
    return [(number, kind) for number, kind, *_ in timeline(**options)]


def test_from_the_first_purchase_as_a_guest(settings):
    crm_settings(expiry_reminder_days="30", checkout_abandoned_after_hours="48")
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01T00:00:00+00:00", expiry="12 months")

    # Day 0: a guest buys for 50.
    buy(channel, 50, email="ada@example.com", paid=True, at=day(0))

    # Day 1: she registers, day 2: she shows that the address is hers, and everything is hers.
    with then(day(1)):
        ada = make_customer("ada@example.com", is_confirmed=False)
        call_event(manager().customer_created, ada)
    with then(day(2)):
        ada.is_confirmed = True
        ada.save()
        hand_over_orders(ada)
        call_event(manager().account_confirmed, ada)

    # Days 3 to 6: a basket is filled, changed and left.
    with then(day(3)):
        basket = Checkout.objects.create(user=ada, channel=channel, currency="USD")
        basket.lines.create(variant=make_product(channel=channel).default_variant, quantity=1, currency="USD")
    run(scan_checkouts_task, day(3.1))
    with then(day(4)):
        change_quantity(basket, 3)
    run(scan_checkouts_task, day(4.1))
    run(scan_checkouts_task, day(6.5))

    # Days 10 to 15: an order for 200, paid a day later, sent, and returned. Half of its price is given back, in two
    # parts; with the first one the plugin hears of the return as well, and takes the points back.
    order = buy(channel, 200, ada, at=day(10))
    with then(day(11)):
        pay_order(order)
    with then(day(12)):
        fulfill_order(order)
    with then(day(13)):
        back = order.fulfillments.create(status=FulfillmentStatus.RETURNED)
        back.lines.create(order_line=order.lines.get(), quantity=1)
    for number, amount in ((14, 60), (15, 40)):
        with then(day(number)):
            refund_order(order, amount)

    # Days 16 to 18: what she and staff say.
    profile = CustomerProfile.objects.get(user=ada)
    ConsentRecord.objects.create(profile=profile, purpose="marketing_email", state="granted", recorded_at=day(16))
    ConsentRecord.objects.create(profile=profile, purpose="marketing_email", state="refused", recorded_at=day(17))
    CustomerNote.objects.create(profile=profile, text="Called about the return", created_at=day(18))

    # Day 20: an order that is cancelled before it is paid. Day 340: points are about to expire.
    doomed = buy(channel, 30, ada, at=day(20))
    with then(day(21)):
        cancel_order(doomed)
    run(send_reminders_task, day(340))

    everything = [
        (0.0, "order_placed"),
        (0.0, "order_paid"),
        (0.0, "points_changed"),
        (1.0, "account_created"),
        (2.0, "account_confirmed"),
        (3.0, "checkout_started"),
        (4.0, "checkout_changed"),
        (6.0, "checkout_abandoned"),
        (10.0, "order_placed"),
        (11.0, "order_paid"),
        (11.0, "points_changed"),
        (12.0, "order_fulfilled"),
        (13.0, "order_returned"),
        (14.0, "order_refunded"),
        (14.0, "points_changed"),
        (15.0, "order_refunded"),
        (16.0, "consent_granted"),
        (17.0, "consent_refused"),
        (18.0, "note_added"),
        (20.0, "order_placed"),
        (21.0, "order_cancelled"),
        (340.0, "reminder_sent"),
    ]
    assert told() == everything
    # The note is for staff.
    assert told(internal=False) == [entry for entry in everything if entry[1] != "note_added"]
    said = [(kind, label, details) for _, kind, label, details in timeline()]
    assert [details["points"] for kind, _, details in said if kind == "points_changed"] == [50, 200, -200]
    assert [details["amount"] for kind, _, details in said if kind == "order_refunded"] == ["60.000", "40.000"]
    assert [details["quantity"] for kind, _, details in said if kind.startswith("checkout")] == [1, 3, 3]
    assert [label for kind, label, _ in said if kind in {"consent_granted", "note_added", "reminder_sent"}] == [
        "marketing_email",
        "Called about the return",
        "expiry",
    ]

    # Whatever runs again says nothing new.
    with then(day(341)):
        reconcile(full=True)
        backfill()
        scan_checkouts_task()
        reconcile_task()
    assert told() == everything

    # A shop that keeps details for a year knows in March of the next year that things happened, and no more.
    crm_settings(timeline_details_days="365")
    run(blank_old_details_task, day(376))
    assert told() == everything
    kept = [(number, bool(details)) for number, kind, _, details in timeline() if kind.startswith(("order", "check"))]
    assert kept == [
        (number, number >= 11)
        for number, kind in everything
        # A cancellation never had any.
        if kind.startswith(("order", "check")) and kind != "order_cancelled"
    ] + [(21.0, False)]
