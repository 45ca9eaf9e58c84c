"""Where products stand, as conditions of earning rules ask for it."""

from __future__ import annotations

import pytest
from saleor.product.models import Collection

from saleor_crm_plugin.ingestion.catalogue import Place, places_of
from tests.devshop.factories import make_category, make_product

pytestmark = pytest.mark.django_db


def test_a_product_stands_in_its_category_and_in_all_above(django_assert_num_queries) -> None:
    drinks = make_category("Drinks")
    tea = make_category("Tea", drinks)
    green = make_category("Green tea", tea)
    food = make_category("Food")
    sencha, black, bread = (
        make_product("Sencha", category=green),
        make_product("Black", category=tea),
        make_product("Bread", category=food),
    )
    summer, gifts = (Collection.objects.create(name=name, slug=name) for name in ("summer", "gifts"))
    for collection in (summer, gifts):
        collection.products.add(sencha)
    gifts.products.add(bread)

    with django_assert_num_queries(1):
        places = places_of([sencha.pk, black.pk, bread.pk])

    assert places == {
        sencha.pk: Place(frozenset({green.pk, tea.pk, drinks.pk}), frozenset({summer.pk, gifts.pk})),
        black.pk: Place(frozenset({tea.pk, drinks.pk}), frozenset()),
        bread.pk: Place(frozenset({food.pk}), frozenset({gifts.pk})),
    }


def test_a_product_that_is_gone_or_stands_nowhere_has_no_place() -> None:
    product = make_product()
    type(product).objects.filter(pk=product.pk).update(category=None)

    assert places_of([product.pk, 10**6]) == {}
    assert places_of([]) == {}
