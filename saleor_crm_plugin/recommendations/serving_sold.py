"""What a channel sells at this moment, as conditions of SQL. Parameters: `channel`, `now`, `in_stock`.

Saleor's tables are read by name, because this domain does not import Saleor; a test holds the names against the facts
of every supported version.
"""

from __future__ import annotations

from typing import Final

# Saleor's table -> the columns of it that serving reads.
SALEOR_COLUMNS: Final = {
    "channel_channel": ("id", "is_active"),
    "product_product": ("id", "name", "category_id", "product_type_id"),
    "product_producttype": ("id", "kind"),
    "product_category": ("id", "parent_id"),
    "product_collectionproduct": ("collection_id", "product_id"),
    "attribute_assignedproductattributevalue": ("product_id", "value_id"),
    "product_productchannellisting": (
        "product_id",
        "channel_id",
        "is_published",
        "published_at",
        "visible_in_listings",
        "available_for_purchase_at",
    ),
    "product_productvariant": ("id", "product_id", "track_inventory", "is_preorder", "preorder_end_date"),
    "product_productvariantchannellisting": ("variant_id", "channel_id", "price_amount"),
    "warehouse_stock": ("product_variant_id", "warehouse_id", "quantity", "quantity_allocated"),
    "warehouse_channelwarehouse": ("channel_id", "warehouse_id"),
    "order_order": ("id", "status"),
    "order_orderline": ("order_id", "variant_id", "quantity", "is_gift"),
}

# Where `merchandising.candidates_sql` puts what rules keep out. As it stands here, there is nothing.
NOTHING_EXCLUDED: Final = "TRUE /* nothing is excluded */"

# What a customer without permissions sees in a product list (Saleor's `visible_in_listings`, and the listing's part of
# `published_with_variants`), and may put into the checkout (`available_for_purchase_at`).
LISTED: Final = """
    listing.channel_id = %(channel)s
    AND listing.is_published
    AND (listing.published_at IS NULL OR listing.published_at <= %(now)s)
    AND listing.visible_in_listings
    AND listing.available_for_purchase_at <= %(now)s
"""
# What is the same for all products of a statement, read once: whether the channel sells at all, its warehouses, and the
# types of products that are gift cards.
PLACE: Final = """
place AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM channel_channel WHERE id = %(channel)s AND is_active) AS sells,
        ARRAY(SELECT warehouse_id FROM warehouse_channelwarehouse WHERE channel_id = %(channel)s) AS warehouses,
        ARRAY(SELECT id FROM product_producttype WHERE kind = 'gift_card') AS gift_card_types
),
"""
_CHANNEL_SELLS: Final = "(SELECT sells FROM place)"
# Some stock of the channel's warehouses that is not promised to an order, as Saleor's filter `stockAvailability` asks.
_IN_STOCK: Final = """
    NOT %(in_stock)s
    OR NOT variant.track_inventory
    OR (variant.is_preorder AND (variant.preorder_end_date IS NULL OR variant.preorder_end_date > %(now)s))
    OR EXISTS (
        SELECT FROM warehouse_stock stock
        WHERE stock.product_variant_id = variant.id
            AND stock.quantity > stock.quantity_allocated
            AND stock.warehouse_id = ANY ((SELECT warehouses FROM place)::uuid[])
    )
"""


def _priced(listing: str, stock: str = "true") -> str:
    return f"""
    EXISTS (
        SELECT FROM product_productvariant variant
        JOIN product_productvariantchannellisting price ON price.variant_id = variant.id
        WHERE variant.product_id = {listing}.product_id
            AND price.channel_id = %(channel)s
            AND price.price_amount IS NOT NULL
            AND ({stock})
    )
"""  # nosec B608  # constants only; values are parameters


# The category that was asked for, and those below it.
SUBTREE: Final = "ARRAY(SELECT id FROM subtree)"


def within_category(product: str) -> str:
    """A join that keeps the rows whose `product` (an expression) stands in the CTE `subtree`."""
    return f"""
    CROSS JOIN LATERAL (
        SELECT FROM product_product product
        WHERE product.id = {product} AND product.category_id = ANY ({SUBTREE})
        LIMIT 1
    ) member
"""  # nosec B608  # constants only; values are parameters


def sold(product: str) -> str:
    """A join that keeps the rows whose `product` (an expression) may be recommended, with `sale.category_id`.

    A lateral query with a limit rather than EXISTS: the planner must not turn the test of some candidates into a join
    with the whole catalogue.
    """
    return f"""
    CROSS JOIN LATERAL (
        SELECT product.category_id
        FROM product_productchannellisting listing JOIN product_product product ON product.id = listing.product_id
        WHERE listing.product_id = {product} AND {LISTED} AND {_CHANNEL_SELLS} AND {_priced("listing", _IN_STOCK)}
            AND product.product_type_id <> ALL ((SELECT gift_card_types FROM place)::int[])
            AND {NOTHING_EXCLUDED}
        LIMIT 1
    ) sale
"""  # nosec B608  # constants only; values are parameters


def shown(product: str) -> str:
    """A condition: customers of the channel see the product, whether or not there is any of it in stock."""
    return f"""
    EXISTS (
        SELECT FROM product_productchannellisting listing
        WHERE listing.product_id = {product} AND {LISTED} AND {_CHANNEL_SELLS} AND {_priced("listing")}
    )
"""  # nosec B608  # constants only; values are parameters
