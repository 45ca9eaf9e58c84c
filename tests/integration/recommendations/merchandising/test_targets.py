"""What the database says a rule is for is what the definition says, on random catalogues."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from saleor.channel.models import Channel
from saleor.product.models import Collection, CollectionProduct, Product

from saleor_crm_plugin.recommendations.merchandising.definition import Targets
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule
from tests.devshop.factories import assign_attribute, make_attribute_value, make_category
from tests.integration.recommendations.merchandising.rules import bury, exclude, pin, served
from tests.integration.recommendations.shop import make_products, publish

pytestmark = pytest.mark.django_db


class Catalogue:
    """Twelve products in a tree of categories, three collections and the values of two attributes."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.products = make_products(12)
        self.parents: dict[int, int | None] = {}
        for _ in range(6):
            above = dice.choice([None, *self.parents]) if self.parents else None
            category = make_category()
            type(category).objects.filter(pk=category.pk).update(parent_id=above)
            self.parents[category.pk] = above
        self.category = {product.pk: dice.choice([None, *self.parents]) for product in self.products}
        for product_id, category_id in self.category.items():
            Product.objects.filter(pk=product_id).update(category_id=category_id)
        self.collections = {
            Collection.objects.create(name=name, slug=name).pk: self._some() for name in ("sale", "spring", "gifts")
        }
        for collection_id, members in self.collections.items():
            for product in members:
                CollectionProduct.objects.create(collection_id=collection_id, product=product)
        self.values = {(slug, value): self._some() for slug in ("brand", "color") for value in ("a", "b", "c")}
        for (slug, value), members in self.values.items():
            assign_attribute(make_attribute_value(value, slug), *members)

    def _some(self) -> list[Product]:
        return self.dice.sample(self.products, self.dice.randint(0, 6))

    def targets(self) -> Targets:
        """At least one kind."""
        found: dict[str, object] = {}
        for name in self.dice.sample(["products", "categories", "collections", "attributes"], self.dice.randint(1, 3)):
            if name == "products":
                found["product_ids"] = tuple(product.pk for product in self.dice.sample(self.products, 8))
            elif name == "categories":
                found["category_ids"] = frozenset(self.dice.sample(list(self.parents), 2))
            elif name == "collections":
                found["collection_ids"] = frozenset(self.dice.sample(list(self.collections), 2))
            else:
                slugs = self.dice.sample(["brand", "color"], self.dice.randint(1, 2))
                found["attribute_values"] = {slug: frozenset(self.dice.sample("abc", 2)) for slug in slugs}
        return Targets(**found)

    def holds(self, targets: Targets, product: Product) -> bool:
        """As the documentation says it."""
        above = set()
        category = self.category[product.pk]
        while category is not None:
            above.add(category)
            category = self.parents[category]
        wanted: Mapping[str, frozenset[str]] = targets.attribute_values
        return (
            (not targets.product_ids or product.pk in targets.product_ids)
            and (not targets.category_ids or bool(above & targets.category_ids))
            and (not targets.collection_ids or any(product in self.collections[one] for one in targets.collection_ids))
            and all(any(product in self.values[slug, value] for value in some) for slug, some in wanted.items())
        )


@pytest.mark.parametrize("seed", range(12))
def test_targets(channel: Channel, seed: int) -> None:
    catalogue = Catalogue(random.Random(seed))
    publish(popular={channel: catalogue.products})
    targets = catalogue.targets()
    given = {name: getattr(targets, name) for name in Targets.__slots__}
    hit = [product.pk for product in catalogue.products if catalogue.holds(targets, product)]
    others = [product.pk for product in catalogue.products if product.pk not in hit]

    rule = exclude(**given)
    assert served(channel) == others
    _switch_off(rule)
    rule = bury(**given)
    assert served(channel) == others + hit
    _switch_off(rule)
    pin(**given, position=1, places=3)
    # In the order of the list, or of the rule.
    first = [product_id for product_id in targets.product_ids or hit if product_id in hit][:3]
    assert served(channel)[: len(first)] == first


def _switch_off(rule: MerchandisingRule) -> None:
    MerchandisingRule.objects.filter(pk=rule.pk).update(is_active=False)
