"""A large catalogue straight into the shop's tables, in seconds.

Two channels sell all products. Each product has one variant in two warehouses; a tenth is sold out, a tenth
unpublished. Categories of 200 products hang in a tree, ten under each; three values of attributes on each product, a
quarter in one of fifty collections.
"""

from __future__ import annotations

import datetime
import itertools
import uuid
from typing import Any

import numpy as np

from tests.benchmarks.tables import copy, unchecked

CHANNEL, OTHER_CHANNEL = 1, 2
CATEGORY_SIZE = 200
NOW = datetime.datetime.now(datetime.UTC)


def fill_catalogue(connection: Any, products: int) -> None:
    with unchecked(connection):
        _fill(connection, products)


def _fill(connection: Any, products: int) -> None:
    ids = range(1, products + 1)
    days = np.random.default_rng(1).integers(0, 2000, products).tolist()
    categories = products // CATEGORY_SIZE + 1
    copy(
        connection, "channel_channel", {"is_active": "true"}, ("id", "slug"), [(CHANNEL, "one"), (OTHER_CHANNEL, "two")]
    )
    copy(connection, "product_producttype", {}, ("id", "slug", "kind"), [(1, "a", "normal"), (2, "b", "gift_card")])
    copy(
        connection,
        "product_category",
        {},
        ("id", "slug", "parent_id"),
        ((one, one, "\\N" if one == 1 else one // 10 + 1 if one > 10 else 1) for one in range(1, categories + 1)),
    )
    copy(
        connection,
        "product_product",
        {},
        ("id", "name", "slug", "category_id", "product_type_id"),
        ((one, f"Product {one}", one, one % categories + 1, 2 if one % 1000 == 0 else 1) for one in ids),
    )
    copy(
        connection,
        "product_productchannellisting",
        {"visible_in_listings": "true", "available_for_purchase_at": "2017-01-01"},
        ("id", "product_id", "channel_id", "is_published", "published_at"),
        (
            (2 * one + channel, one, channel, one % 10 != 3, NOW - datetime.timedelta(days=days[one - 1], seconds=one))
            for one in ids
            for channel in (CHANNEL, OTHER_CHANNEL)
        ),
    )
    copy(
        connection,
        "product_productvariant",
        {"track_inventory": "true"},
        ("id", "product_id"),
        ((one, one) for one in ids),
    )
    copy(
        connection,
        "product_productvariantchannellisting",
        {"price_amount": "10"},
        ("id", "variant_id", "channel_id"),
        ((2 * one + channel, one, channel) for one in ids for channel in (CHANNEL, OTHER_CHANNEL)),
    )
    warehouses = [uuid.UUID(int=number) for number in (1, 2)]
    copy(connection, "warehouse_warehouse", {}, ("id", "slug"), ((one, one) for one in warehouses))
    copy(
        connection,
        "warehouse_channelwarehouse",
        {},
        ("id", "channel_id", "warehouse_id"),
        (
            (number, channel, warehouse)
            for number, (channel, warehouse) in enumerate(itertools.product((CHANNEL, OTHER_CHANNEL), warehouses))
        ),
    )
    copy(
        connection,
        "warehouse_stock",
        {},
        ("id", "product_variant_id", "warehouse_id", "quantity", "quantity_allocated"),
        (
            (2 * one + number, one, warehouse, 5, 5 if one % 10 == 7 else 1)
            for one in ids
            for number, warehouse in enumerate(warehouses)
        ),
    )
    copy(
        connection,
        "attribute_assignedproductattributevalue",
        {},
        ("id", "product_id", "value_id"),
        ((3 * one + number, one, number * 1000 + one * (number + 7) % 300) for one in ids for number in range(3)),
    )
    copy(
        connection,
        "product_collectionproduct",
        {},
        ("id", "product_id", "collection_id"),
        ((one, one, one % 50) for one in ids if one % 4 == 0),
    )
