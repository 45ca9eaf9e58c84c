"""Two workers review the same accounts at once, on real PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.tier_facts import review_tiers
from saleor_crm_plugin.loyalty.models import PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.tiers.models import TierChange, TierMembership
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.tiers.ladder import make_tiers
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)

CUSTOMERS = 10
WORKERS = 4
START = datetime(2026, 3, 1, tzinfo=UTC)


def test_each_change_is_made_once():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    tea = make_product("Tea", price=100, channel=channel, stock=None)
    orders = [make_order(make_customer(), lines=[(tea, 1)], created_at=START).pk for _ in range(CUSTOMERS)]
    sync_orders(orders, now=START)
    make_tiers(100, policy={"window_days": 10}, entry_points=5)
    at_once(START + timedelta(days=1))
    assert TierMembership.objects.count() == TierChange.objects.count() == CUSTOMERS
    assert PointsTransaction.objects.filter(type=TransactionType.TIER_GIFT).count() == CUSTOMERS
    at_once(START + timedelta(days=10))
    assert (TierMembership.objects.count(), TierChange.objects.count()) == (0, 2 * CUSTOMERS)
    assert_ledger_adds_up()


def at_once(now: datetime) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(WORKERS)

    def work() -> None:
        try:
            barrier.wait()
            with allow_writer():
                review_tiers(now)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
