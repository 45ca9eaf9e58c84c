"""Customers of a shop and their orders, as syncs leave them, straight into the tables.

Half of the customers have accounts; a few buy very often; orders lie within three years, every fiftieth is cancelled,
one in ten is refunded by half, one in ten customers pays in euros. Each order has two lines and an address, one in
eight that of a company.
"""

from __future__ import annotations

from typing import Any

from tests.benchmarks.tables import make, noise, unchecked

PRODUCTS = 1000
COMPANY_EACH = 8


def fill_people(connection: Any, customers: int) -> None:
    """Who they are, and what is known of them beside orders."""
    accounts = customers // 2
    with unchecked(connection) as cursor:
        make(
            cursor,
            "account_user",
            accounts,
            id="n",
            email="'customer' || n || '@example.com'",
            first_name="'First' || n % 997",
            last_name="'Last' || n % 9973",
            is_active="true",
            uuid="gen_random_uuid()",
            language_code=f"(ARRAY['en','de'])[1 + {noise(6, 2)}]",
            default_billing_address_id="n",
        )
        make(
            cursor,
            "crm_customer_profile",
            customers,
            id="n",
            user_id=f"CASE WHEN n <= {accounts} THEN n END",
            created_at="now() - n * interval '1 minute'",
            customer_type=f"(ARRAY['b2c','b2c','b2c','b2b'])[1 + {noise(7, 4)}]",
            lifecycle_stage=f"(ARRAY['repeat','at_risk','lapsed','loyal'])[1 + {noise(8, 4)}]",
        )
        make(
            cursor,
            "crm_profile_identity",
            customers - accounts,
            first=accounts + 1,
            profile_id="n",
            kind="'unverified_email'",
            value="'guest' || n || '@example.com'",
        )
        for name, each in (("vip", 10), ("press", 1000), ("eu", 2), ("wholesale", 7)):
            make(cursor, "crm_customer_tag", customers // each, profile_id=f"n * {each}", name=f"'{name}'")
        make(
            cursor,
            "crm_consent_record",
            customers,
            profile_id="n",
            purpose="'marketing_email'",
            state=f"(ARRAY['granted','refused'])[1 + {noise(14, 2)}]",
        )
        make(
            cursor,
            "crm_loyalty_account",
            accounts,
            id="n",
            profile_id="n",
            active=noise(17, 1000),
            program_id="(SELECT id FROM crm_loyalty_program WHERE is_default)",
        )


def fill_orders(connection: Any, customers: int, orders: int) -> None:
    """Our facts about orders; `fill_shop` makes the same orders in Saleor's tables."""
    age = f"make_interval(secs => ({noise(1, 9973)} * {noise(2, 9973)})::float8 / (9973 * 9973) * 94608000)"
    owner = f"1 + floor({customers} * power({noise(3, 99991)} / 99991.0, 2))::bigint"
    with unchecked(connection) as cursor:
        make(
            cursor,
            "crm_profile_order",
            orders,
            order_id="lpad(to_hex(n), 32, '0')::uuid",
            profile_id=owner,
            channel_id=f"1 + {noise(9, 2)}",
            currency=f"CASE WHEN ({owner}) % 10 = 0 THEN 'EUR' ELSE 'USD' END",
            placed_at=f"now() - {age}",
            counts=f"{noise(10, 50)} > 0",
            gross_amount=f"10 + {noise(11, 150)}",
            refunded_amount=f"CASE WHEN {noise(12, 10)} = 0 THEN (10 + {noise(11, 150)}) / 2 ELSE 0 END",
            items="2",
            returned_items=f"CASE WHEN {noise(12, 10)} = 0 THEN 1 ELSE 0 END",
        )


def fill_shop(connection: Any, customers: int, orders: int) -> None:
    """The catalogue, the orders' own rows, and a checkout for every tenth customer."""
    accounts = customers // 2
    with unchecked(connection) as cursor:
        make(
            cursor, "channel_channel", 2, id="n", slug="CASE n WHEN 1 THEN 'one' ELSE 'two' END", currency_code="'USD'"
        )
        make(
            cursor,
            "product_category",
            21,
            id="n",
            name="'c' || n",
            slug="CASE n WHEN 21 THEN 'root' ELSE 'c' || n END",
            parent_id="CASE WHEN n <= 10 THEN 21 END",
        )
        make(
            cursor,
            "product_product",
            PRODUCTS,
            id="n",
            slug="'p' || n",
            name="'p' || n",
            category_id="1 + n % 20",
        )
        make(cursor, "product_productvariant", PRODUCTS, id="n", product_id="n")
        make(cursor, "product_collection", 2, id="n", slug="'k' || n", name="'k' || n")
        make(cursor, "product_collectionproduct", 300, id="n", collection_id="1 + n % 2", product_id="n")
        make(
            cursor,
            "account_address",
            orders,
            id="n",
            country=f"(ARRAY['US','US','US','DE','FR'])[1 + {noise(4, 5)}]",
            city=f"'City ' || {noise(5, 200)}",
            company_name=f"CASE WHEN n % {COMPANY_EACH} = 0 THEN 'Acme' ELSE '' END",
        )
        make(
            cursor,
            "order_order",
            orders,
            id="lpad(to_hex(n), 32, '0')::uuid",
            billing_address_id="n",
            number="n",
            language_code="'en'",
            currency="'USD'",
            channel_id="1",
        )
        make(
            cursor,
            "order_orderline",
            orders * 2,
            id="lpad(to_hex(n), 32, '0')::uuid",
            quantity="1",
            order_id=f"lpad(to_hex(1 + (n - 1) % {orders}), 32, '0')::uuid",
            variant_id=f"1 + {noise(12, PRODUCTS)}",
        )
        make(
            cursor,
            "checkout_checkout",
            customers // 10,
            token="gen_random_uuid()",
            user_id=f"CASE WHEN n % 2 = 0 THEN 1 + {noise(15, accounts)} END",
            email=f"'guest' || ({accounts} + n) || '@example.com'",
            last_change=f"now() - make_interval(hours => ({noise(16, 720)})::int)",
        )
        cursor.execute(
            "INSERT INTO checkout_checkoutline (id, created_at, checkout_id, variant_id, quantity, is_gift, currency,"
            " undiscounted_unit_price_amount, total_price_net_amount, total_price_gross_amount, tax_rate)"
            " SELECT gen_random_uuid(), now(), token, 1, 1, false, 'USD', 0, 0, 0, 0 FROM checkout_checkout"
        )
