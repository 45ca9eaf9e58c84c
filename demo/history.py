"""A `Journey` in the shop's tables, as Saleor would have left it: orders paid, fulfilled, refunded, cancelled."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from saleor.account.models import Address, User
from saleor.channel.models import Channel
from saleor.product import ProductTypeKind
from saleor.product.models import (
    Category,
    Product,
    ProductChannelListing,
    ProductType,
    ProductVariant,
    ProductVariantChannelListing,
)
from saleor.warehouse.models import Stock, Warehouse

from demo.copying import Ids, Progress, copy_rows, fixed_uuids
from demo.journey import Journey
from demo.past_orders import PastOrders

STOCK: Final = 1000


def rows_of(journey: Journey) -> int:
    """How many rows `write` will report as its progress, about."""
    return 2 * len(journey.customers) + 5 * len(journey.products) + 4 * len(journey.orders) + 2 * len(journey.lines)


def write(journey: Journey, channel: Channel, warehouse: Warehouse, password: str, progress: Progress) -> None:
    """Everything in one transaction. Every customer logs in with `password`."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # References are checked after each table, where the progress shows it, and not all of them at the end.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        addresses, users = _write_customers(journey.customers, password, progress)
        variants = _write_products(journey.products, channel, warehouse, progress)
        PastOrders(journey, channel, addresses, users, variants, progress).write()
    with connection.cursor() as cursor:
        # What autovacuum would do within minutes: without it the first queries are planned for empty tables. Ours,
        # which are yet to be filled, must not be taken down as such.
        filled = [name for name in connection.introspection.table_names(cursor) if not name.startswith("crm_")]
        cursor.execute(f"ANALYZE {', '.join(map(connection.ops.quote_name, filled))}")


def _write_customers(customers: pd.DataFrame, password: str, progress: Progress) -> tuple[Ids, Ids]:
    """Ids of the billing addresses, and of the users: 0 where the customer is a guest."""
    surnames = customers["household"].astype(str)
    addresses = copy_rows(
        Address,
        {
            "first_name": "Household",
            "last_name": surnames,
            "street_address_1": "1 Main Street",
            "city": "Cincinnati",
            "postal_code": "45202",
            "country": "US",
            "country_area": "OH",
        },
        progress,
    )
    known = ~customers["is_guest"].to_numpy()
    with_account = customers[known]
    users = np.zeros(len(customers), dtype=np.int64)
    users[known] = copy_rows(
        User,
        {
            "email": with_account["email"],
            "first_name": "Household",
            "last_name": surnames[known],
            # One hash for all: hashing takes a tenth of a second each, and it is no secret.
            "password": make_password(password),
            "date_joined": with_account["first_at"],
            "default_billing_address_id": addresses[known],
            "jwt_token_key": [get_random_string(12) for _ in range(len(with_account))],
            "uuid": fixed_uuids("user", with_account["household"]),
        },
        progress,
    )
    return addresses, users


def _write_products(products: pd.DataFrame, channel: Channel, warehouse: Warehouse, progress: Progress) -> Ids:
    """Ids of the variants: each product has one."""
    types = {name: _product_type(name).pk for name in products["department"].unique()}
    parents = {name: _category(name, None) for name in types}
    categories = {
        (department, name): _category(name, parents[department]).pk
        for department, name in products[["department", "category"]].drop_duplicates().itertuples(index=False)
    }
    number = products["number"].astype(str)
    price = products["price"] / 100
    now = timezone.now()
    product_ids = copy_rows(
        Product,
        {
            "product_type_id": products["department"].map(types),
            "category_id": [categories[key] for key in zip(products["department"], products["category"], strict=True)],
            "name": products["name"],
            "slug": "product-" + number,
            "description_plaintext": products["category"],
        },
        progress,
    )
    variant_ids = copy_rows(
        ProductVariant, {"product_id": product_ids, "sku": "CJ-" + number, "name": products["size"]}, progress
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE product_product p SET default_variant_id = v.id FROM product_productvariant v"
            " WHERE v.product_id = p.id AND p.id = ANY(%s)",
            [product_ids.tolist()],
        )
    for_sale = {"channel_id": channel.pk, "currency": channel.currency_code, "discounted_price_amount": price}
    copy_rows(
        ProductChannelListing,
        {
            **for_sale,
            "product_id": product_ids,
            "is_published": True,
            "published_at": now,
            "visible_in_listings": True,
            "available_for_purchase_at": now,
        },
        progress,
    )
    copy_rows(ProductVariantChannelListing, {**for_sale, "variant_id": variant_ids, "price_amount": price}, progress)
    copy_rows(
        Stock, {"warehouse_id": str(warehouse.pk), "product_variant_id": variant_ids, "quantity": STOCK}, progress
    )
    return variant_ids


def _product_type(name: str) -> ProductType:
    return ProductType.objects.get_or_create(
        slug=slugify(name),
        defaults={
            "name": name,
            "kind": ProductTypeKind.NORMAL,
            "has_variants": False,
            # The data comes from stores; a pick-up needs no delivery method in the checkout.
            "is_shipping_required": False,
        },
    )[0]


def _category(name: str, parent: Category | None) -> Category:
    slug = slugify(f"{parent.name} {name}" if parent else name)
    return Category.objects.get_or_create(slug=slug, defaults={"name": name, "parent": parent})[0]
