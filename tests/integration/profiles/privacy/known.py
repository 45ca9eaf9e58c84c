"""A customer of whom there is a row in every table, and what stands in the columns for text."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from django.db import connection

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.tiers.models import TierChange
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.consents.recording import Consent, record_consents
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.shop_settings import loyalty_settings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
STAFF = Actor(ActorType.STAFF, 7)
MARKER = "Zyxwvut"


def ann_with_everything() -> SimpleNamespace:
    """Ann has bought for 50 dollars, earned 500 points and got 100 from staff; and much is written about her."""
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="10", earn_from="2026-01-01T00:00:00+00:00", point_value="0.01")
    apple = make_product("Apple", 50, channel, stock=None)
    ann = make_customer("ann@example.com")
    order = make_order(ann, channel=channel, lines=[(apple, 1)], created_at=NOW.replace(month=3))
    sync_customer(ann.pk)
    assert not sync_orders([order.pk]).failed
    profile = CustomerProfile.objects.get(user=ann)
    account = LoyaltyAccount.objects.get(profile=profile)
    adjust(account.pk, 100, f"for {MARKER}", STAFF, f"{MARKER}-1")
    TierChange.objects.create(account=account, cause="assigned", at=NOW, reason=MARKER)
    ProfileIdentity.objects.create(profile=profile, kind=IdentityKind.VERIFIED_EMAIL, value=f"{MARKER}@example.com")
    CustomerNote.objects.create(profile=profile, text=f"{MARKER} called", created_at=NOW)
    CustomerTag.objects.create(profile=profile, name=MARKER.lower(), assigned_at=NOW)
    given = Consent(ConsentPurpose.MARKETING_EMAIL, ConsentState.GRANTED, MARKER, MARKER)
    record_consents(profile.pk, [given], SYSTEM, NOW)
    feedback = OrderFeedback.objects.create(
        order_id=order.pk,
        profile=profile,
        channel_id=channel.pk,
        score=9,
        comment=MARKER,
        created_at=NOW,
        scored_at=NOW,
    )
    ProductReview.objects.create(
        feedback=feedback,
        order_line_id=order.lines.get().pk,
        product=apple,
        rating=4,
        comment=MARKER,
        state="approved",
        created_at=NOW,
    )
    event = Event(profile.pk, EventKind.ORDER_PLACED, NOW, f"test:{uuid4()}", details={"text": MARKER})
    record([event])
    segment = CustomerSegment.objects.create(name="All", slug="all", query="orders_count > 0")
    SegmentMembership.objects.create(segment=segment, profile=profile, entered_at=NOW)
    return SimpleNamespace(
        channel=channel, apple=apple, ann=ann, order=order, profile=profile, account=account, segment=segment
    )


def text_columns() -> set[tuple[str, str]]:
    """Table and name of every column of ours that can hold a text."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name, column_name FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name LIKE 'crm\\_%'
              AND (data_type IN ('text', 'character varying', 'jsonb', 'json')
                   OR (data_type = 'ARRAY' AND udt_name IN ('_text', '_varchar', '_jsonb')))
            """
        )
        return set(cursor.fetchall())


def columns_with_marker() -> set[tuple[str, str]]:
    """Where the marker stands, in any spelling."""
    found = set()
    with connection.cursor() as cursor:
        for table, column in text_columns():
            cursor.execute(f'SELECT 1 FROM {table} WHERE "{column}"::text ILIKE %s LIMIT 1', [f"%{MARKER}%"])
            if cursor.fetchone():
                found.add((table, column))
    return found


def sums() -> dict[str, Any]:
    """What reports add up over all customers."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT sum(points) FROM crm_points_transaction), (SELECT count(*) FROM crm_points_transaction),
                   (SELECT sum(active + pending - deficit) FROM crm_loyalty_account),
                   (SELECT sum(remaining) FROM crm_points_lot),
                   (SELECT sum(gross_amount - refunded_amount) FROM crm_profile_order),
                   (SELECT sum(score) FROM crm_order_feedback)
            """
        )
        names = ("points", "entries", "balances", "lots", "spent", "scores")
        return dict(zip(names, cursor.fetchone(), strict=True))
