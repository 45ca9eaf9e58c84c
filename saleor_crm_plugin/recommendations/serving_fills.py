"""What a channel sells, whoever asks: its bestsellers, its newest products, and what was published last.

These are common table expressions: read and tested once for any number of lists. `{asked}` is to be replaced by the
name of the expression with the lists that are short of products. Columns as in `serving_sources`, and `category_id`.
"""

from __future__ import annotations

from typing import Final

from saleor_crm_plugin.recommendations import serving_sources as sources
from saleor_crm_plugin.recommendations.models import PopularProducts, ReasonKind
from saleor_crm_plugin.recommendations.reasons import Served
from saleor_crm_plugin.recommendations.serving_sold import LISTED, SUBTREE, sold, within_category

# Newest products that are looked at, in a category or by publication date: to put 100,000 in order takes 40 ms, to find
# the first thousand 1 ms. Where none of them is on sale, the list goes on with what the channel sells most.
SCAN_LIMIT: Final = 1_500

# So many suffice for each list: those that it lacks, and those that it must not hold.
_ENOUGH: Final = "(SELECT max(missing + cardinality(excluded)) FROM {asked})"

CHANNEL_BESTSELLERS: Final = f"""
bestsellers AS MATERIALIZED (
    SELECT entry.*, sale.category_id
    FROM (
        SELECT * FROM ({sources.popular(PopularProducts.Kind.BESTSELLERS, ReasonKind.POPULAR, None)}) listed
        WHERE EXISTS (SELECT FROM {{asked}}) ORDER BY position OFFSET 0
    ) entry
    {sold("entry.product_id")}
    ORDER BY entry.position LIMIT {_ENOUGH}
),
"""  # nosec B608  # constants only; values are parameters

NEWEST: Final = f"""
newest AS MATERIALIZED (
    SELECT entry.*, sale.category_id
    FROM (
        SELECT listing.product_id, {sources.without_knowledge(Served.NEW)}, -listing.product_id::float8 AS position
        FROM product_productchannellisting listing
        WHERE EXISTS (SELECT FROM {{asked}}) AND {LISTED}
        ORDER BY listing.product_id DESC OFFSET 0
    ) entry
    {sold("entry.product_id")}
    ORDER BY entry.product_id DESC LIMIT {_ENOUGH}
),
"""  # nosec B608  # constants only; values are parameters

NEWEST_OF_CATEGORY: Final = f"""
SELECT id AS product_id, {sources.without_knowledge(Served.NEW_IN_CATEGORY)}, -id::float8 AS position
FROM product_product WHERE category_id = ANY ({SUBTREE})
ORDER BY id DESC LIMIT {SCAN_LIMIT}
"""  # nosec B608  # constants only; values are parameters


_BY_DATE: Final = "published_at DESC, product_id DESC"
# The channel's listings from the newest on, by Saleor's index of the date.
_FROM_THE_NEWEST: Final = f"""
SELECT listing.product_id, listing.published_at FROM product_productchannellisting listing {{within}}
WHERE {{wanted}} AND {LISTED} AND listing.published_at <= %(now)s
ORDER BY listing.published_at DESC, listing.product_id DESC LIMIT {SCAN_LIMIT}
"""  # nosec B608  # constants only; values are parameters
# All products of a category in this order: quick while it is small. In a large one, the first products of the channel
# that are in the category are found soon.
_MEMBERS: Final = f"""
members AS MATERIALIZED (
    SELECT id FROM product_product WHERE category_id = ANY ({SUBTREE}) LIMIT {SCAN_LIMIT + 1}
),
size AS MATERIALIZED (SELECT count(*) <= {SCAN_LIMIT} AS is_small FROM members),
"""  # nosec B608  # constants only; values are parameters
_OF_SMALL_CATEGORY: Final = f"""
SELECT listing.product_id, listing.published_at
FROM members CROSS JOIN LATERAL (
    SELECT listing.product_id, listing.published_at FROM product_productchannellisting listing
    WHERE listing.product_id = members.id AND {LISTED} AND listing.published_at <= %(now)s LIMIT 1
) listing
WHERE (SELECT is_small FROM size)
ORDER BY listing.published_at DESC, listing.product_id DESC OFFSET 0
"""  # nosec B608  # constants only; values are parameters


def arrivals(in_category: bool) -> str:
    """By publication date in the channel. What has none was on sale before there were dates, and is no arrival."""

    def sold_of(rows: str) -> str:
        return f"""
        (SELECT entry.*, sale.category_id FROM ({rows}) entry {sold("entry.product_id")}
        ORDER BY {_BY_DATE} LIMIT {_ENOUGH})"""  # nosec B608  # constants only; values are parameters

    if in_category:
        large = _FROM_THE_NEWEST.format(
            within=within_category("listing.product_id"), wanted="NOT (SELECT is_small FROM size)"
        )
        rows, before, reason = (
            f"{sold_of(_OF_SMALL_CATEGORY)} UNION ALL {sold_of(large)}",
            _MEMBERS,
            Served.NEW_IN_CATEGORY,
        )
    else:
        rows, before, reason = sold_of(_FROM_THE_NEWEST.format(within="", wanted="true")), "", Served.NEW
    return f"""{before}
arrivals AS MATERIALIZED (
    SELECT product_id, {sources.without_knowledge(reason)},
        row_number() OVER (ORDER BY {_BY_DATE})::float8 AS position, category_id
    FROM ({rows}) found
),
"""  # nosec B608  # constants only; values are parameters
