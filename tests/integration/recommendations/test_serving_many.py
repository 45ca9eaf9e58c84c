"""Many lists in one statement are the lists that each would have got alone."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from saleor.channel.models import Channel
from saleor.product.models import Product, ProductChannelListing

from saleor_crm_plugin.recommendations import serving
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from tests.devshop.factories import make_category
from tests.integration.recommendations.shop import make_products, make_profile, publish
from tests.recommending import for_basket, for_baskets, for_customer, for_customers, for_products

pytestmark = pytest.mark.django_db

KINDS = list(RecommendationKind)
DISCOVER = RecommendationKind.DISCOVER
UNKNOWN, FORGED = 987_654_321, 2**70


def keys(*products: Product) -> list[int]:
    return [product.pk for product in products]


def test_many_lists_are_those_that_each_would_get_alone(channel: Channel) -> None:
    """For shops and models thrown together at random, with kinds that are about something else too."""
    products = make_products(12, category=make_category())
    profiles = [make_profile() for _ in range(5)]
    for seed in range(12):
        dice = random.Random(seed)

        def some(most: int = 8, dice: random.Random = dice) -> list[Product]:
            return dice.sample(products, dice.randint(0, most))

        bought = {profile: some() for profile in profiles[:-1]}
        publish(
            again=bought,
            new={
                profile: [(one, dice.choice(products)) for one in some() if one not in bought[profile]]
                for profile in profiles[:-1]
            },
            together={one: [other for other in some() if other != one] for one in some()},
            similar={one: [other for other in some() if other != one] for one in some()},
            popular={channel: some()},
        )
        ProductChannelListing.objects.update(is_published=False)
        ProductChannelListing.objects.filter(product__in=some(12)).update(is_published=True)
        first = dice.randint(1, 8)
        people = [*dice.sample(profiles, 4), None, UNKNOWN]
        baskets = {number: keys(*some()) for number in range(4)} | {"empty": [], "forged": [FORGED, products[0].pk]}
        shown = keys(*some())

        for kind in KINDS:
            assert for_customers(people, channel.pk, first, kind) == {
                person: for_customer(person, channel.pk, first, kind) for person in people
            }
            assert for_baskets(baskets, channel.pk, first, kind=kind) == {
                key: for_basket(basket, channel.pk, first, kind=kind) for key, basket in baskets.items()
            }
            assert for_products(shown, kind, channel.pk, first) == {
                product: for_products([product], kind, channel.pk, first)[product] for product in shown
            }


def test_each_customer_gets_the_own_list_and_misses_only_the_own_purchases(channel: Channel) -> None:
    tea, sugar, cup, milk = make_products(4)
    ann, ben, new_one = make_profile(), make_profile(), make_profile()
    publish(
        again={ann: [tea], ben: [cup]}, new={ann: [(sugar, tea)], ben: [(milk, cup)]}, popular={channel: [tea, cup]}
    )

    served = for_customers([ben, new_one, ann, None, FORGED, ben], channel.pk, 2)
    discovered = for_customers([ann, ben, new_one], channel.pk, 2, DISCOVER)

    assert {key: [one.product_id for one in served[key]] for key in served} == {
        ben: keys(cup, milk),
        new_one: keys(tea, cup),
        ann: keys(tea, sugar),
        None: keys(tea, cup),
        FORGED: keys(tea, cup),
    }
    assert {key: [one.product_id for one in discovered[key]] for key in discovered} == {
        ann: keys(sugar, cup),
        ben: keys(milk, tea),
        new_one: keys(tea, cup),
    }


def test_each_basket_is_judged_by_its_own_products(channel: Channel) -> None:
    tea, sugar, hammer, nails = make_products(4)
    publish(together={tea: [sugar], hammer: [nails]}, popular={channel: [tea, hammer]})

    served = for_baskets(
        {"kitchen": keys(tea), "shed": keys(hammer), "both": keys(hammer, tea), "empty": [], "again": keys(tea)},
        channel.pk,
        2,
    )

    assert {key: [one.product_id for one in served[key]] for key in served} == {
        "kitchen": keys(sugar, hammer),
        "shed": keys(nails, tea),
        "both": keys(sugar, nails),
        "empty": keys(tea, hammer),
        "again": keys(sugar, hammer),
    }


def test_a_basket_is_judged_by_its_first_products(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "BASKET_LIMIT", 1)
    tea, sugar, hammer, nails = make_products(4)
    publish(together={tea: [sugar], hammer: [nails]})

    served = for_baskets({1: keys(tea, hammer), 2: keys(hammer, tea)}, channel.pk, 1)

    assert [served[key][0].product_id for key in (1, 2)] == keys(sugar, nails)


@pytest.mark.parametrize("count", [1, 2, 20])
def test_one_statement_for_any_number(channel: Channel, count: int) -> None:
    products = make_products(12)
    profiles = [make_profile() for _ in range(count)]
    publish(
        again=dict.fromkeys(profiles, products[:3]),
        together=dict.fromkeys(products, products[:4]),
        popular={channel: products},
    )
    baskets = {number: keys(*products[number % 12 :]) for number in range(count)}
    calls: list[Callable[[], dict]] = [
        *(lambda kind=kind: for_customers(profiles, channel.pk, 5, kind) for kind in KINDS),
        *(lambda kind=kind: for_baskets(baskets, channel.pk, 5, kind=kind) for kind in KINDS),
    ]
    for call in calls:
        with CaptureQueriesContext(connection) as queries:
            assert len(call()) == count
        assert len(queries) == 1


def test_nobody_asked_is_nothing_to_do(channel: Channel, product: Product) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert for_customers([], channel.pk, 5) == {}
        assert for_baskets({}, channel.pk, 5) == {}
        assert for_customers([1, None], channel.pk, 0) == {1: [], None: []}
        assert for_baskets({"a": [product.pk], "b": []}, channel.pk, 0) == {"a": [], "b": []}
    assert len(queries) == 0
