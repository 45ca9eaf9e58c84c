"""Attributes of products, by their slugs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import connections

_KNOWN = """
SELECT attribute.slug, value.slug
FROM attribute_attribute attribute JOIN attribute_attributevalue value ON value.attribute_id = attribute.id
JOIN unnest(%s::text[], %s::text[]) AS wanted (attribute, value)
    ON wanted.attribute = attribute.slug AND wanted.value = value.slug
"""


def missing_values(values: Mapping[str, Collection[str]], using: str) -> list[tuple[str, str]]:
    """Those of the values (by the slug of their attribute) that the shop does not have. One statement at most."""
    wanted = sorted((slug, value) for slug, several in values.items() for value in several)
    if not wanted:
        return []
    with connections[using].cursor() as cursor:
        cursor.execute(_KNOWN, [list(column) for column in zip(*wanted, strict=True)])
        known = set(cursor.fetchall())
    return [pair for pair in wanted if pair not in known]
