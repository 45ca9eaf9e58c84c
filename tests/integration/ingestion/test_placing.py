"""When an order was placed that staff wrote as a draft first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from saleor.order import OrderOrigin
from saleor.order.models import OrderEvent

from saleor_crm_plugin.ingestion.readers import read_orders
from tests.devshop.factories import complete_draft, make_order

pytestmark = pytest.mark.django_db

BEGUN, COMPLETED = datetime(2024, 3, 1, 12, tzinfo=UTC), datetime(2024, 3, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize("origin", [OrderOrigin.DRAFT, OrderOrigin.REISSUE])
def test_it_is_placed_when_staff_complete_it(origin):
    order = complete_draft(make_order(email="ada@example.com", created_at=BEGUN, origin=origin), COMPLETED)
    found = read_orders([order.pk])[order.pk]
    assert (found.placed_at, found.paid_at) == (COMPLETED, COMPLETED)


@pytest.mark.parametrize("origin", [OrderOrigin.DRAFT, OrderOrigin.CHECKOUT, OrderOrigin.BULK_CREATE])
def test_without_a_word_of_it_when_it_was_created(origin):
    order = make_order(email="ada@example.com", created_at=BEGUN, origin=origin)
    OrderEvent.objects.create(order=order, type="confirmed", date=COMPLETED)
    assert read_orders([order.pk])[order.pk].placed_at == BEGUN
