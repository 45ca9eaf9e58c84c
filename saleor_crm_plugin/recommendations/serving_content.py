"""Products that are alike by what the shop says about them: for a product that nobody has bought yet."""

from __future__ import annotations

from typing import Final

from saleor_crm_plugin.recommendations.models import ReasonKind

# The first so many products of a basket are looked at; a product page has one.
SHOWN_LIMIT: Final = 5
# Attribute values and collections of a product that count, and products looked at for each of them, the newest. A value
# that more products share says little, and all of them together would be the catalogue.
VALUES_LIMIT: Final = 30
COLLECTIONS_LIMIT: Final = 10
FELLOWS_LIMIT: Final = 100

# A thing that two products share counts the more the fewer products share it, as words do in retrieval: Spärck Jones,
# "A statistical interpretation of term specificity and its application in retrieval", Journal of Documentation 28,
# 1972.
# A type that as many products have as are looked at is the one type of the shop, and says nothing.
# A category counts twice: it is the shop's own word for "of the same use". Chosen, not measured: no data set here has
# attributes and collections.
_WEIGHT: Final = "1 / ln(2.7 + count(*) OVER (PARTITION BY {thing}))"
_CATEGORY_WEIGHT: Final = 2

CONTENT: Final = f"""
SELECT product_id, sum(weight) AS score, {ReasonKind.SIMILAR.value} AS reason_kind, NULL::float8 AS reason_value,
    (array_agg(shown_id ORDER BY weight DESC, shown_id))[1]::int AS reason_product_id, NULL::real AS rhythm_days,
    NULL::timestamptz AS expected_at, false AS is_due,
    row_number() OVER (ORDER BY sum(weight) DESC, product_id DESC)::float8 AS position
FROM (
    SELECT shown.id AS shown_id, alike.product_id, alike.weight
    FROM product_product shown
    CROSS JOIN LATERAL (
        SELECT fellow.product_id, {_WEIGHT.format(thing="own.value_id")} AS weight
        FROM (
            SELECT value_id FROM attribute_assignedproductattributevalue
            WHERE product_id = shown.id ORDER BY value_id LIMIT {VALUES_LIMIT}
        ) own
        CROSS JOIN LATERAL (
            SELECT product_id FROM attribute_assignedproductattributevalue
            WHERE value_id = own.value_id ORDER BY product_id DESC LIMIT {FELLOWS_LIMIT}
        ) fellow
        UNION ALL
        SELECT fellow.product_id, {_WEIGHT.format(thing="own.collection_id")}
        FROM (
            SELECT collection_id FROM product_collectionproduct
            WHERE product_id = shown.id ORDER BY collection_id LIMIT {COLLECTIONS_LIMIT}
        ) own
        CROSS JOIN LATERAL (
            SELECT product_id FROM product_collectionproduct
            WHERE collection_id = own.collection_id ORDER BY product_id DESC LIMIT {FELLOWS_LIMIT}
        ) fellow
        UNION ALL
        SELECT fellow.id, {_CATEGORY_WEIGHT} * {_WEIGHT.format(thing="shown.id")}
        FROM (
            SELECT id FROM product_product WHERE category_id = shown.category_id ORDER BY id DESC LIMIT {FELLOWS_LIMIT}
        ) fellow
        UNION ALL
        SELECT fellow.id, {_WEIGHT.format(thing="shown.id")}
        FROM (
            SELECT id, count(*) OVER () AS fellows FROM (
                SELECT id FROM product_product
                WHERE product_type_id = shown.product_type_id ORDER BY id DESC LIMIT {FELLOWS_LIMIT}
            ) newest
        ) fellow
        WHERE fellow.fellows < {FELLOWS_LIMIT}
    ) alike
    WHERE shown.id = ANY (asked.basket[:{SHOWN_LIMIT}])
) shared
GROUP BY product_id
"""  # nosec B608  # constants only; values are parameters
