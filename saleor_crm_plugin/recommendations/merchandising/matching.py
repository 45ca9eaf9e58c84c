"""Which of many rules are for a product: found by one thing that each of them names, and tested in full after that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable

from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, Targets


class RuleIndex:
    """Rules by what they name. A product that has nothing of it is tested against none of them."""

    def __init__(self, rules: Iterable[ListRule]) -> None:
        self._naming: dict[Hashable, list[ListRule]] = defaultdict(list)
        for rule in rules:
            for key in _keys(rule.targets):
                self._naming[key].append(rule)

    def ids_for(
        self,
        product_id: int,
        category_ids: Collection[int],
        collection_ids: Collection[int],
        values: Collection[tuple[str, str]],
    ) -> frozenset[int]:
        """The rules whose target a product is. Arguments as of `Targets.hold`."""
        keys: list[Hashable] = [("product", product_id)]
        keys += [("category", one) for one in category_ids]
        keys += [("collection", one) for one in collection_ids]
        keys += [("value", one) for one in values]
        return frozenset(
            rule.rule_id
            for key in keys
            for rule in self._naming.get(key, ())
            if rule.targets.hold(product_id, category_ids, collection_ids, values)
        )


def _keys(targets: Targets) -> list[Hashable]:
    """A product of the targets has one of these at least; none, where they are for nothing."""
    if targets.product_ids:
        return [("product", one) for one in targets.product_ids]
    if targets.category_ids:
        return [("category", one) for one in targets.category_ids]
    if targets.collection_ids:
        return [("collection", one) for one in targets.collection_ids]
    return [("value", (slug, value)) for slug, some in list(targets.attribute_values.items())[:1] for value in some]
