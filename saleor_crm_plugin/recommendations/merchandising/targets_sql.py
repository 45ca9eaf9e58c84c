"""What the statement of `serving_sql` has to read for rules to know their products.

What is read of each product is the same however many rules there are; `definition.Targets.hold` decides. Only a PIN
that names no product has to be looked up by its target here.

Saleor's tables are read by name; a test holds the names against the facts of every supported version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Self

from saleor_crm_plugin.recommendations.merchandising.definition import ListRule

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {
    "attribute_attribute": ("id", "slug"),
    "attribute_attributevalue": ("id", "slug", "attribute_id"),
    "attribute_assignedproductattributevalue": ("product_id", "value_id"),
    "product_category": ("id", "parent_id"),
    "product_collectionproduct": ("product_id", "collection_id"),
    "product_product": ("id", "category_id"),
    "product_productchannellisting": ("product_id", "channel_id", "published_at"),
}

# Of a collection or of an attribute's value, the newest so many products are looked at for a PIN that names none.
LOOKED_UP: Final = 10_000

# The categories that rules name, with all below each. By parents rather than by places in the tree, as everywhere in
# this plugin: what an import left wrong there does no harm.
_CATEGORIES: Final = """
rule_category AS MATERIALIZED (
    WITH RECURSIVE below (named_id, category_id) AS (
        SELECT named, named FROM unnest(%(rule_categories)s::int[]) named
        UNION
        SELECT below.named_id, category.id
        FROM below JOIN product_category category ON category.parent_id = below.category_id
    )
    SELECT named_id, category_id FROM below
),
"""
# The values that rules name, numbered as in `named_values`.
_VALUES: Final = """
rule_value AS MATERIALIZED (
    SELECT value.id AS value_id, named.number
    FROM unnest(%(rule_attributes)s::text[], %(rule_values)s::text[]) WITH ORDINALITY AS named (slug, value, number)
    JOIN attribute_attribute attribute ON attribute.slug = named.slug
    JOIN attribute_attributevalue value ON value.attribute_id = attribute.id AND value.slug = named.value
),
"""

_FACTS: Final = {
    "categories": "ARRAY(SELECT named_id FROM rule_category WHERE category_id = page.category_id)",
    "collections": """ARRAY(
        SELECT member.collection_id FROM product_collectionproduct member
        WHERE member.product_id = page.product_id AND member.collection_id = ANY (%(rule_collections)s::int[])
    )""",
    "values": """ARRAY(
        SELECT named.number FROM attribute_assignedproductattributevalue assigned
        JOIN rule_value named ON named.value_id = assigned.value_id
        WHERE assigned.product_id = page.product_id
    )""",
}
NO_FACT: Final = "NULL::bigint[]"


class Named:
    """What rules name beside products.

    Attributes:
        values: pairs of slugs of attributes and of their values.
    """

    def __init__(self, rules: Iterable[ListRule]) -> None:
        targets = [rule.targets for rule in rules]
        self.categories = sorted({one for target in targets for one in target.category_ids})
        self.collections = sorted({one for target in targets for one in target.collection_ids})
        self.values: Sequence[tuple[str, str]] = sorted(
            {
                (slug, value)
                for target in targets
                for slug, values in target.attribute_values.items()
                for value in values
            }
        )

    def before(self) -> str:
        """What stands before the statement."""
        return (_CATEGORIES if self.categories else "") + (_VALUES if self.values else "")

    def facts(self) -> str:
        """Columns: the named categories that a product of `page` is in or below, the named collections that it is in,
        and the numbers, from 1, of the named values that it has.
        """
        return ", ".join(fact if getattr(self, name) else NO_FACT for name, fact in _FACTS.items())

    def parameters(self) -> dict[str, Any]:
        return {
            "rule_categories": self.categories,
            "rule_collections": self.collections,
            "rule_attributes": [slug for slug, _ in self.values],
            "rule_values": [value for _, value in self.values],
        }


# Arrays, so that the planner does not go through all products for a join with few of them.
_IN_CATEGORY: Final = """{category} = ANY (ARRAY(
    SELECT category_id FROM rule_category WHERE named_id = ANY ({named}::int[])
))"""
_NEWEST: Final = f"OFFSET 0) found ORDER BY product_id DESC LIMIT {LOOKED_UP})"
_IN_COLLECTION: Final = f"""{{product}} = ANY (ARRAY(SELECT product_id FROM (
    SELECT member.product_id FROM product_collectionproduct member
    WHERE member.collection_id = ANY ({{named}}::int[])
    {_NEWEST})"""  # nosec B608  # constants only; values are parameters
_WITH_VALUE: Final = f"""{{product}} = ANY (ARRAY(SELECT product_id FROM (
    SELECT assigned.product_id FROM attribute_assignedproductattributevalue assigned
    WHERE assigned.value_id = ANY (ARRAY(SELECT value_id FROM rule_value WHERE number = ANY ({{named}}::bigint[])))
    {_NEWEST})"""  # nosec B608  # constants only; values are parameters


class LookedUp(NamedTuple):
    """What a rule that names no product says about its products. Rules of one form are looked up by one query.

    Attributes:
        form: whether it names categories, whether collections, and how many attributes.
        targets: what it names of each, as array literals: PostgreSQL has no arrays of arrays of different lengths.
    """

    form: tuple[bool, bool, int]
    targets: tuple[str, ...]

    @classmethod
    def by(cls, rule: ListRule, named: Named) -> Self:
        targets = rule.targets
        numbers = {pair: number for number, pair in enumerate(named.values, start=1)}
        values = [[numbers[slug, value] for value in some] for slug, some in sorted(targets.attribute_values.items())]
        ids = [some for some in (targets.category_ids, targets.collection_ids) if some]
        return cls(
            (bool(targets.category_ids), bool(targets.collection_ids), len(values)),
            tuple("{" + ",".join(map(str, sorted(some))) + "}" for some in (*ids, *values)),
        )

    def condition(self, columns: Sequence[str]) -> str:
        """That a row `target` of `product_product` is one of its products.

        Args:
            columns: where the targets stand.
        """
        in_categories, in_collections, attributes = self.form
        tests = [_IN_CATEGORY] * in_categories + [_IN_COLLECTION] * in_collections + [_WITH_VALUE] * attributes
        parts = [
            test.format(category="target.category_id", product="target.id", named=column)
            for test, column in zip(tests, columns, strict=True)
        ]
        # A rule is for something; one that says nothing is for nothing.
        return " AND ".join(parts) or "FALSE"
