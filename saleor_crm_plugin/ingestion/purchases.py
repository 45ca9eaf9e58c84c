"""Order lines out of Saleor's tables as arrays, in a stream: 1.47 million of them in 3 s, sorted.

Table and column names of Saleor are the same in all supported versions, which a test holds against the facts.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import DEFAULT_DB_ALIAS

from saleor_crm_plugin.ingestion.binary_copy import read_rows, row_type
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.progress import Progress, no_progress

# A purchase: a line of an order that counts, of a product that still exists, chosen by the customer (not a free gift).
LINES = """
WITH basket AS MATERIALIZED (
    SELECT order_id, profile_id, channel_id, placed_at, row_number() OVER (ORDER BY order_id) AS number
    FROM crm_profile_order
    WHERE counts AND placed_at >= %(since)s AND placed_at <= %(until)s
)
SELECT basket.profile_id::int8, variant.product_id::int4, basket.number::int4, basket.channel_id::int4,
    (extract(epoch FROM %(until)s - basket.placed_at) / 86400)::float4, line.quantity::float4,
    line.unit_price_net_amount::float4
FROM basket
JOIN order_orderline line ON line.order_id = basket.order_id
JOIN product_productvariant variant ON variant.id = line.variant_id
WHERE line.quantity > 0 AND NOT line.is_gift
"""
_LINE_TYPE = {
    "customer": ">i8",
    "product": ">i4",
    "basket": ">i4",
    "channel": ">i4",
    "age": ">f4",
    "quantity": ">f4",
    "price": ">f4",
}

CATEGORIES = "SELECT id::int4, category_id::int4 FROM product_product WHERE category_id IS NOT NULL"
_CATEGORY_TYPE = {"product": ">i4", "category": ">i4"}

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS = {
    "order_orderline": ("order_id", "variant_id", "quantity", "is_gift", "unit_price_net_amount"),
    "product_productvariant": ("id", "product_id"),
    "product_product": ("id", "category_id"),
}


class SaleorPurchases:
    """The purchases of this shop: a `recommendations.training.PurchaseSource`."""

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        self._using = using

    def read(
        self, since: datetime.datetime, until: datetime.datetime, progress: Progress = no_progress
    ) -> PurchaseHistory:
        """All purchases from `since` to `until`: some 50 bytes of memory a line, twice that while they are sorted."""
        parts: list[npt.NDArray[Any]] = []
        lines = 0
        for part in read_rows(self._using, LINES, {"since": since, "until": until}, _LINE_TYPE):
            parts.append(part)
            lines += len(part)
            progress("reading", lines, None)
        table = np.concatenate(parts) if parts else np.zeros(0, dtype=row_type(_LINE_TYPE))
        return PurchaseHistory.from_lines(
            customer_ids=table["customer"],
            product_ids=table["product"],
            basket_ids=table["basket"],
            channel_ids=table["channel"],
            ages=table["age"],
            categories=self.categories(),
            quantities=table["quantity"],
            prices=table["price"],
        )

    def categories(self) -> dict[int, int]:
        """Product id -> category id, where it has one."""
        categories: dict[int, int] = {}
        for part in read_rows(self._using, CATEGORIES, {}, _CATEGORY_TYPE):
            categories.update(zip(part["product"].tolist(), part["category"].tolist(), strict=True))
        return categories
