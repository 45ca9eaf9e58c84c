"""Purchases straight into the tables that training and serving read, in seconds rather than hours.

Foreign keys are not checked meanwhile: orders have lines and facts, but no row of their own, which nothing here reads.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import numpy as np

from tests.benchmarks.complete_journey import Purchases
from tests.benchmarks.tables import NULL, copy, unchecked


def fill(connection: Any, purchases: Purchases) -> None:
    """One channel that sells all products, a profile for each household, and its orders, the last of them today."""
    with unchecked(connection):
        _fill(connection, purchases)


def _fill(connection: Any, purchases: Purchases) -> None:
    products = np.unique(purchases.products).tolist()
    customers = np.unique(purchases.customers)
    now = datetime.datetime.now(datetime.UTC)
    age = purchases.days.max() - purchases.days
    _, first_lines, order_of = np.unique(purchases.baskets, return_index=True, return_inverse=True)

    def order_id(number: int) -> str:
        return str(uuid.UUID(int=number + 1))

    copy(connection, "channel_channel", {"is_active": "true"}, ("id", "slug"), [(1, "bench")])
    copy(
        connection,
        "product_product",
        {},
        ("id", "name", "slug", "category_id"),
        (
            (product, f"Product {product}", str(product), purchases.categories.get(product, -1) + 1 or NULL)
            for product in products
        ),
    )
    copy(
        connection,
        "product_productchannellisting",
        {
            "is_published": "true",
            "visible_in_listings": "true",
            "published_at": "2017-01-01",
            "available_for_purchase_at": "2017-01-01",
        },
        ("id", "product_id", "channel_id"),
        ((product, product, 1) for product in products),
    )
    copy(connection, "product_productvariant", {}, ("id", "product_id"), ((product, product) for product in products))
    copy(
        connection,
        "product_productvariantchannellisting",
        {"price_amount": "10"},
        ("id", "variant_id", "channel_id"),
        ((product, product, 1) for product in products),
    )
    # Nothing is learnt about whom nobody can be: each has a user.
    people = ((customer, customer) for customer in customers.tolist())
    copy(connection, "crm_customer_profile", {}, ("id", "user_id"), people)
    copy(
        connection,
        "crm_profile_order",
        {"counts": "true", "currency": "USD"},
        ("order_id", "profile_id", "channel_id", "placed_at"),
        (
            (order_id(number), purchases.customers[line], 1, now - datetime.timedelta(days=float(age[line])))
            for number, line in enumerate(first_lines.tolist())
        ),
    )
    copy(
        connection,
        "order_orderline",
        {"quantity": "1"},
        ("id", "order_id", "variant_id"),
        (
            (str(uuid.UUID(int=number + 1)), order_id(order), product)
            for number, (order, product) in enumerate(zip(order_of.tolist(), purchases.products.tolist(), strict=True))
        ),
    )
