"""Entries of before there were tiers learn from when they count."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction
from saleor.order import FulfillmentStatus

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_reversal_counts_from_its_award_on():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    order = make_order(make_customer(), lines=[(make_product("Tea", 100, channel, stock=None), 1)], created_at=MARCH)
    sync_orders([order.pk], now=MARCH)
    order.fulfillments.create(status=FulfillmentStatus.RETURNED).lines.create(order_line=order.lines.get(), quantity=1)
    sync_orders([order.pk], now=MAY)
    adjust(LoyaltyAccount.objects.get().pk, 5, "Sorry", SYSTEM, "1")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE crm_points_transaction DROP CONSTRAINT crm_transaction_earnings_say_when")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE crm_points_transaction SET earned_at = NULL")
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(import_module("saleor_crm_plugin.migrations.0008_tiers").EARNED_AT)
    assert list(PointsTransaction.objects.order_by("pk").values_list("type", "earned_at")) == [
        ("earn", MARCH),
        ("earn_reversal", MARCH),
        ("adjust", None),
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        PointsTransaction.objects.update(points=1)
