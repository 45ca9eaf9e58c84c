"""What a training would read, written to files for an engine elsewhere."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin import __version__
from saleor_crm_plugin.ingestion.binary_copy import read_rows
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.profiles.consents.queries import not_to_be_recommended_to
from saleor_crm_plugin.recommendations.exchange.exporting import Exported, write_export
from saleor_crm_plugin.recommendations.exchange.writing import PRODUCT_BATCH, PURCHASE_TYPE
from saleor_crm_plugin.recommendations.progress import Progress, no_progress

# The same purchases as `purchases.LINES`. Who may have no recommendations is nobody here (customer 0), and was not at
# the counter at this minute, but on this day: the basket counts, and leads to no person.
EXPORTED_LINES = """
WITH basket AS MATERIALIZED (
    SELECT fact.order_id, fact.channel_id, rpad(fact.currency, 3) AS currency,
        CASE WHEN unnamed.id IS NULL THEN fact.profile_id ELSE 0 END AS customer,
        CASE WHEN unnamed.id IS NULL THEN fact.placed_at ELSE date_trunc('day', fact.placed_at, 'UTC') END AS placed_at,
        row_number() OVER (ORDER BY fact.order_id) AS number
    FROM crm_profile_order fact
    LEFT JOIN unnest(%(unnamed)s::bigint[]) AS unnamed (id) ON unnamed.id = fact.profile_id
    WHERE fact.counts AND fact.placed_at >= %(since)s AND fact.placed_at <= %(until)s
)
SELECT basket.customer::int8, basket.number::int8, (extract(epoch FROM basket.placed_at) * 1000000)::int8,
    variant.product_id::int4, line.quantity::int4,
    (least(line.unit_price_gross_amount, 999999999999999) * 1000)::int8, basket.currency::text,
    basket.channel_id::int4
FROM basket
JOIN order_orderline line ON line.order_id = basket.order_id
JOIN product_productvariant variant ON variant.id = line.variant_id
WHERE line.quantity > 0 AND NOT line.is_gift
"""
_LINE_TYPE: Final = {
    "customer": ">i8",
    "basket": ">i8",
    "time": ">i8",
    "product": ">i4",
    "quantity": ">i4",
    "price": ">i8",
    "currency": "S3",
    "channel": ">i4",
}

EXPORTED_PRODUCTS = """
SELECT product.id, product.name, product.product_type_id, product.category_id,
    ARRAY(
        SELECT membership.collection_id FROM product_collectionproduct membership
        WHERE membership.product_id = product.id ORDER BY 1
    ),
    ARRAY(
        SELECT assigned.value_id FROM attribute_assignedproductattributevalue assigned
        WHERE assigned.product_id = product.id ORDER BY 1
    )
FROM product_product product ORDER BY product.id
"""

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS = {
    "order_orderline": ("order_id", "variant_id", "quantity", "is_gift", "unit_price_gross_amount"),
    "product_productvariant": ("id", "product_id"),
    "product_product": ("id", "name", "product_type_id", "category_id"),
    "product_collectionproduct": ("product_id", "collection_id"),
    "attribute_assignedproductattributevalue": ("product_id", "value_id"),
}


def export_now(
    directory: Path,
    *,
    now: datetime.datetime | None = None,
    since: datetime.datetime | None = None,
    progress: Progress = no_progress,
) -> Exported:
    """Write the purchases since `since` and the catalogue to a directory, as Parquet files.

    Memory is bounded, whatever the shop's size. What a person is comes down to the id of a profile.

    Args:
        since: instead of the training history of the settings.

    Raises:
        ExchangeError: see `write_export`.
    """
    until = now or timezone.now()
    with allow_writer():
        first = since or until - datetime.timedelta(days=load_settings().crm.training_history_days)
        return write_export(
            directory,
            _purchases(first, until, progress, DEFAULT_DB_ALIAS),
            _products(progress, DEFAULT_DB_ALIAS),
            since=first,
            until=until,
            made_by=f"saleor-crm-plugin {__version__}",
        )


def _purchases(
    since: datetime.datetime, until: datetime.datetime, progress: Progress, using: str
) -> Iterator[npt.NDArray[Any]]:
    lines = 0
    parameters = {"since": since, "until": until, "unnamed": not_to_be_recommended_to(using)}
    for rows in read_rows(using, EXPORTED_LINES, parameters, _LINE_TYPE):
        chunk = np.empty(len(rows), dtype=PURCHASE_TYPE)
        for name in _LINE_TYPE:
            chunk[name] = rows[name]
        yield chunk
        lines += len(rows)
        progress("purchases", lines, None)


def _products(progress: Progress, using: str) -> Iterator[tuple[Any, ...]]:
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM product_product")
        total = cursor.fetchone()[0]
    done = 0
    with connection.chunked_cursor() as cursor:
        cursor.execute(EXPORTED_PRODUCTS)
        while rows := cursor.fetchmany(PRODUCT_BATCH):
            yield from rows
            done += len(rows)
            progress("products", done, total)
