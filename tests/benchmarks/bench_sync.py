"""One order brought into our tables, beside transactions by hand that write the same rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.benchmarks.figures import Budget
from tests.benchmarks.measuring import Bench, Call
from tests.benchmarks.plans import divide
from tests.benchmarks.scratch import scratch_database
from tests.benchmarks.written_rows import Tables

# What the rows are worked out from, by hand: no rules, tiers, segments or referrals, of which a shop need not have any.
_READS = (
    "SELECT order_id FROM crm_order_sync WHERE order_id = %(order)s FOR UPDATE",
    "SELECT identifier, channel_id, configuration FROM plugins_pluginconfiguration WHERE active",
    "SELECT number, status, origin, channel_id, currency, user_id, user_email, created_at, updated_at,"
    " total_gross_amount, total_net_amount, shipping_price_gross_amount, total_charged_amount, voucher_code"
    " FROM order_order WHERE id = %(order)s",
    "SELECT id, variant_id, quantity, total_price_gross_amount, total_price_net_amount, is_gift_card, sale_id"
    " FROM order_orderline WHERE order_id = %(order)s",
    "SELECT sum(change.amount), max(payment.created_at) FROM payment_payment AS payment"
    " LEFT JOIN payment_transaction AS change ON change.payment_id = payment.id AND change.kind = 'refund'"
    " WHERE payment.order_id = %(order)s",
    "SELECT sum(refunded_value), sum(refund_pending_value), max(created_at) FROM payment_transactionitem"
    " WHERE order_id = %(order)s",
    "SELECT line.order_line_id, sum(line.quantity) FROM order_fulfillment AS fulfillment"
    " JOIN order_fulfillmentline AS line ON line.fulfillment_id = fulfillment.id"
    " WHERE fulfillment.order_id = %(order)s GROUP BY 1",
    "SELECT amount_value FROM order_ordergrantedrefund WHERE order_id = %(order)s",
    "SELECT gift_card_id, parameters FROM giftcard_giftcardevent WHERE order_id = %(order)s AND type = 'used_in_order'",
    "SELECT profile.id FROM crm_customer_profile AS profile JOIN order_order AS placed USING (user_id)"
    " WHERE placed.id = %(order)s FOR NO KEY UPDATE OF profile",
    "SELECT count(*), sum(gross_amount - refunded_amount), min(placed_at), max(placed_at) FROM crm_profile_order"
    " WHERE counts AND profile_id = (SELECT profile_id FROM crm_profile_order WHERE order_id = %(order)s)",
    "SELECT account.* FROM crm_loyalty_account AS account JOIN crm_customer_profile AS profile"
    " ON profile.id = account.profile_id JOIN order_order AS placed USING (user_id)"
    " WHERE placed.id = %(order)s FOR UPDATE OF account",
    "SELECT id, type, points FROM crm_points_transaction WHERE order_id = %(order)s",
)


def measure(bench: Bench) -> None:
    with scratch_database("bench_sync") as connection:
        orders = bench.size(100, 4)
        members, guests = _shop(orders)
        connection.ensure_connection()
        for name, ids in (("a member's next order", members), ("a guest's first order", guests)):
            _measure(bench, connection.connection, f"sync_order, {name}", ids)


def _shop(count: int) -> tuple[list[Any], list[Any]]:
    """New orders of so many members, each of whom has bought ten times, and of as many guests; paid, points earned."""
    from django.utils import timezone

    from saleor_crm_plugin.ingestion.backfill import backfill
    from tests.devshop.factories import make_channel, make_customer, make_order, make_product
    from tests.shop_settings import crm_settings, loyalty_settings

    channel = make_channel()
    crm_settings()
    loyalty_settings(channel, points_per_unit="1", earn_from="2000-01-01T00:00:00+00:00")
    lines = [(make_product(price=price, channel=channel), 1) for price in (12, 30, 7)]
    now = timezone.now()

    def order(**fields: Any) -> Any:
        return make_order(channel=channel, lines=lines, paid=49, **fields).pk

    customers = [make_customer(is_confirmed=True) for _ in range(count)]
    for customer in customers:
        for number in range(10):
            order(user=customer, created_at=now - timedelta(days=400 - 30 * number))
    backfill()
    members = [order(user=customer, created_at=now - timedelta(hours=1)) for customer in customers]
    guests = [order(email=f"guest{number}@example.com", created_at=now - timedelta(hours=1)) for number in range(count)]
    return members, guests


def _measure(bench: Bench, connection: Any, name: str, ids: list[Any]) -> None:
    from saleor_crm_plugin.ingestion.sync import sync_order

    ours: list[Call] = [lambda order_id=order_id: sync_order(order_id) for order_id in ids]
    tables = Tables(connection)
    try:
        written = tables.written_by(ours)
        ours_wrote = {table: len(rows) for table, rows in tables.rows().items()}
        tables.put_back()
        writing: list[Call] = [lambda some=some: tables.write(some) for some in written]
        asking: list[Call] = [
            lambda some=some, order_id=order_id: tables.write(some, after=(_READS, {"order": order_id}))
            for some, order_id in zip(written, ids, strict=True)
        ]
        for call in writing:
            call()
        assert {table: len(rows) for table, rows in tables.rows().items()} == ours_wrote
        rows = f"{len(written[0])} statements write"
        for theirs, beside, note, budgets in (
            (asking, "by hand", f"{len(_READS)} statements ask, {rows}", [Budget("ratio", 3)]),
            (writing, "by hand, knowing the answer", rows, []),
        ):
            bench.measure(name, ours, theirs, beside=beside, before=tables.put_back, budgets=budgets, note=note)
        tables.put_back()
        divide(bench, name, ours)
    finally:
        tables.put_back()
        tables.drop()
