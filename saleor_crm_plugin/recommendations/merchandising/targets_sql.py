"""Which products a rule is for, as SQL. The only place that knows.

Saleor's tables are read by name; a test holds the names against the facts of every supported version.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from saleor_crm_plugin.recommendations.merchandising.definition import ListRule

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS = {
    "attribute_attribute": ("id", "slug"),
    "attribute_attributevalue": ("id", "slug", "attribute_id"),
    "attribute_assignedproductattributevalue": ("product_id", "value_id"),
    "product_category": ("id", "parent_id"),
    "product_collectionproduct": ("product_id", "collection_id"),
    "product_product": ("id", "category_id"),
    "product_productchannellisting": ("product_id", "channel_id", "published_at"),
}

# By parents rather than by places in the tree, as everywhere in this plugin: what an import left wrong does no harm.
RULE_CATEGORY = """
rule_category AS MATERIALIZED (
    WITH RECURSIVE below (rule_id, category_id) AS (
        SELECT * FROM unnest(%(rule_category_rules)s::bigint[], %(rule_category_ids)s::int[])
        UNION
        SELECT below.rule_id, category.id
        FROM below JOIN product_category category ON category.parent_id = below.category_id
    )
    SELECT rule_id, category_id FROM below
),
"""

_IN_COLLECTION = """EXISTS (
    SELECT FROM product_collectionproduct member
    WHERE member.product_id = {product} AND member.collection_id = ANY (%({values})s::int[])
)"""

_HAS_ATTRIBUTE = """EXISTS (
    SELECT FROM attribute_assignedproductattributevalue assigned
    JOIN attribute_attributevalue value ON value.id = assigned.value_id
    JOIN attribute_attribute attribute ON attribute.id = value.attribute_id
    WHERE assigned.product_id = {product}
        AND attribute.slug = %({slug})s AND value.slug = ANY (%({values})s::text[])
)"""

_IN_COLLECTIONS = "SELECT product_id FROM product_collectionproduct WHERE collection_id = ANY (%({values})s::int[])"
_WITH_ATTRIBUTE = """
SELECT assigned.product_id FROM attribute_assignedproductattributevalue assigned
JOIN attribute_attributevalue value ON value.id = assigned.value_id
JOIN attribute_attribute attribute ON attribute.id = value.attribute_id
WHERE attribute.slug = %({slug})s AND value.slug = ANY (%({values})s::text[])
"""


def parameters(rules: Iterable[ListRule]) -> dict[str, Any]:
    """The values of everything below, for these rules."""
    values: dict[str, Any] = {"rule_category_rules": [], "rule_category_ids": []}
    for rule in rules:
        targets, name = rule.targets, _name(rule)
        values[f"{name}_products"] = list(targets.product_ids)
        values[f"{name}_collections"] = sorted(targets.collection_ids)
        values["rule_category_rules"] += [rule.rule_id] * len(targets.category_ids)
        values["rule_category_ids"] += sorted(targets.category_ids)
        for number, (slug, wanted) in enumerate(sorted(targets.attribute_values.items())):
            values[f"{name}_attribute_{number}"] = slug
            values[f"{name}_values_{number}"] = sorted(wanted)
    return values


def is_target(rule: ListRule, product: str, category: str) -> str:
    """The condition that a product is one of the rule's.

    Args:
        product, category: SQL expressions for its id and that of its category.
    """
    targets, name = rule.targets, _name(rule)
    parts = []
    if targets.product_ids:
        parts.append(f"{product} = ANY (%({name}_products)s::int[])")
    if targets.category_ids:
        parts.append(f"{category} IN ({_categories(rule)})")
    if targets.collection_ids:
        parts.append(_IN_COLLECTION.format(product=product, values=f"{name}_collections"))
    for number in range(len(targets.attribute_values)):
        slug, values = f"{name}_attribute_{number}", f"{name}_values_{number}"
        parts.append(_HAS_ATTRIBUTE.format(product=product, slug=slug, values=values))
    # Rules are for something; one that says nothing is for nothing.
    return " AND ".join(parts) or "FALSE"


def looked_up(rule: ListRule) -> str:
    """The condition by which the rule's products are looked up in `product_product target`: the narrowest of its kinds,
    as a rule of thumb. Its products are among these.
    """
    targets, name = rule.targets, _name(rule)
    if targets.product_ids:
        return f"target.id = ANY (%({name}_products)s::int[])"
    if targets.collection_ids:
        return f"target.id IN ({_IN_COLLECTIONS.format(values=f'{name}_collections')})"
    if targets.attribute_values:
        return f"target.id IN ({_WITH_ATTRIBUTE.format(slug=f'{name}_attribute_0', values=f'{name}_values_0')})"
    return f"target.category_id IN ({_categories(rule)})"


def place_of(rule: ListRule) -> str:
    """A number that is lower the earlier a `target` goes: as they are named, or the newest first."""
    if rule.targets.product_ids:
        return f"array_position(%({_name(rule)}_products)s::int[], target.id)::bigint"
    return "-target.id::bigint"


def _categories(rule: ListRule) -> str:
    return f"SELECT category_id FROM rule_category WHERE rule_id = {rule.rule_id:d}"


def _name(rule: ListRule) -> str:
    return f"rule_{rule.rule_id:d}"
