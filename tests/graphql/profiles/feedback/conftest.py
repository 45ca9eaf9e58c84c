"""Ann's first order, an apple, was sent on the first of May; her second one was not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from tests.devshop.factories import fulfill_order
from tests.graphql.client import global_id

MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def sent(shop):
    with time_machine.travel(MAY, tick=False):
        fulfill_order(shop.first)
    return shop


@pytest.fixture
def order_id(sent) -> str:
    return global_id("Order", sent.first.pk)


@pytest.fixture
def line_id(sent) -> str:
    return global_id("OrderLine", sent.first.lines.get().pk)
