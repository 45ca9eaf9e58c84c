"""What a statement reads of the tables that hold all of a shop's history: rows that it looks up, never the whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import DEFAULT_DB_ALIAS, connection
from django.test.utils import CaptureQueriesContext
from saleor.checkout.models import Checkout
from saleor.order.models import Order

from saleor_crm_plugin.ingestion import points_cards
from saleor_crm_plugin.ingestion.differences import all_differences
from saleor_crm_plugin.ingestion.order_events import read_histories
from saleor_crm_plugin.ingestion.readers import read_orders
from saleor_crm_plugin.loyalty.storage import read_lots
from tests.devshop.factories import make_channel, make_customer, make_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("never_analyzed")]


def test_lots_of_an_order_are_looked_up():
    """Each order that is cancelled or sent back asks for them."""
    plan = plan_of(lambda: read_lots([1, 2], [uuid4()], [3], [4], DEFAULT_DB_ALIAS), "seqscan")

    assert looked_up(plan) == {"crm_points_lot": True, "crm_points_transaction": True}


def test_what_happened_to_an_order_is_looked_up():
    orders = list(read_orders([make_order(make_customer()).pk], DEFAULT_DB_ALIAS).values())
    plan = plan_of(lambda: read_histories(orders, DEFAULT_DB_ALIAS), "seqscan", "nestloop")

    found = looked_up(plan)
    parts = ["order_fulfillmentline", "order_ordergrantedrefundline", "payment_transaction", "payment_transactionevent"]
    assert [table for table in parts if not found[table]] == []


def test_a_sweep_goes_on_where_the_last_batch_ended():
    for _ in range(3):
        make_order(make_customer())
    # One after the other along both keys, as with more orders.
    plan = plan_of(lambda: list(all_differences(2)), "seqscan", "nestloop", "hashjoin")

    assert Order.objects.count() == 3
    assert looked_up(plan) == {"order_order": True, "crm_order_sync": True}


def test_cards_of_points_on_a_checkout_are_looked_up():
    """Each time that points are put on one or come off it, among all that were ever set aside."""
    channel = make_channel()
    checkout = Checkout.objects.create(channel=channel, currency=channel.currency_code)
    plan = plan_of(lambda: points_cards.take_off(checkout), "seqscan")

    # Not by having a card at all, as every other one has.
    found_by = [node["Index Cond"] for node in _nodes(plan) if "Index Cond" in node]
    assert any("gift_card_id = " in condition for condition in found_by), found_by


def plan_of(read: Callable[[], object], *ways_not_to_go: str) -> dict[str, Any]:
    """The plan of the first statement that is sent. Of tables of a page, all would be read."""
    with CaptureQueriesContext(connection) as captured:
        read()
    with connection.cursor() as cursor:
        for way in ways_not_to_go:
            cursor.execute(f"SET LOCAL enable_{way} = off")
        statement = captured[0]["sql"].removeprefix("SET LOCAL jit = off; ")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        (found,) = cursor.fetchone()
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


def looked_up(plan: dict[str, Any]) -> dict[str, bool]:
    """Table -> whether each scan of it has a condition for an index."""
    found: dict[str, bool] = {}
    for node in _nodes(plan):
        if table := node.get("Relation Name"):
            by_index = "Index Cond" in node or node["Node Type"] == "Bitmap Heap Scan"
            found[table] = found.get(table, True) and by_index
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
