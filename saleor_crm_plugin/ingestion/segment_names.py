"""The things of the shop that segment queries name: categories with all below them, products, collections, channels and
tiers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db import connections

# By kind: the primary keys that each of the names `wanted` stands for.
_KEYS: Final = {
    "category": """
        SELECT 'category', tree.name, tree.id FROM (
            WITH RECURSIVE tree AS (
                SELECT slug AS name, id FROM product_category WHERE slug = ANY(%s::text[])
                UNION
                SELECT tree.name, below.id FROM tree JOIN product_category below ON below.parent_id = tree.id
            )
            SELECT name, id FROM tree
        ) AS tree
    """,
    "product": "SELECT 'product', slug, id FROM product_product WHERE slug = ANY(%s::text[])",
    "collection": "SELECT 'collection', slug, id FROM product_collection WHERE slug = ANY(%s::text[])",
    "channel": "SELECT 'channel', slug, id FROM channel_channel WHERE slug = ANY(%s::text[])",
    "tier": "SELECT 'tier', name, id FROM crm_loyalty_tier WHERE name = ANY(%s::text[]) AND deleted_at IS NULL",
}
# What there is, to suggest something when a name is wrong; the newest go first.
_KNOWN: Final = {
    "category": "SELECT slug FROM product_category",
    "product": "SELECT slug FROM product_product",
    "collection": "SELECT slug FROM product_collection",
    "channel": "SELECT slug FROM channel_channel",
    "tier": "SELECT name FROM crm_loyalty_tier WHERE deleted_at IS NULL",
}
SUGGESTED_FROM: Final = 10_000


def find_names(wanted: Collection[tuple[str, str]], using: str) -> dict[tuple[str, str], list[int]]:
    """The primary keys of each (kind, name) that there is, ascending. One SQL statement, none for no names."""
    by_kind: dict[str, list[str]] = {}
    for kind, name in sorted(set(wanted)):
        by_kind.setdefault(kind, []).append(name)
    if not by_kind:
        return {}
    found: dict[tuple[str, str], list[int]] = {}
    with connections[using].cursor() as cursor:
        cursor.execute(" UNION ALL ".join(_KEYS[kind] for kind in by_kind) + " ORDER BY 1, 2, 3", [*by_kind.values()])
        for kind, name, key in cursor.fetchall():
            found.setdefault((kind, name), []).append(key)
    return found


def known_names(kind: str, using: str) -> list[str]:
    """Names of a kind, at most `SUGGESTED_FROM`."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"{_KNOWN[kind]} ORDER BY id DESC LIMIT %s", [SUGGESTED_FROM])
        return [name for (name,) in cursor.fetchall()]
