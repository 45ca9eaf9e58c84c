"""A shop with many customers, and everything that a storefront shows of points, profiles and products, in its tables.

All have an account (`points_tables`); the first ones have orders, events and lists of recommendations as well. Of
them, customer 1 has a long past: thousands of entries, rewards and events, and a hundred answers. Product 1 has a
review of each customer who has orders, ten thousand at most.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import points_tables
from tests.benchmarks.catalogue_tables import CHANNEL, NOW, fill_catalogue
from tests.benchmarks.model_tables import fill_model
from tests.benchmarks.tables import copy, unchecked

ORDERS = 10


@dataclass(frozen=True)
class Sizes:
    """`known`: customers with orders, events and recommendations; `lots` of each account, `long` of the first one."""

    customers: int
    known: int
    products: int
    lots: int
    long: int


def order_id(customer: int, number: int) -> uuid.UUID:
    """As `model_tables` has them."""
    return uuid.UUID(int=customer * 100 + number)


def fill(connection: Any, sizes: Sizes) -> int:
    """Returns how many entries there are."""
    from saleor.channel.models import Channel

    from saleor_crm_plugin.profiles.metrics import refresh_metrics
    from tests.shop_settings import loyalty_settings

    fill_catalogue(connection, sizes.products)
    fill_model(connection, sizes.products, sizes.known)
    _fill_people(connection, sizes)
    entries = points_tables.fill(connection, sizes.customers, sizes.lots, first=sizes.long)
    values = {"known": sizes.known, "customers": sizes.customers, "channel": CHANNEL, "orders": ORDERS}
    with unchecked(connection) as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement, values)
    Channel.objects.filter(pk=CHANNEL).update(currency_code="USD")
    loyalty_settings(
        Channel.objects.get(pk=CHANNEL), points_per_unit="10", earn_from="2020-01-01T00:00:00Z", point_value="0.01"
    )
    refresh_metrics()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return entries


def _fill_people(connection: Any, sizes: Sizes) -> None:
    people = range(1, sizes.customers + 1)
    copy(
        connection,
        "account_user",
        {"is_active": "true", "is_confirmed": "true", "language_code": "en"},
        ("id", "email", "uuid", "jwt_token_key"),
        ((one, f"customer{one}@example.com", uuid.UUID(int=one), f"key{one}") for one in people),
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_customer_profile SET user_id = id")
    copy(connection, "crm_customer_profile", {}, ("id", "user_id"), ((one, one) for one in people[sizes.known :]))
    copy(
        connection,
        "order_order",
        {"currency": "USD", "status": "fulfilled", "channel_id": str(CHANNEL), "created_at": NOW.isoformat()},
        ("id", "number", "user_id", "user_email"),
        (
            (order_id(one, number), one * 100 + number, one, f"customer{one}@example.com")
            for one in people[: sizes.known]
            for number in range(ORDERS)
        ),
    )


_STATEMENTS = (
    "UPDATE product_productvariantchannellisting SET currency = 'USD'",
    # The newest awards are those of the orders; of the first account, every entry is of one.
    """
    UPDATE crm_points_transaction AS entry
    SET order_id = lpad(to_hex(placed.account_id * 100 + placed.number %% %(orders)s), 32, '0')::uuid
    FROM (
        SELECT id, account_id, row_number() OVER (PARTITION BY account_id ORDER BY id DESC) - 1 AS number
        FROM crm_points_transaction WHERE type = 'earn' AND account_id <= %(known)s OR account_id = 1
    ) AS placed
    WHERE placed.id = entry.id AND (placed.number < %(orders)s OR placed.account_id = 1)
    """,
    """
    INSERT INTO crm_loyalty_tier (program_id, name, description, level, threshold, earning_multiplier, entry_points,
        created_at, updated_at)
    SELECT (SELECT min(id) FROM crm_loyalty_program), 'Tier ' || level, '', level, level * 1000, 1, 0, now(), now()
    FROM generate_series(1, 4) AS level
    """,
    """
    INSERT INTO crm_tier_membership (account_id, tier_id, earned_tier_id)
    SELECT account.id, tier.id, tier.id FROM crm_loyalty_account AS account
    JOIN crm_loyalty_tier AS tier ON tier.level = 1 + account.id %% 3
    """,
    """
    INSERT INTO crm_tier_change (account_id, to_tier_id, cause, at, actor_type, reason)
    SELECT account_id, tier_id, 'upgrade', now(), 'system', '' FROM crm_tier_membership
    """,
    """
    INSERT INTO crm_loyalty_reward (program_id, name, description, kind, cost, percentage, currency, channel_ids,
        segments, redeemed_count, is_active, created_at, updated_at, tier_id)
    SELECT (SELECT min(id) FROM crm_loyalty_program), 'Reward ' || number, '', 'voucher_percentage', 100 + number, 10,
        '', '{}', '{}', 0, true, now(), now(), (SELECT id FROM crm_loyalty_tier WHERE level = 1 + number %% 4)
    FROM generate_series(1, 1000) AS number
    """,
    """
    INSERT INTO crm_reward_redemption (reward_id, account_id, entry_id, status, name, kind, cost, percentage, currency,
        channel_id, code, created_at)
    SELECT (SELECT min(id) FROM crm_loyalty_reward) + id %% 1000, account_id, id, 'issued', 'Reward',
        'voucher_percentage', 200, 10, 'USD', %(channel)s, 'CODE' || id, created_at
    FROM crm_points_transaction WHERE type = 'redeem' AND (account_id = 1 OR account_id <= %(known)s AND id %% 8 = 0)
    ORDER BY id
    """,
    """
    INSERT INTO crm_profile_event (profile_id, kind, happened_at, recorded_at, key, subject_type, subject_id,
        actor_type, details)
    SELECT customer, 'order_placed', now() - number * interval '1 hour', now(), 'bench:' || customer || ':' || number,
        'order', lpad(to_hex(customer * 100 + number %% %(orders)s), 32, '0')::uuid::text, 'customer',
        '{"amount": "10.00", "currency": "USD"}'
    FROM generate_series(1, %(known)s) AS customer
    CROSS JOIN generate_series(1, CASE WHEN customer = 1 THEN 5000 ELSE 20 END) AS number
    """,
    """
    INSERT INTO crm_consent_record (profile_id, purpose, state, source, text_version, actor_type, recorded_at)
    SELECT customer, purpose, 'granted', 'checkout', '1', 'customer', now()
    FROM generate_series(1, %(known)s) AS customer
    CROSS JOIN unnest(ARRAY['profiling', 'recommendations']) AS purpose
    """,
    """
    INSERT INTO crm_order_feedback (order_id, profile_id, channel_id, score, comment, created_at, scored_at)
    SELECT lpad(to_hex(customer * 100 + number), 32, '0')::uuid, customer, %(channel)s, 9, 'Good', now(), now()
    FROM generate_series(1, least(%(known)s, 10000)) AS customer
    CROSS JOIN generate_series(0, CASE WHEN customer = 1 THEN 99 ELSE 0 END) AS number
    """,
    """
    INSERT INTO crm_product_review (feedback_id, order_line_id, product_id, rating, comment, state, created_at,
        actor_type)
    SELECT id, gen_random_uuid(), product_id, 1 + id %% 5, 'Good', 'approved', created_at, ''
    FROM crm_order_feedback CROSS JOIN LATERAL unnest(ARRAY[1, 2 + id %% 1000]) AS product_id
    """,
    """
    INSERT INTO crm_recommendation_event (id, type, product_id, channel_id, profile_id, held_out, occurred_at)
    SELECT gen_random_uuid(), 'viewed', 1 + (customer * 7 + number) %% 900, %(channel)s, customer, false,
        now() - number * interval '1 minute'
    FROM generate_series(1, %(known)s) AS customer CROSS JOIN generate_series(1, 20) AS number
    """,
)
