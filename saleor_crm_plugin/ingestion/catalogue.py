"""Where products stand in the catalogue: what the conditions of earning rules ask about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS, connections

# A category's parents rather than its place in the tree: the columns of a tree are not the same everywhere.
_PLACES = """
WITH RECURSIVE place AS (
    SELECT id AS product_id, category_id FROM product_product WHERE id = ANY(%(products)s)
    UNION
    SELECT place.product_id, category.parent_id
    FROM place JOIN product_category AS category ON category.id = place.category_id
)
SELECT product_id, category_id, NULL FROM place WHERE category_id IS NOT NULL
UNION ALL
SELECT product_id, NULL, collection_id FROM product_collectionproduct WHERE product_id = ANY(%(products)s)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The categories of a product, with all above them, and its collections, by primary key."""

    category_ids: frozenset[int] = frozenset()
    collection_ids: frozenset[int] = frozenset()


NOWHERE = Place()


def places_of(product_ids: Collection[int], using: str | None = None) -> dict[int, Place]:
    """The place of each product that has one. One SQL statement."""
    categories: defaultdict[int, set[int]] = defaultdict(set)
    collections: defaultdict[int, set[int]] = defaultdict(set)
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_PLACES, {"products": list(product_ids)})
        for product_id, category_id, collection_id in cursor.fetchall():
            if category_id is not None:
                categories[product_id].add(category_id)
            if collection_id is not None:
                collections[product_id].add(collection_id)
    return {
        product_id: Place(frozenset(categories[product_id]), frozenset(collections[product_id]))
        for product_id in categories.keys() | collections.keys()
    }
